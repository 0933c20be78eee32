import { GatewayError } from '../../base/errors.ts';
import type { Credential, CredentialVersion } from '../../vault/index.ts';
import type { Complexity } from '../../wire/password-complexity.ts';
import type { CredentialChain } from './credential-chain.ts';
import { type Account, NOTHING_CHANGED, type RotationTarget, type TargetChange } from './target.ts';

/** One rotation, with everything it needs to know. */
export interface Rotation {
  readonly jobId: string;
  readonly account: Account;
  readonly target: RotationTarget;
  readonly chain: CredentialChain;
  readonly admin: TargetChange['admin'];
  readonly complexity: Complexity;
  /** Writes down a step for `job-info`: no secrets. */
  readonly step: (what: string, donePerMille: number) => void;
  readonly signal: AbortSignal;
  readonly atMs: () => number;
}

/** What became of a staged credential. */
export type Settlement = 'committed' | 'discarded';

/**
 * A change begins this soon after its credential was staged, or not at all: whoever finds the staged credential of a lost worker later than
 * `FENCE_MS` knows that nothing more comes from there.
 */
const CHANGE_BEGINS_MS = 30_000;
/** See CHANGE_BEGINS_MS: with a change's own time, the pool's clock skew and some more. */
export const FENCE_MS = 120_000;
/** Tries to commit or to look when the vault or the target does not answer at once. */
const LOGIN_TRIES = 2;

/** The credential that opens the account now: of several that claim it, a login tells. Throws `credential-missing`, `credential-refused`. */
export async function trueCredential(rotation: Rotation): Promise<CredentialVersion> {
  const { chain, account, target, signal, step } = rotation;
  const claims = chain.inState('active');
  const [only] = claims;
  if (only === undefined)
    throw new GatewayError('credential-missing', `record "${account.record.title}" has no credential in the vault`, {
      remedy: `Give it one: pam record edit ${account.record.recordId} --password-stdin`,
    });
  if (claims.length === 1) return only;
  for (const claim of claims) {
    if (!(await opens(rotation, claim.credential))) continue;
    step(`two credentials claimed to be the one; a login as ${account.user} has settled it`, 150);
    await chain.commit(claim, signal);
    return claim;
  }
  throw new GatewayError(
    'credential-refused',
    `none of the ${claims.length} credentials of ${account.user} is let in by the ${target.name}`,
  );
}

/** Stages a new credential, sets it at the target, tries it and commits it. What goes wrong on the way is undone, or stays visibly pending. */
export async function rotate(rotation: Rotation, current: CredentialVersion): Promise<void> {
  const { chain, target, account, complexity, jobId, step, signal, atMs } = rotation;
  const next = target.renew(current.credential, account.user, complexity);
  const beganMs = atMs();
  const staged = await chain.stage(next, jobId, signal);
  step('the new credential is staged in the vault', 400);
  if (atMs() - beganMs > CHANGE_BEGINS_MS) {
    await chain.discard(staged, signal);
    throw new GatewayError('timeout', `the vault took more than ${CHANGE_BEGINS_MS / 1000} s; nothing has changed`);
  }
  await carryThrough(rotation, staged, current);
}

/**
 * Brings a staged credential to its end, whether the target has it already or not: tries it, sets it once more if it does not work, and commits or
 * discards it by what logins tell. Setting the same credential again is harmless, also when an earlier attempt arrives late.
 */
export async function carryThrough(
  rotation: Rotation,
  staged: CredentialVersion,
  current: CredentialVersion | null,
  isResumed = false,
): Promise<Settlement> {
  const { step, signal } = rotation;
  if (isResumed && (await opens(rotation, staged.credential))) {
    step('a login with the staged credential works: it was set before', 700);
    await finish(rotation, staged, current);
    return 'committed';
  }
  try {
    await change(rotation, staged.credential, current?.credential ?? null);
  } catch (error) {
    await undo(rotation, { staged, current, error, isResumed });
  }
  step('set at the target', 600);
  if (!(await opens(rotation, staged.credential))) {
    const refused = new GatewayError('credential-refused', 'the target took the new credential but does not let it in');
    await undo(rotation, { staged, current, error: refused, isResumed: true });
  }
  step('a login with the new credential works', 800);
  await finish(rotation, staged, current);
  signal.throwIfAborted();
  return 'committed';
}

async function change(
  { target, account, admin, signal }: Rotation,
  to: Credential,
  from: Credential | null,
): Promise<void> {
  await target.change({ account, from, to, admin }, signal);
}

/** Commits, then takes the old one from the target where that is a step of its own. */
async function finish(rotation: Rotation, staged: CredentialVersion, current: CredentialVersion | null): Promise<void> {
  const { chain, target, account, step, signal } = rotation;
  await chain.commit(staged, signal);
  step('committed in the vault; the old one is kept as previous', 900);
  if (target.retire === undefined || current === null) return;
  try {
    await target.retire({ account, old: current.credential, current: staged.credential }, signal);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw said(error, 'the new credential is in force, but the target may still let the old one in as well');
  }
  step('the old credential was taken from the target', 950);
}

/**
 * The change has failed, or seems so. If a login proves that the old credential is the true one the staged one is discarded; if the new one is let in
 * after all it is committed; if nothing can be proved both stay, visibly. Always throws, unless the new one works.
 */
async function undo(
  rotation: Rotation,
  failed: {
    readonly staged: CredentialVersion;
    readonly current: CredentialVersion | null;
    readonly error: unknown;
    /** The target may have been told before. */
    readonly isResumed: boolean;
  },
): Promise<void> {
  const { chain, account, step, signal } = rotation;
  const { staged, current, error, isResumed } = failed;
  if (!(error instanceof GatewayError) || error.code === 'cancelled') throw error;
  if (NOTHING_CHANGED.has(error.code) && (!isResumed || (await oldWorks(rotation, current)))) {
    await chain.discard(staged, signal);
    throw said(error, 'nothing has changed: the old credential is in force');
  }
  const works = await opens(rotation, staged.credential).catch(() => undefined);
  if (works === true) return step('the target had taken it although it failed', 650);
  if (works === false && (await oldWorks(rotation, current))) {
    await chain.discard(staged, signal);
    throw said(error, 'rolled back: a login shows that the old credential is in force');
  }
  throw said(
    error,
    `which credential of ${account.user} is in force cannot be told now; the old and the new one are both kept, and the next rotation settles it`,
  );
}

/** True if a login shows it. */
async function oldWorks(rotation: Rotation, current: CredentialVersion | null): Promise<boolean> {
  if (current === null) return false;
  return await opens(rotation, current.credential).catch(() => false);
}

function said({ code, message, cause }: GatewayError, what: string): GatewayError {
  return new GatewayError(code, `${message}; ${what}`, { cause });
}

/** True if the target lets the credential in, false if it refuses it; throws what keeps it from answering. */
export async function opens({ target, account, signal }: Rotation, credential: Credential): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      await target.login(account, credential, signal);
      return true;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (error.code === 'credential-refused') return false;
      if (error.code !== 'target-reset' || tries >= LOGIN_TRIES) throw error;
    }
  }
}
