import type { ErrorCode, ExitCode } from '../base/errors.ts';
import type { InstanceId } from '../base/ids.ts';
import type { Stamp } from '../base/stamp.ts';
import type { Grant } from '../wire/grant.ts';
import type { Failure, JobNotice, JobRequest, Parameter, TraceStep } from '../wire/job.ts';
import type { Seat } from '../wire/member-record.ts';
import type { TargetRecord } from '../wire/record.ts';
import type { Ticket } from './input.ts';

/** What the driver has to carry out, in this order. */
export type Effect =
  /** Best effort: a message may be lost, never reordered on one link. */
  | { readonly kind: 'send'; readonly to: InstanceId; readonly bytes: Uint8Array }
  | { readonly kind: 'publish'; readonly bytes: Uint8Array }
  /** Drop the connection: that instance is dead or not one of ours. */
  | { readonly kind: 'disconnect'; readonly peer: InstanceId }
  /** Write before anything that depends on it; answered by `stored` with this number. */
  | { readonly kind: 'store'; readonly write: number; readonly what: Stored }
  | { readonly kind: 'reply'; readonly ticket: Ticket; readonly reply: Reply }
  /** Carry out the job whose session was opened with `ticket`; report `job-ended` exactly once. */
  | {
      readonly kind: 'run';
      readonly ticket: Ticket;
      readonly request: JobRequest;
      readonly record: TargetRecord;
      /** Under which the caller asks; null: an admin. Its conditions about the session itself are the workload's to keep. */
      readonly grant: Grant | null;
    }
  /**
   * Carry out a job that needs no client; report `job-ended` exactly once. `resumed`: an earlier process on this data directory may have begun it, and
   * its parameters are not known any more: find out what became of it, begin nothing.
   */
  | {
      readonly kind: 'begin';
      readonly notice: JobNotice;
      readonly parameters: readonly Parameter[];
      readonly record: TargetRecord | null;
      readonly resumed: boolean;
    }
  /** Read a page of a job's output from disk; answered by `output-loaded` with this number. */
  | { readonly kind: 'load-output'; readonly number: number; readonly jobId: string; readonly offset: number }
  /** End a running job; it still reports `job-ended`. */
  | { readonly kind: 'cancel'; readonly jobId: string; readonly reason: string }
  /** Something a person or the audit wants to know. */
  | { readonly kind: 'note'; readonly note: Note }
  /** End the process with this exit code; the lines are for the person who started it, the last one last. */
  | { readonly kind: 'exit'; readonly code: ExitCode; readonly lines: readonly string[] };

/** What goes to disk. */
export type Stored =
  | { readonly kind: 'limit'; readonly sealed: Uint8Array }
  /** `kept` for good where it changes the admins: later ones are signed by those of it. */
  | { readonly kind: 'policy'; readonly sealed: Uint8Array; readonly kept: boolean }
  | { readonly kind: 'record'; readonly recordId: string; readonly sealed: Uint8Array }
  /** The editions of a record's credentials that stand, in place of those before; none: the record has no credential any more. */
  | { readonly kind: 'credentials'; readonly recordId: string; readonly sealed: readonly Uint8Array[] }
  /** This instance's own place, so that a quick return resumes it. */
  | { readonly kind: 'self'; readonly joinedAt: Stamp; readonly seat: Seat | null }
  /** A job of this worker, written before it acts and at every change of state. */
  | { readonly kind: 'job'; readonly notice: JobNotice; readonly deadlineUnixMs: number }
  /** The instances a majority of which decides about due times. */
  | { readonly kind: 'council'; readonly version: number; readonly members: readonly InstanceId[] }
  /** The latest due time of a record that this instance has granted. */
  | {
      readonly kind: 'due';
      readonly recordId: string;
      readonly dueUnixMs: number;
      readonly owner: InstanceId;
      readonly begun: boolean;
    }
  /** What an ended job has to show. */
  | { readonly kind: 'job-output'; readonly jobId: string; readonly savedUnixMs: number; readonly output: Uint8Array };

/**
 * Whether a write has to survive a power cut before it counts as stored, or only the end of the process. A session dies with the process that carries it,
 * and its request names one start of the entry and of the worker, which a power cut ends too: its id can begin nothing afterwards, known or not. Of everything
 * else it must be known that it may have begun.
 */
export function mustSurvivePowerCut(what: Stored): boolean {
  return what.kind !== 'job' || !(what.notice.kind === 'tunnel' || what.notice.kind === 'connection');
}

/** Answer to a request of the surroundings. */
export type Reply =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly failure: Failure }
  /** The job was accepted; the session is opened at the worker. */
  | { readonly kind: 'accepted'; readonly notice: JobNotice; readonly worker: InstanceId }
  | { readonly kind: 'job'; readonly notice: JobNotice | null; readonly steps: readonly TraceStep[] }
  | { readonly kind: 'output'; readonly totalBytes: number; readonly page: Uint8Array };

/** How loud a note is: `warn` and above are for whoever operates the pool. */
export type NoteLevel = 'debug' | 'info' | 'warn' | 'error';

/** An event of the protocol, for the log, the event list of `gateway debug events` and, later, the audit. */
export interface Note {
  readonly level: NoteLevel;
  /** Stable name, kebab-case. */
  readonly event: string;
  /** Values of the event; never a secret. */
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

/** A failure in the shape that replies and the wire carry. */
export function failure(code: ErrorCode, message: string): Failure {
  return { code, message };
}
