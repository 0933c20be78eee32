import type {
  CredentialsView,
  JobResult,
  JobsView,
  PoolView,
  RecordsView,
  Reply,
  SchedulesView,
} from './core/index.ts';
import type { Grant } from './wire/grant.ts';
import type { Failure, JobRequest, JobState } from './wire/job.ts';
import type { TargetRecord } from './wire/record.ts';

/**
 * What the access plane and the control socket may ask of the running instance. `instance.ts` implements it over the core: every
 * call becomes an input, every answer is a reply effect.
 */
export interface PoolPort {
  readonly instanceId: string;
  /** New with every start; a job request names it. */
  readonly startId: string;
  /** Its admins are those who count now. */
  readonly gateway: {
    readonly uid: string;
    readonly name: string;
    readonly adminKeys: readonly string[];
    readonly threshold: number;
  };
  /** The pool's clock, which job deadlines are measured by, in milliseconds. */
  unixMs(): number;
  view(): PoolView;
  readonly jobs: JobsView;
  readonly records: RecordsView;
  readonly credentials: CredentialsView;
  readonly schedules: SchedulesView;
  /** Hands in a sealed job request; ends with `accepted` or `refused`. */
  submit(submitted: Submitted, signal: AbortSignal): Promise<Reply>;
  /** Asks to carry out an accepted job on this instance; the answer to `run` must be exactly one `jobEnded`. */
  openSession(opening: SessionOpening, signal: AbortSignal): Promise<SessionAnswer>;
  jobProgress(jobId: string, bytesIn: number, bytesOut: number): void;
  /** How far an unattended job is. */
  jobReport(jobId: string, message: string, donePerMille: number): void;
  jobEnded(end: SessionEnd): void;
  queryJob(jobId: string, wantTrace: boolean, signal: AbortSignal): Promise<Reply>;
  /** A page of a job's output from this offset on, from whoever keeps it. */
  queryOutput(jobId: string, offset: number, signal: AbortSignal): Promise<Reply>;
  cancelJob(jobId: string, caller: string, reason: string, signal: AbortSignal): Promise<Reply>;
  offerLimit(sealed: Uint8Array, signal: AbortSignal): Promise<Reply>;
  offerPolicy(sealed: Uint8Array, signal: AbortSignal): Promise<Reply>;
  /** Changes of the admins in order, then the policy in force; sealed. */
  readonly policies: readonly Uint8Array[];
  /** Why the grant does not count at this moment, or null. */
  grantProblem(grant: Grant): string | null;
  offerRecord(sealed: Uint8Array, signal: AbortSignal): Promise<Reply>;
  /** Hands in a sealed edition of a record's credentials. */
  offerEdition(sealed: Uint8Array, signal: AbortSignal): Promise<Reply>;
  /** Passes an admin's sealed drain command to the instance it names. */
  drainMember(command: Uint8Array, signal: AbortSignal): Promise<Reply>;
}

/** A sealed job request, and the address from which its client asks. */
export interface Submitted {
  readonly request: Uint8Array;
  /** Text of an IP address; empty if it is not known. */
  readonly source: string;
}

/** Who wants to open the session of which job. */
export interface SessionOpening {
  readonly jobId: string;
  readonly caller: string;
  /** The client's address; null where another instance relays for it. */
  readonly source: string | null;
}

/** Whether a session may begin. */
export type SessionAnswer =
  | {
      readonly kind: 'run';
      readonly request: JobRequest;
      readonly record: TargetRecord;
      /** Under which the caller asks; null: an admin. */
      readonly grant: Grant | null;
      readonly cancelled: AbortSignal;
    }
  | { readonly kind: 'refused'; readonly failure: Failure };

/** How a session ended. */
export interface SessionEnd {
  readonly jobId: string;
  readonly state: Extract<JobState, 'succeeded' | 'failed' | 'cancelled'>;
  readonly error: Failure | null;
  /** From the client to the target. */
  readonly bytesIn: number;
  /** From the target to the client. */
  readonly bytesOut: number;
  /** Of an unattended job. */
  readonly result?: JobResult;
}
