import type { InstanceId } from '../base/ids.ts';
import type { Failure, JobState } from '../wire/job.ts';

/** Both clocks at the moment of an input: monotonic milliseconds for durations, wall-clock milliseconds for stamps. Integers. */
export interface Now {
  readonly atMs: number;
  readonly unixMs: number;
}

/** Names a request of the surroundings that is answered by a `reply` effect. Chosen by the driver, unique while open. */
export type Ticket = number;

/** Everything that can happen to the core, each with the time at which it happened. */
export type Input = Now & Event;

/** What happened. Wire messages arrive as bytes: the core decodes and checks them itself. */
export type Event =
  /** The time that `nextWakeupAtMs` named has come, or any other time. */
  | { readonly kind: 'wakeup' }
  /** The first input: what is known of other instances' addresses tells how long to look for them before starting alone. */
  | { readonly kind: 'start'; readonly search: Search }
  /** Whether an address known by now has not been tried to its end even once: behind it may be whoever holds the seats. */
  | { readonly kind: 'search-pending'; readonly pending: boolean }
  | { readonly kind: 'link-up'; readonly peer: InstanceId }
  | { readonly kind: 'link-down'; readonly peer: InstanceId }
  | { readonly kind: 'direct'; readonly from: InstanceId; readonly bytes: Uint8Array }
  | { readonly kind: 'gossip'; readonly bytes: Uint8Array }
  /** A `store-…` effect with this number is on disk. */
  | { readonly kind: 'stored'; readonly write: number }
  /** A `store-…` effect failed: nothing that depends on it may happen. */
  | { readonly kind: 'store-failed'; readonly write: number; readonly reason: string }
  /** How busy this process has been, 0 to 1000. */
  | { readonly kind: 'busy'; readonly perMille: number }
  /** The listeners' addresses changed. */
  | { readonly kind: 'addresses'; readonly mesh: readonly string[]; readonly access: readonly string[] }
  /** An admin offers a limit; answered when it is stored or refused. */
  | { readonly kind: 'offer-limit'; readonly sealed: Uint8Array; readonly ticket: Ticket }
  /** An admin offers a policy; answered when it is stored or refused. */
  | { readonly kind: 'offer-policy'; readonly sealed: Uint8Array; readonly ticket: Ticket }
  /** An admin offers a record; answered when it is stored or refused. */
  | { readonly kind: 'offer-record'; readonly sealed: Uint8Array; readonly ticket: Ticket }
  /** An admin, or this instance's vault, offers an edition of a record's credentials; answered when it is stored or refused. */
  | { readonly kind: 'offer-edition'; readonly sealed: Uint8Array; readonly ticket: Ticket }
  /** Stop taking jobs, let sessions finish, then leave. */
  | { readonly kind: 'drain'; readonly reason: string }
  /** Leave now, sessions or not. */
  | { readonly kind: 'leave'; readonly reason: string }
  /** A client hands in a signed job request; answered once its worker has accepted it or nobody will. */
  | {
      readonly kind: 'submit';
      readonly request: Uint8Array;
      /** The client's address as its connection shows it. */
      readonly source: string;
      readonly ticket: Ticket;
    }
  /** A client opens the session of an accepted job on this worker; answered with `run` or a refusal. */
  | {
      readonly kind: 'open-session';
      readonly jobId: string;
      readonly caller: string;
      /** Null: relayed by another instance, so that the client's address is not seen here. */
      readonly source: string | null;
      readonly ticket: Ticket;
    }
  /** A running job's byte counts. */
  | { readonly kind: 'job-progress'; readonly jobId: string; readonly bytesIn: number; readonly bytesOut: number }
  /** How far an unattended job is. */
  | {
      readonly kind: 'job-report';
      readonly jobId: string;
      readonly message: string;
      readonly donePerMille: number;
    }
  | {
      readonly kind: 'job-ended';
      readonly jobId: string;
      readonly state: Extract<JobState, 'succeeded' | 'failed' | 'cancelled'>;
      readonly error: Failure | null;
      readonly bytesIn: number;
      readonly bytesOut: number;
      /** Of an unattended job. */
      readonly result?: JobResult;
    }
  /** The page that `load-output` asked for; null: there is none. */
  | { readonly kind: 'output-loaded'; readonly number: number; readonly page: OutputPage | null }
  /** A page of a job's output, wherever it is kept. */
  | { readonly kind: 'query-output'; readonly jobId: string; readonly offset: number; readonly ticket: Ticket }
  /** What does the pool know of this job? Answered from everywhere within a bound. */
  | { readonly kind: 'query-job'; readonly jobId: string; readonly wantTrace: boolean; readonly ticket: Ticket }
  /** End a job wherever it runs; the driver has checked that `caller` signed this. */
  | {
      readonly kind: 'cancel-job';
      readonly jobId: string;
      readonly caller: string;
      readonly reason: string;
      readonly ticket: Ticket;
    }
  /** Pass a sealed admin command to drain on to the instance it names. */
  | { readonly kind: 'drain-member'; readonly command: Uint8Array; readonly ticket: Ticket };

/** What an unattended job ends with. */
export interface JobResult {
  /** One line. */
  readonly message: string;
  /** JSON in UTF-8; null: nothing beside the line. */
  readonly output: Uint8Array | null;
}

/** Bytes of an output from the offset that was asked for. */
export interface OutputPage {
  readonly totalBytes: number;
  readonly bytes: Uint8Array;
}

/** What the surroundings know of other instances when the process starts. */
export type Search =
  /** No address and no discovery: this can only be the first one. */
  | 'nobody-to-find'
  /** Only local discovery might find somebody. */
  | 'discovery-only'
  /** Addresses of other instances are known. */
  | 'addresses-known';
