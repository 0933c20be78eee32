import type { Command } from 'commander';
import { countSessions, loadPerMille, overLimitHint } from '../../../api/client.ts';
import { GatewayError } from '../../../base/errors.ts';
import type { Profile } from '../../../config/index.ts';
import type { MemberSummary } from '../../../wire/access-member.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseWord } from '../../frame/flags.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatAgo, formatId, formatPerMille, printable } from '../../frame/text.ts';
import { addProfileOptions, openProfile, type ProfileOptions, withClient } from '../connection.ts';
import { countRunning, liveMembers, type PoolSummary, readPool } from '../pool-view.ts';

interface ListOptions extends ProfileOptions {
  readonly verbose?: boolean;
  readonly force?: boolean;
  readonly online?: boolean;
  readonly format: string;
}

/** The document of `pam gateway list`: the reference's keys and ours. */
export interface GatewayListReport {
  readonly gateways: readonly GatewayReport[];
  readonly gateway_counts?: { readonly online: number; readonly offline: number; readonly total: number };
}

/** One gateway with its live instances. */
export interface GatewayReport {
  readonly gateway_name: string;
  readonly gateway_uid: string;
  /** `ONLINE`, `ONLINE (N instances)`, `OFFLINE`, or `UNKNOWN` when nobody answers. */
  readonly status: string;
  readonly max_instances: number | null;
  readonly limit_version: number | null;
  readonly running: number | null;
  /** What the admin still has to do; null when nothing. */
  readonly hint: string | null;
  readonly instances: readonly InstanceReport[];
}

/** One live instance. */
export interface InstanceReport {
  /** Position in this list, from 1: no identity. */
  readonly instance_number: number;
  readonly status: 'ONLINE' | 'WAITING';
  readonly gateway_version: string;
  readonly ip_address: string;
  /** Milliseconds since 1970. */
  readonly connected_on: number;
  readonly instance_id: string;
  readonly name: string;
  readonly state: string;
  readonly rank: number | null;
  readonly load_per_mille: number | null;
  readonly sessions: number | null;
  readonly limit_version: number | null;
  readonly os: string;
}

/** `pam gateway list`: the gateway of the profile and its instances. */
export function listGatewaysCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'list',
    summary: 'the gateway and its instances: states, seats, loads',
    examples: ['pam gateway list', 'pam gateway list -v', 'pam gateway list --format json'],
  }).alias('l');
  return addProfileOptions(command)
    .option('-v, --verbose', 'show whole ids, platforms and limit versions')
    .option('-f, --force', 'list the gateway also when no instance can be reached')
    .option('-o, --online', 'only instances that serve, with counts')
    .option('--format <FORMAT>', 'table or json', 'table')
    .action((options: ListOptions) => listGateways(terminal, options));
}

async function listGateways(terminal: Terminal, options: ListOptions): Promise<void> {
  const format = parseWord(options.format, '--format', ['table', 'json']);
  const report = reportGateways(await findGateway(terminal, options), options.online === true);
  if (options.json === true || format === 'json') return terminal.printJson(report);
  terminal.print(renderGateways(report, terminal.style({ verbose: options.verbose })).join('\n'));
}

async function findGateway(terminal: Terminal, options: ListOptions): Promise<PoolSummary | Profile['gateway']> {
  try {
    return await withClient(terminal, options, ({ client }) => readPool(client, terminal.signal));
  } catch (error) {
    if (options.force !== true || !(error instanceof GatewayError) || error.code !== 'unreachable') throw error;
    terminal.note(`error: ${error.message}`);
    return (await openProfile(terminal, options)).gateway;
  }
}

/** The document for a pool, or for a gateway of which nobody answers. */
export function reportGateways(found: PoolSummary | Profile['gateway'], onlineOnly: boolean): GatewayListReport {
  if (!('members' in found)) {
    const unknown = {
      status: 'UNKNOWN',
      max_instances: null,
      limit_version: null,
      running: null,
      hint: null,
      instances: [],
    };
    return { gateways: [{ gateway_name: found.name, gateway_uid: found.uid, ...unknown }] };
  }
  const all = liveMembers(found).map(reportInstance);
  const online = all.filter(({ status }) => status === 'ONLINE');
  const running = countRunning(found);
  const gateway: GatewayReport = {
    gateway_name: found.gatewayName,
    gateway_uid: found.gatewayUid,
    status: statusOf(online.length),
    max_instances: found.maxInstances,
    limit_version: found.limitVersion,
    running,
    hint: overLimitHint(running, found.maxInstances),
    instances: onlineOnly ? online : all,
  };
  if (!onlineOnly) return { gateways: [gateway] };
  const isOnline = online.length > 0 ? 1 : 0;
  return {
    gateways: isOnline === 1 ? [gateway] : [],
    gateway_counts: { online: isOnline, offline: 1 - isOnline, total: 1 },
  };
}

function statusOf(online: number): string {
  if (online === 0) return 'OFFLINE';
  return online === 1 ? 'ONLINE' : `ONLINE (${online} instances)`;
}

function reportInstance(member: MemberSummary, index: number): InstanceReport {
  return {
    instance_number: index + 1,
    status: member.seatLimitVersion === null ? 'WAITING' : 'ONLINE',
    gateway_version: member.version,
    ip_address: hostOf(member.accessAddresses[0] ?? ''),
    connected_on: member.joinedUnixMs,
    instance_id: member.instanceId,
    name: member.name,
    state: member.state,
    rank: member.rank,
    load_per_mille: member.load === null ? null : loadPerMille(member.load),
    sessions: member.load === null ? null : countSessions(member.load),
    limit_version: member.heldLimitVersion,
    os: member.platform,
  };
}

/** The host inside a multiaddr. */
function hostOf(address: string): string {
  return address.split('/')[2] ?? '';
}

/** One heading per gateway and a table of its instances. */
export function renderGateways(
  { gateways, gateway_counts: counts }: GatewayListReport,
  style: Style,
): readonly string[] {
  const lines = gateways.flatMap((gateway) => renderGateway(gateway, style));
  if (counts === undefined) return lines;
  return [...lines, `Gateways: Online: ${counts.online}, Offline: ${counts.offline}, Total: ${counts.total}`];
}

function renderGateway(gateway: GatewayReport, style: Style): readonly string[] {
  const { palette, width, verbose, nowUnixMs } = style;
  const { instances } = gateway;
  const limit = gateway.max_instances === null ? '' : `   limit ${gateway.max_instances} (v${gateway.limit_version})`;
  const status = gateway.status.startsWith('ONLINE') ? palette.good(gateway.status) : palette.bad(gateway.status);
  const heading = `${palette.strong(printable(gateway.gateway_name))}   ${gateway.gateway_uid}   ${status}${limit}`;
  const hint = gateway.hint === null ? [] : [palette.warning(gateway.hint)];
  if (instances.length === 0) return [heading, ...hint];
  const table = formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: '#', align: 'right' },
      { title: 'INSTANCE', cutTo: 8 },
      { title: 'ID', dropOrder: 3 },
      {
        title: 'STATUS',
        paint: (cell, row) => (instances[row]?.status === 'ONLINE' ? palette.good(cell) : palette.warning(cell)),
      },
      { title: 'STATE' },
      { title: 'LOAD', align: 'right' },
      { title: 'SESSIONS', align: 'right' },
      { title: 'ADDRESS', dropOrder: 2 },
      { title: 'CONNECTED', align: 'right', dropOrder: 1 },
      { title: 'VERSION', dropOrder: 4 },
      ...(verbose ? [{ title: 'LIMIT' }, { title: 'OS' }] : []),
    ],
    rows: instances.map((instance) => [
      String(instance.instance_number),
      instance.name,
      formatId(instance.instance_id, verbose),
      instance.status,
      instance.state,
      formatPerMille(instance.load_per_mille),
      String(instance.sessions ?? '–'),
      instance.ip_address,
      formatAgo(new Date(instance.connected_on).toISOString(), nowUnixMs),
      instance.gateway_version,
      ...(verbose ? [instance.limit_version === null ? '–' : `v${instance.limit_version}`, instance.os] : []),
    ]),
  });
  return [heading, ...hint, ...table];
}
