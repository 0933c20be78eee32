import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { type InstanceId, parseKeyId } from '../../../base/ids.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import {
  addProfileOptions,
  adminKeysOf,
  assertGateway,
  type ProfileOptions,
  signWithOption,
  withClient,
} from '../connection.ts';
import { changePolicy, formatHeld, refuseMissing, reportHeld } from '../policy/publish-policy.ts';
import { type PoolSummary, readPool } from '../pool-view.ts';
import { findInstance } from './drain.ts';

interface EvictOptions extends ProfileOptions {
  readonly gateway?: string;
  readonly instance?: string;
  readonly signWith: readonly string[];
}

const EXAMPLE = 'pam gateway evict -g prod-eu -i gateway-2';

/** `pam gateway evict`: an instance stops serving everywhere at once and never takes part again with its identity. */
export function evictGatewayCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'evict',
    summary: 'put an instance out of the pool for good, at once and with its sessions',
    examples: [EXAMPLE],
  });
  return addProfileOptions(command)
    .option('-g, --gateway <UID|NAME>', 'the gateway')
    .option('-i, --instance <INSTANCE>', 'id, end of the id, or name of the instance; its id if it is not there')
    .addOption(signWithOption())
    .action((options: EvictOptions) => evictGateway(terminal, options));
}

async function evictGateway(terminal: Terminal, options: EvictOptions): Promise<void> {
  const gateway = requireFlag(options.gateway, '--gateway', EXAMPLE);
  const named = requireFlag(options.instance, '--instance', EXAMPLE);
  const { signal } = terminal;
  await withClient(terminal, options, async (connected) => {
    const { client, profile } = connected;
    assertGateway(profile, gateway);
    const signers = await adminKeysOf(terminal, profile, options.signWith);
    const { instanceId, name } = findAnyInstance(await readPool(client, signal), named);
    await refuseEntry(connected, instanceId, signal);
    const evictedUnixMs = (await client.welcome(signal)).unixMs;
    const change = { evict: [{ instanceId, evictedUnixMs }] };
    const { held } = await changePolicy(connected, change, { signers, signal });
    if (options.json === true)
      terminal.printJson({ instance_id: instanceId, name, state: 'evicted', ...reportHeld(held) });
    else terminal.print(`${printable(name)} (${instanceId}): evicted (${formatHeld(held)})`);
    terminal.note('Whoever has its files still knows the pool secret: see "A stolen configuration" in the README.');
    refuseMissing(terminal, held);
  });
}

/** The instance meant, whether it is there or not. */
export function findAnyInstance(
  pool: PoolSummary,
  named: string,
): { readonly instanceId: InstanceId; readonly name: string } {
  const id = parseKeyId(named);
  if (id === undefined) return findInstance(pool, named);
  return pool.members.find(({ instanceId }) => instanceId === id) ?? { instanceId: id, name: id };
}

/** The instance that is asked ends with the eviction, and could tell nobody how it went. */
async function refuseEntry(
  { client }: Parameters<Parameters<typeof withClient>[2]>[0],
  instanceId: InstanceId,
  signal: AbortSignal,
): Promise<void> {
  const welcome = await client.welcome(signal);
  const others = welcome.members.filter(({ instanceId: id }) => id !== instanceId);
  if (welcome.instanceId !== instanceId || others.length === 0) return;
  const address = others.flatMap(({ addresses }) => addresses)[0] ?? 'HOST:PORT';
  throw new GatewayError('bad-usage', 'the instance to be evicted is the one that this command talks to', {
    remedy: `Ask another one first: --address ${address}`,
  });
}
