/** Pure: one job of a worker, and what is said of it. */
import type { InstanceId } from '../../base/ids.ts';
import { isLease } from '../../wire/access-job.ts';
import type { Grant } from '../../wire/grant.ts';
import { type Failure, isFinal, type JobNotice, type JobRequest } from '../../wire/job.ts';
import { failure } from '../effect.ts';
import { costKib } from '../load/cost.ts';
import type { Source } from './conditions.ts';

/** A job that the worker has taken, until its id is forgotten. */
export interface Work {
  readonly request: JobRequest | null;
  /** The sealed request that began the discovery which this is a job of; null for other jobs. */
  readonly origin: Uint8Array | null;
  /** What the caller may; null for an admin, and for a job of an earlier start. */
  readonly grant: Grant | null;
  readonly entry: InstanceId;
  readonly deadlineUnixMs: number;
  readonly costKib: number;
  notice: JobNotice;
  /** The journal holds it as accepted. */
  journaled: boolean;
  /** Until a client must have opened the session. */
  openUntilMs: number;
  /** A session was opened for it, or it has begun without one: never a second time. */
  opened: boolean;
  /** Memory is promised to it, and a drain waits for it. */
  holds: boolean;
  /** When the session began. */
  openedAtMs: number;
  /** Its end has been asked for. */
  cancelling: boolean;
}

/** Where an offered job comes from. */
export interface Offer {
  readonly entry: InstanceId;
  readonly submittedUnixMs: number;
  /** The request as it was signed. */
  readonly sealed: Uint8Array;
  /** Where the client is, by the word of the entry. */
  readonly source: Source;
}

/** What is told to whoever asked for the job. */
export type BenchAnswer =
  | { readonly kind: 'accepted'; readonly notice: JobNotice }
  | { readonly kind: 'declined'; readonly failure: Failure };

/** What is told of a job that the worker has just taken. */
export function acceptedNotice(request: JobRequest, worker: InstanceId, submittedUnixMs: number): JobNotice {
  return {
    jobId: request.jobId,
    kind: request.kind,
    recordId: request.recordId,
    parent: request.parent,
    caller: request.caller,
    state: 'accepted',
    entry: request.entry,
    worker,
    submittedUnixMs,
    startedUnixMs: null,
    endedUnixMs: null,
    error: null,
    bytesIn: 0,
    bytesOut: 0,
    progress: null,
  };
}

/** A lease lives as long as its tunnel; the time of a session is that of each connection. */
export function isLeaseWork({ request }: Work): boolean {
  return request !== null && isLease(request);
}

/** Why a session may not be opened, or null. */
export function sessionRefusal(work: Work | undefined, jobId: string, caller: string): Failure | null {
  if (work === undefined) return failure('not-found', `no job ${jobId} waits here`);
  if (work.notice.caller !== caller) return failure('not-allowed', `job ${jobId} belongs to another caller`);
  if (work.opened || isFinal(work.notice.state))
    return failure('already-exists', `the session of job ${jobId} was opened before`);
  return work.journaled ? null : failure('not-found', `job ${jobId} is not accepted yet`);
}

/** A job just taken, not yet in the journal. */
export function newWork(
  request: JobRequest,
  taken: Pick<Work, 'origin' | 'grant' | 'entry' | 'notice' | 'openUntilMs'>,
): Work {
  return {
    request,
    ...taken,
    deadlineUnixMs: request.deadlineUnixMs,
    costKib: costKib(request),
    journaled: false,
    opened: false,
    holds: false,
    openedAtMs: Number.POSITIVE_INFINITY,
    cancelling: false,
  };
}

/** A job of an earlier process: whatever had not ended is lost. */
export function recalledWork(notice: JobNotice, deadlineUnixMs: number, poolUnixMs: number): Work {
  const message = 'the instance stopped while the job was under way; whether it finished is unknown';
  const lost = { state: 'lost' as const, endedUnixMs: poolUnixMs, error: failure('outcome-unknown', message) };
  return {
    request: null,
    origin: null,
    grant: null,
    entry: notice.entry,
    deadlineUnixMs,
    costKib: 0,
    notice: isFinal(notice.state) ? notice : { ...notice, ...lost },
    journaled: true,
    openUntilMs: Number.POSITIVE_INFINITY,
    opened: true,
    holds: false,
    openedAtMs: Number.POSITIVE_INFINITY,
    cancelling: false,
  };
}

/** Why a session has lasted long enough, or null. A lease lives as long as its tunnel. */
export function durationProblem(work: Work, { name, conditions }: Grant, atMs: number): string | null {
  const mostMs = conditions?.sessionMsMax ?? null;
  if (mostMs === null || isLeaseWork(work) || atMs - work.openedAtMs < mostMs) return null;
  return `the grant of ${name} lets a session last ${Math.round(mostMs / 1000)} s`;
}
