import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { AccessClient } from '../../../access/client/index.ts';
import { overLimitHint } from '../../../api/client.ts';
import { ExitCode } from '../../../base/errors.ts';
import type { MemberSummary } from '../../../wire/access-member.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { requireFlag } from '../../frame/flags.ts';
import { ExitWith } from '../../frame/run-program.ts';
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
import { countRunning, highestLimitVersion, liveMembers, type PoolSummary, readPool } from '../pool-view.ts';
import { parseMaxInstances } from './max-instances.ts';

interface SetMaxInstancesOptions extends ProfileOptions {
  readonly gateway?: string;
  readonly maxInstances?: string;
  readonly signWith: readonly string[];
}

/** Every live instance must hold the limit by then: gossip needs a fraction of it, repair by direct exchange a second or two. */
const HELD_BY_ALL_MS = 10_000;
/** How often the pool is looked at until then. */
const LOOK_MS = 50;
const EXAMPLE = 'pam gateway set-max-instances -g prod-eu -m 5';

/** `pam gateway set-max-instances`: signs the next version of the limit and waits until every live instance holds it. */
export function setMaxInstancesCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'set-max-instances',
    summary: 'sign a new limit, publish it, and wait until every live instance holds it',
    examples: [EXAMPLE],
  }).alias('smi');
  return addProfileOptions(command)
    .option('-g, --gateway <UID|NAME>', 'the gateway')
    .option('-m, --max-instances <N>', 'how many instances may run')
    .addOption(signWithOption())
    .action((options: SetMaxInstancesOptions) => setMaxInstances(terminal, options));
}

async function setMaxInstances(terminal: Terminal, options: SetMaxInstancesOptions): Promise<void> {
  const named = requireFlag(options.gateway, '--gateway', EXAMPLE);
  const maxInstances = parseMaxInstances(requireFlag(options.maxInstances, '--max-instances', EXAMPLE));
  await withClient(terminal, options, async ({ client, profile }) => {
    assertGateway(profile, named);
    const signers = await adminKeysOf(terminal, profile, options.signWith);
    const [{ limitSeal }, { sealWith }] = await Promise.all([
      import('../../../wire/limit.ts'),
      import('../../../config/client.ts'),
    ]);
    const before = await readPool(client, terminal.signal);
    const version = highestLimitVersion(before) + 1;
    const { unixMs } = await client.welcome(terminal.signal);
    const limit = { gatewayUid: profile.gateway.uid, maxInstances, version, issuedUnixMs: unixMs, expiresUnixMs: null };
    const beganAtMs = performance.now();
    await client.request(
      { kind: 'offer-limit', sealed: await sealWith(limitSeal, limit, signers) },
      'done',
      terminal.signal,
    );
    const { pool, missing } = await waitUntilHeld(client, version, terminal.signal);
    report(terminal, options.json === true, {
      pool,
      missing,
      maxInstances,
      version,
      elapsedMs: Math.round(performance.now() - beganAtMs),
    });
  });
}

async function waitUntilHeld(
  client: AccessClient,
  version: number,
  signal: AbortSignal,
): Promise<{ readonly pool: PoolSummary; readonly missing: readonly MemberSummary[] }> {
  const untilMs = performance.now() + HELD_BY_ALL_MS;
  for (;;) {
    const pool = await readPool(client, signal);
    const missing = liveMembers(pool).filter(({ heldLimitVersion }) => (heldLimitVersion ?? 0) < version);
    if (missing.length === 0 || performance.now() >= untilMs) return { pool, missing };
    await delay(LOOK_MS, undefined, { signal });
  }
}

interface Outcome {
  readonly pool: PoolSummary;
  readonly missing: readonly MemberSummary[];
  readonly maxInstances: number;
  readonly version: number;
  readonly elapsedMs: number;
}

/** Says who holds it; ends with 1 when somebody live does not. */
function report(terminal: Terminal, json: boolean, { pool, missing, maxInstances, version, elapsedMs }: Outcome): void {
  const of = liveMembers(pool).length;
  const heldBy = of - missing.length;
  const running = countRunning(pool);
  const hint = overLimitHint(running, maxInstances);
  if (json) {
    terminal.printJson({
      gateway_uid: pool.gatewayUid,
      gateway_name: pool.gatewayName,
      max_instances: maxInstances,
      version,
      held_by: heldBy,
      of,
      elapsed_ms: elapsedMs,
      missing: missing.map(({ instanceId, name, heldLimitVersion }) => ({
        instance_id: instanceId,
        name,
        limit_version: heldLimitVersion,
      })),
      running,
      hint,
    });
  } else {
    const held = `limit version ${version}, held by ${heldBy} of ${of} instance${of === 1 ? '' : 's'}`;
    terminal.print(`${printable(pool.gatewayName)}: max instance count set to ${maxInstances} (${held})`);
    if (hint !== null) terminal.print(hint);
  }
  for (const { name, instanceId, heldLimitVersion } of missing) {
    terminal.note(`not held by ${printable(name)} (${instanceId}), which has version ${heldLimitVersion ?? 'unknown'}`);
  }
  if (missing.length === 0) return;
  terminal.note(
    'Instances fetch the limit by themselves as soon as they can be reached; pam gateway list -v shows who has it.',
  );
  throw new ExitWith(ExitCode.failed);
}
