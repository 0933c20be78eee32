import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import type { MemberSummary } from '../../../wire/access-member.ts';
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
import { liveMembers, type PoolSummary, readPool } from '../pool-view.ts';

interface DrainOptions extends ProfileOptions {
  readonly gateway?: string;
  readonly instance?: string;
  readonly signWith: readonly string[];
}

/** How long the signed order is good for: long enough to reach the instance through another one. */
const COMMAND_VALID_MS = 60_000;
/** Fewer characters of an id name somebody only by accident. */
const SHORT_ID_LENGTH_MIN = 6;
const EXAMPLE = 'pam gateway drain -g prod-eu -i gateway-2';

/** `pam gateway drain`: tells one instance to take no new jobs, let sessions finish and leave. */
export function drainGatewayCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'drain',
    summary: 'let one instance finish its sessions and leave; its seat is then free',
    examples: [EXAMPLE],
  });
  return addProfileOptions(command)
    .option('-g, --gateway <UID|NAME>', 'the gateway')
    .option('-i, --instance <INSTANCE>', 'id, end of the id, or name of the instance')
    .addOption(signWithOption())
    .action((options: DrainOptions) => drainGateway(terminal, options));
}

async function drainGateway(terminal: Terminal, options: DrainOptions): Promise<void> {
  const gateway = requireFlag(options.gateway, '--gateway', EXAMPLE);
  const named = requireFlag(options.instance, '--instance', EXAMPLE);
  const { signal } = terminal;
  await withClient(terminal, options, async ({ client, profile }) => {
    assertGateway(profile, gateway);
    const signers = await adminKeysOf(terminal, profile, options.signWith);
    const member = findInstance(await readPool(client, signal), named);
    const { drainCommandSeal } = await import('../../../wire/drain-command.ts');
    const { sealWith } = await import('../../../config/client.ts');
    const { unixMs } = await client.welcome(signal);
    const order = {
      gatewayUid: profile.gateway.uid,
      instanceId: member.instanceId,
      expiresUnixMs: unixMs + COMMAND_VALID_MS,
    };
    await client.request(
      { kind: 'drain-member', command: await sealWith(drainCommandSeal, order, signers) },
      'done',
      signal,
    );
    if (options.json === true)
      return terminal.printJson({ instance_id: member.instanceId, name: member.name, state: 'draining' });
    terminal.print(`${printable(member.name)} (${member.instanceId}): draining`);
  });
}

/** The one live instance meant; throws `not-found` naming the candidates. */
export function findInstance(pool: PoolSummary, named: string): MemberSummary {
  const live = liveMembers(pool);
  const matches = (member: MemberSummary): boolean =>
    member.instanceId === named ||
    member.name === named ||
    (named.length >= SHORT_ID_LENGTH_MIN && member.instanceId.endsWith(named));
  const found = live.filter(matches);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const candidates = (found.length > 1 ? found : live)
    .map(({ name, instanceId }) => `  ${name}  ${instanceId}`)
    .join('\n');
  throw new GatewayError(
    'not-found',
    `${found.length === 0 ? 'no' : 'more than one'} live instance is called "${named}"`,
    {
      remedy: `Choose one of:\n${candidates}`,
    },
  );
}
