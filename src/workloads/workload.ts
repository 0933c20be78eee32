import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Stream } from '@libp2p/interface';
import type { Vault } from '../vault/index.ts';
import type { Grant } from '../wire/grant.ts';
import type { Failure, JobKind, JobRequest, JobState } from '../wire/job.ts';
import type { TargetRecord } from '../wire/record.ts';

/** The contract of a kind of job. */
export interface Workload {
  readonly kind: JobKind;
  /** What a record's `protocol` may be for this kind; null: anything. */
  readonly protocols: readonly string[] | null;
  /**
   * Carries the job out. Ends when the session has ended, whatever ended it, and holds nothing afterwards. Expected failures are in the outcome;
   * what it throws is a bug. Before `accept` is called, a failure in the outcome is what the client is told.
   */
  run(session: Session): Promise<Outcome>;
}

/** A job about to run, and the client at its other end. */
export interface Session {
  readonly request: JobRequest;
  readonly record: TargetRecord;
  /** Credentials of the records. That the caller may have this job done on its record was decided before. */
  readonly vault: Vault;
  /**
   * Under which the caller asks; null: an admin. Who may, from where and when is settled; what its conditions say about the session itself
   * (recording, clipboard, files) is the workload's to keep.
   */
  readonly grant: Grant | null;
  /** The job was cancelled or the instance stops: end now. */
  readonly cancelled: AbortSignal;
  /** Aborted when the instance begins to drain: sessions may end by themselves, and people are told. */
  readonly draining: AbortSignal;
  /** Tells the client that bytes follow, and hands over the channel to it. At most once. */
  accept(): SessionChannel;
}

/** Bytes to and from the client. */
export interface SessionChannel {
  /** Raw bytes, paused. End of data, reset and backpressure mean here what they mean on a TCP connection. */
  readonly stream: Stream;
  /** The channel as a Node stream, for libraries that want a socket; its bytes are counted. Instead of `stream` and `joinSocket`, at most once. */
  duplex(): ChannelDuplex;
  /** Joins the channel to a connected TCP socket (made with `allowHalfOpen`), faithfully, until both directions are closed. */
  joinSocket(socket: Socket): Promise<Joined>;
}

/** A session's channel as a Node stream. */
export interface ChannelDuplex extends Duplex {
  /** From the client, so far. */
  readonly bytesIn: number;
  /** To the client, so far. */
  readonly bytesOut: number;
}

/** How a joined socket ended. */
export interface Joined {
  /** From the client to the socket. */
  readonly bytesIn: number;
  /** From the socket to the client. */
  readonly bytesOut: number;
  /** `closed`: both directions ended in order. Otherwise who broke off. */
  readonly end: 'closed' | 'socket-reset' | 'stream-reset' | 'aborted';
}

/** How a job ended. */
export interface Outcome {
  readonly state: Extract<JobState, 'succeeded' | 'failed' | 'cancelled'>;
  readonly error: Failure | null;
  readonly bytesIn: number;
  readonly bytesOut: number;
}
