import type { CloseReason } from '../wire/connection-message.ts';

/** Pure: what a recording says of itself, in its first chunk and, once it has ended, in its last. */

/** What is known when a session begins. */
export interface RecordingStart {
  readonly jobId: string;
  readonly kind: string;
  readonly protocol: string;
  readonly recordId: string;
  readonly recordTitle: string;
  /** `user@host:port` at the target. */
  readonly target: string;
  /** Key of whoever asked. */
  readonly caller: string;
  /** What the admin calls them; `admin` for an admin. */
  readonly user: string;
  /** Why, or a ticket number, as they wrote it; null: nothing. */
  readonly reason: string | null;
  /** Size of the screen; 80 by 24 where there is none. */
  readonly columns: number;
  readonly rows: number;
  /** Value of TERM; null: no terminal. */
  readonly terminal: string | null;
  /** Null: a shell. */
  readonly command: string | null;
}

/** What is known at its end. */
export interface RecordingEnding {
  readonly reason: CloseReason;
  readonly text: string;
  readonly exitCode: number | null;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** The first chunk. */
export interface RecordingInfo extends RecordingStart {
  readonly id: string;
  readonly instanceId: string;
  readonly startedUnixMs: number;
}

/** The last chunk. */
export interface RecordingTrailer extends RecordingEnding {
  readonly endedUnixMs: number;
  readonly durationMs: number;
}
