import { GatewayError } from '../../base/errors.ts';
import { isFinal, type JobNotice } from '../../wire/job.ts';
import { carryThrough, FENCE_MS, type Rotation, trueCredential } from './rotate.ts';

/** What the pool knows of a job; null: nothing. */
export type FindJob = (jobId: string, signal: AbortSignal) => Promise<JobNotice | null>;

/**
 * Settles what earlier rotations of this record left staged, before anything new begins. One that still runs is waited for by refusing. What a lost one
 * staged is carried through, which is harmless even if its worker is alive behind a partition; but nothing new is begun until that worker cannot do
 * anything more either. Throws `already-exists`, `outcome-unknown`, and what keeps a staged credential from being settled.
 */
export async function settlePredecessors(
  rotation: Rotation,
  { findJob, unixMs }: { readonly findJob: FindJob; readonly unixMs: () => number },
): Promise<void> {
  const { chain, account, signal, step } = rotation;
  for (const staged of chain.inState('pending').toReversed()) {
    const job = staged.jobId === null ? null : await findJob(staged.jobId, signal);
    if (job !== null && !isFinal(job.state)) throw underWay(job, account.record.title);
    const fencedUntilMs = job?.state === 'lost' || job === null ? staged.changedUnixMs + FENCE_MS : 0;
    step(`settling what rotation ${staged.jobId ?? 'of nobody'} left staged`, 50);
    const current = chain.inState('active').length === 0 ? null : await trueOrNewest(rotation);
    await carryThrough(rotation, staged, current, true);
    if (fencedUntilMs > unixMs()) throw fenced(job, staged.jobId, fencedUntilMs);
  }
}

/** A refused login must not keep a staged credential from being tried: it may be the one that is true. */
async function trueOrNewest(rotation: Rotation): Promise<ReturnType<Rotation['chain']['inState']>[number] | null> {
  try {
    return await trueCredential(rotation);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'credential-refused') throw error;
    return rotation.chain.inState('active')[0] ?? null;
  }
}

function underWay({ jobId, worker }: JobNotice, title: string): GatewayError {
  return new GatewayError(
    'already-exists',
    `rotation ${jobId} of "${title}" is under way on ${worker ?? 'nobody yet'}`,
    {
      remedy: `pam action job-info ${jobId} shows how far it is.`,
    },
  );
}

function fenced(job: JobNotice | null, jobId: string | null, untilUnixMs: number): GatewayError {
  const until = new Date(untilUnixMs).toISOString();
  const who = job?.worker ?? 'which is not known any more';
  return new GatewayError(
    'outcome-unknown',
    `the worker of rotation ${jobId ?? '?'} (${who}) was lost and might still act; its credential is settled and in force, and another rotation can begin at ${until}`,
  );
}
