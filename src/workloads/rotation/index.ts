/**
 * Rotation: a new credential is staged in the vault, set at the target, tried by a real login and committed; what goes wrong on the way is rolled back, or
 * stays visibly staged until a login has settled it. It is *not* concerned with when: that is asked for by people or by the schedule.
 *
 * Invariants: the vault holds a credential before the target does. Nothing is discarded before a login has shown that another one works, or the
 * target has promised that it is unchanged. One job stages one credential.
 */
import { GatewayError } from '../../base/errors.ts';
import type { RecordsView } from '../../core/index.ts';
import type { Vault } from '../../vault/index.ts';
import type { TargetRecord } from '../../wire/record.ts';
import { assertRotatable, type RotationProfile, readProfile } from '../../wire/rotation-profile.ts';
import type { Task, TaskOutcome, TaskWorkload } from '../task.ts';
import { failed } from '../task-runner.ts';
import { CredentialChain } from './credential-chain.ts';
import { type FindJob, settlePredecessors } from './predecessors.ts';
import { carryThrough, opens, type Rotation, rotate, trueCredential } from './rotate.ts';
import { runScript } from './script/run-script.ts';
import type { TargetChange } from './target.ts';
import { targetOf } from './targets.ts';

/** What rotating needs of its instance. */
export interface RotationComponents {
  readonly vault: Vault;
  readonly records: Pick<RecordsView, 'find'>;
  readonly findJob: FindJob;
  /** Folder of the operator's scripts. */
  readonly scripts: string;
  /** The pool's clock. */
  unixMs(): number;
  /** A clock that only goes forward. */
  atMs(): number;
}

/** Parameter of a job that only looks whether a rotation could be done. */
export const DRY_RUN_PARAMETER = 'dry-run';
/** Longest a script before or after a rotation may run. */
const HOOK_MS = 60_000;

/** One line of a rotation's output. */
interface Step {
  readonly at: string;
  readonly what: string;
}

/** The workload over its components. */
export function createRotation(components: RotationComponents): TaskWorkload {
  return { kind: 'rotation', run: (task) => run(task, components) };
}

async function run(task: Task, components: RotationComponents): Promise<TaskOutcome> {
  const { record, notice } = task;
  if (record === null) return failed({ code: 'bad-usage', message: 'a rotation needs a record' });
  const steps: Step[] = [];
  const step = (what: string, donePerMille: number): void => {
    steps.push({ at: new Date(components.unixMs()).toISOString(), what });
    task.report(what, donePerMille);
  };
  const shown = { record: record.recordId, title: record.title, steps };
  try {
    const message = await rotateRecord({ task, record, components, step });
    return { state: 'succeeded', error: null, message, output: shown };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const remedy = error.remedy === undefined ? '' : ` (${error.remedy})`;
    return failed({ code: error.code, message: `${error.message}${remedy}` }, { ...shown, jobId: notice.jobId });
  }
}

interface Work {
  readonly task: Task;
  readonly record: TargetRecord;
  readonly components: RotationComponents;
  readonly step: Rotation['step'];
}

async function rotateRecord(work: Work): Promise<string> {
  const { task, record } = work;
  const profile = readProfile(record);
  const rotation = await prepare(work, profile);
  if (task.resumed) return resume(rotation);
  assertRotatable(record, profile);
  await settlePredecessors(rotation, work.components);
  const current = await trueCredential(rotation);
  await assertActorWorks(rotation, current.credential);
  const who = `${rotation.account.user} (${rotation.target.name})`;
  if (task.parameters.some(({ name }) => name === DRY_RUN_PARAMETER)) return `dry run: ${who} can be rotated`;
  await hook(work, 'before', profile.before);
  await rotate(rotation, current);
  await hook(work, 'after', profile.after);
  return `${who} has a new credential; a login with it works`;
}

async function prepare({ task, record, components, step }: Work, profile: RotationProfile): Promise<Rotation> {
  const { cancelled: signal, notice } = task;
  const chain = await CredentialChain.read(components.vault, record.recordId, signal);
  const sample = [...chain.inState('active'), ...chain.inState('pending')][0]?.credential;
  if (sample === undefined)
    throw new GatewayError('credential-missing', `record "${record.title}" has no credential in the vault`);
  const user = sample.user ?? record.user;
  if (user === null) throw new GatewayError('credential-missing', `record "${record.title}" names no user`);
  return {
    jobId: notice.jobId,
    account: { record, user },
    target: targetOf(record, sample, components.scripts),
    chain,
    admin: await findAdmin({ components, profile, signal }),
    complexity: profile.complexity,
    step,
    signal,
    atMs: components.atMs,
  };
}

async function findAdmin(asked: {
  readonly components: RotationComponents;
  readonly profile: RotationProfile;
  readonly signal: AbortSignal;
}): Promise<TargetChange['admin']> {
  const { components, profile, signal } = asked;
  if (profile.adminRecordId === null) return null;
  const record = components.records.find(profile.adminRecordId)[0];
  if (record === undefined)
    throw new GatewayError('not-found', `the admin record ${profile.adminRecordId} of this rotation does not exist`);
  const chain = await CredentialChain.read(components.vault, record.recordId, signal);
  const credential = chain.inState('active')[0]?.credential;
  const user = credential?.user ?? record.user;
  if (credential === undefined || user === null)
    throw new GatewayError('credential-missing', `the admin record "${record.title}" has no credential`);
  return { user, credential };
}

/** Before anything is staged: whoever makes the change must be let in. */
async function assertActorWorks(rotation: Rotation, own: TargetChange['to']): Promise<void> {
  const { account, admin, target, signal, step } = rotation;
  const { record } = account;
  if (admin === null) {
    if (!(await opens(rotation, own)))
      throw new GatewayError(
        'credential-refused',
        `the target refuses the credential of ${account.user} that the vault holds; nothing has changed`,
      );
    return step(`logged in as ${account.user}`, 200);
  }
  try {
    await (target.loginAdmin ?? target.login)({ record, user: admin.user }, admin.credential, signal);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'credential-refused') throw error;
    const message = `the target refuses the admin credential of ${admin.user}; nothing has changed, the old credential of ${account.user} is in force`;
    throw new GatewayError('credential-refused', message, { cause: error });
  }
  step(`logged in as ${admin.user}, who makes the change`, 200);
}

/** An earlier process of this worker may have begun: only what it staged is brought to its end. */
async function resume(rotation: Rotation): Promise<string> {
  const { chain, jobId, account, target, signal } = rotation;
  const staged = chain.ofJob(jobId);
  if (staged === undefined)
    throw new GatewayError('cancelled', 'the worker stopped before anything was staged; nothing has changed');
  if (staged.state === 'pending') {
    const current = chain.inState('active')[0] ?? null;
    await carryThrough(rotation, staged, current, true);
    return `${account.user} has a new credential; found and finished after a restart of the worker`;
  }
  const old = chain.inState('previous')[0];
  if (staged.state === 'active' && old !== undefined)
    await target.retire?.({ account, old: old.credential, current: staged.credential }, signal);
  return `${account.user} has a new credential; it was committed before the worker restarted`;
}

async function hook(
  { task, record, components, step }: Work,
  when: 'before' | 'after',
  name: string | null,
): Promise<void> {
  if (name === null) return;
  const input = JSON.stringify({
    when,
    recordId: record.recordId,
    title: record.title,
    host: record.host,
    port: record.port,
  });
  const { code, output } = await runScript({
    folder: components.scripts,
    name,
    input,
    ms: HOOK_MS,
    signal: task.cancelled,
  });
  step(
    `script ${name} ${when} the rotation ended with ${code}: ${output.trim().slice(0, 1000)}`,
    when === 'before' ? 300 : 980,
  );
  if (code === 0) return;
  const what = when === 'before' ? 'nothing has changed' : 'the new credential is in force';
  throw new GatewayError('target-reset', `script ${name} ${when} the rotation failed with exit code ${code}; ${what}`);
}
