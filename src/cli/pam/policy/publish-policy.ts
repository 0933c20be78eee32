import { setTimeout as delay } from 'node:timers/promises';
import type { AccessClient } from '../../../access/client/index.ts';
import { ExitCode } from '../../../base/errors.ts';
import type { Signer } from '../../../config/index.ts';
import type { MemberSummary } from '../../../wire/access-member.ts';
import type { Policy } from '../../../wire/policy.ts';
import { ExitWith } from '../../frame/run-program.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import type { Connected } from '../connection.ts';
import { liveMembers, readPool } from '../pool-view.ts';
import type { PolicyChange } from './next-policy.ts';

/** Every live instance must hold it by then. */
const HELD_BY_ALL_MS = 10_000;
const LOOK_MS = 50;

/** Who holds a policy that was published. */
export interface Held {
  readonly version: number;
  readonly heldBy: number;
  readonly of: number;
  readonly elapsedMs: number;
  readonly missing: readonly MemberSummary[];
}

/** Signs the next version of the policy with a change, publishes it, and waits until every live instance holds it. */
export async function changePolicy(
  { client, profile }: Connected,
  change: PolicyChange,
  { signers, signal }: { readonly signers: readonly Signer[]; readonly signal: AbortSignal },
): Promise<{ readonly policy: Policy; readonly held: Held }> {
  const policy = await draftPolicy({ client, profile }, change, signal);
  const [{ policySeal }, { sealWith }] = await Promise.all([
    import('../../../wire/policy.ts'),
    import('../../../config/client.ts'),
  ]);
  const held = await publishPolicy(
    client,
    { sealed: await sealWith(policySeal, policy, signers), version: policy.version },
    signal,
  );
  return { policy, held };
}

/** The next version of the policy with a change, unsigned. */
export async function draftPolicy(
  { client, profile }: Connected,
  change: PolicyChange,
  signal: AbortSignal,
): Promise<Policy> {
  const { nextPolicy, readPolicy } = await import('./next-policy.ts');
  const book = await readPolicy(client, profile, signal);
  const { limitVersion } = await readPool(client, signal);
  const { unixMs } = await client.welcome(signal);
  return nextPolicy({ gatewayUid: profile.gateway.uid, book, limitVersion, unixMs, change });
}

/** Hands a signed policy to the pool. */
export async function publishPolicy(
  client: AccessClient,
  { sealed, version }: { readonly sealed: Uint8Array; readonly version: number },
  signal: AbortSignal,
): Promise<Held> {
  await client.request({ kind: 'offer-policy', sealed }, 'done', signal);
  return waitUntilPolicyHeld(client, version, signal);
}

/** Waits until every live instance holds the policy that the one asked has just put in force. */
export async function waitUntilPolicyHeld(client: AccessClient, version: number, signal: AbortSignal): Promise<Held> {
  const beganAtMs = performance.now();
  const untilMs = beganAtMs + HELD_BY_ALL_MS;
  for (;;) {
    const live = liveMembers(await readPool(client, signal));
    const missing = live.filter(({ heldPolicyVersion }) => (heldPolicyVersion ?? 0) < version);
    const elapsedMs = Math.round(performance.now() - beganAtMs);
    const of = live.length;
    if (missing.length === 0 || performance.now() >= untilMs)
      return { version, heldBy: of - missing.length, of, elapsedMs, missing };
    await delay(LOOK_MS, undefined, { signal });
  }
}

/** `policy version 3, held by 5 of 5 instances`. */
export function formatHeld({ version, heldBy, of }: Held): string {
  return `policy version ${version}, held by ${heldBy} of ${of} instance${of === 1 ? '' : 's'}`;
}

/** The same for `--json`. */
export function reportHeld({ version, heldBy, of, elapsedMs }: Held) {
  return { version, held_by: heldBy, of, elapsed_ms: elapsedMs };
}

/** Says which live instances do not hold it, and ends with 1 if there are any. */
export function refuseMissing(terminal: Terminal, { missing }: Held): void {
  for (const { name, instanceId } of missing) terminal.note(`not held by ${printable(name)} (${instanceId})`);
  if (missing.length === 0) return;
  terminal.note('Instances fetch the policy by themselves as soon as they can be reached.');
  throw new ExitWith(ExitCode.failed);
}
