import type { Command } from 'commander';
import { countSessions } from '../../../api/client.ts';
import { formatUnixMs } from '../../../base/stamp.ts';
import type { MemberSummary } from '../../../wire/access-member.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatAddress, formatAgo, formatBytes, printable } from '../../frame/text.ts';
import { addProfileOptions, assertGateway, type ProfileOptions, withClient } from '../connection.ts';
import { findInstance } from '../gateway/drain.ts';
import { liveMembers, readPool } from '../pool-view.ts';

interface InfoOptions extends ProfileOptions {
  readonly gateway?: string;
  readonly instance?: string;
}

/** What is told of one instance. */
export interface InstanceInfo {
  readonly instanceId: string;
  readonly name: string;
  readonly state: string;
  readonly version: string;
  readonly platform: string;
  readonly startedAt: string;
  readonly accessAddresses: readonly string[];
  readonly limitVersion: number | null;
  readonly sessions: number | null;
  readonly reservedBytes: number | null;
  readonly budgetBytes: number | null;
}

/** `pam action gateway-info`: details of every instance, or of one. */
export function gatewayInfoCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'gateway-info',
    summary: 'details of the instances: version, platform, start, memory',
    examples: ['pam action gateway-info', 'pam action gateway-info -i gateway-2'],
  }).alias('i');
  return addProfileOptions(command)
    .option('-g, --gateway <UID|NAME>', 'the gateway (default: that of the profile)')
    .option('-i, --instance <INSTANCE>', 'id, end of the id, or name of one instance')
    .action((options: InfoOptions) => showInfo(terminal, options));
}

async function showInfo(terminal: Terminal, options: InfoOptions): Promise<void> {
  const pool = await withClient(terminal, options, ({ client, profile }) => {
    if (options.gateway !== undefined) assertGateway(profile, options.gateway);
    return readPool(client, terminal.signal);
  });
  const chosen = options.instance === undefined ? liveMembers(pool) : [findInstance(pool, options.instance)];
  const instances = chosen.map(describe);
  if (options.json === true)
    return terminal.printJson({ gateway: { uid: pool.gatewayUid, name: pool.gatewayName }, instances });
  terminal.print(instances.map((instance) => renderInfo(instance, terminal.style()).join('\n')).join('\n\n'));
}

function describe(member: MemberSummary): InstanceInfo {
  const { load } = member;
  return {
    instanceId: member.instanceId,
    name: member.name,
    state: member.state,
    version: member.version,
    platform: member.platform,
    startedAt: formatUnixMs(member.startedUnixMs),
    accessAddresses: member.accessAddresses,
    limitVersion: member.heldLimitVersion,
    sessions: load === null ? null : countSessions(load),
    reservedBytes: load === null ? null : load.reservedKib * 1024,
    budgetBytes: load === null ? null : load.budgetKib * 1024,
  };
}

function renderInfo(instance: InstanceInfo, { palette, nowUnixMs }: Style): readonly string[] {
  const { reservedBytes, budgetBytes } = instance;
  const memory =
    reservedBytes === null || budgetBytes === null
      ? '–'
      : `${formatBytes(reservedBytes)} of ${formatBytes(budgetBytes)} promised`;
  const facts: readonly (readonly [string, string])[] = [
    ['id', instance.instanceId],
    ['state', instance.state],
    ['version', instance.version],
    ['platform', instance.platform],
    ['started', `${instance.startedAt} (${formatAgo(instance.startedAt, nowUnixMs)})`],
    ['access', instance.accessAddresses.map(formatAddress).join(', ')],
    ['limit', instance.limitVersion === null ? '–' : `version ${instance.limitVersion}`],
    ['sessions', String(instance.sessions ?? '–')],
    ['memory', memory],
  ];
  return [
    palette.strong(printable(instance.name)),
    ...facts.map(([name, value]) => `  ${palette.faint(name.padEnd(10))}${printable(value)}`),
  ];
}
