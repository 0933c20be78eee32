import { randomBytes } from 'node:crypto';
import type { Connection, Stream } from '@libp2p/interface';
import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import type { Signer } from '../../config/index.ts';
import {
  SESSION_ANSWER_BYTES_MAX,
  type SessionAnswerMessage,
  sessionAnswerCodec,
  sessionClaimSeal,
} from '../../wire/access-session.ts';
import { decode } from '../../wire/codec.ts';
import { Protocol } from '../../wire/protocols.ts';
import { SESSION_READY_MS, SILENCE_CHECK_MS, SILENCE_CHECKS } from '../bounds.ts';
import { Deadline } from '../deadline.ts';
import { encodeFrame, takeFrame } from '../frame.ts';
import { LivenessWatch } from '../liveness.ts';
import { trySend } from '../stream-state.ts';
import { openStreamOn } from '../transport/mux-streams.ts';
import { sealFor } from './seal-for.ts';

/** What is claimed, and over which connection. */
export interface ClaimInit {
  readonly connection: Connection;
  readonly key: Signer;
  readonly jobId: string;
  readonly worker: InstanceId;
  readonly signal: AbortSignal;
  /** How many times as long as usual silence is borne. */
  readonly patience?: number;
}

/** Thrown where the worker, or the way to it, gives no sign of life; nobody knows whether the job began. */
export class WorkerSilentError extends GatewayError {
  /** The stream alone was reset, and its connection lives. */
  readonly isReset: boolean;

  constructor(message: string, { cause, isReset }: { readonly cause: unknown; readonly isReset: boolean }) {
    super('outcome-unknown', message, { cause });
    this.isReset = isReset;
  }
}

/**
 * Opens the session of an accepted job: a stream whose raw bytes go to the worker and back, paused. Throws what the worker says, or
 * `WorkerSilentError` (`outcome-unknown`) if it gives no sign of life for a second, or for as much longer as `patience` says.
 */
export async function claimSession(init: ClaimInit): Promise<Stream> {
  const { connection, key, jobId, worker, signal, patience = 1 } = init;
  const claim = { jobId, worker, nonce: new Uint8Array(randomBytes(16)) };
  const message = await sealFor(sessionClaimSeal, claim, key);
  const opened = await openWith({ connection, protocol: Protocol.accessSession, message, signal, patience });
  if ('stream' in opened) return opened.stream;
  throw new GatewayError('bad-message', `the worker answers a claim with another worker, ${opened.worker}`);
}

/** A job request to be handed in, and over which connection to its entry. */
export interface OpenJobInit {
  readonly connection: Connection;
  /** Sealed. */
  readonly request: Uint8Array;
  readonly signal: AbortSignal;
  /** As for a claim. */
  readonly patience?: number;
}

/** Where the session of a job is: here, or to be claimed from another instance. */
export type OpenedJob =
  | { readonly stream: Stream }
  | { readonly worker: InstanceId; readonly addresses: readonly string[] };

/** Hands a job request in together with the stream for its session. Throws like `claimSession`. */
export function openJob({ connection, request, signal, patience = 1 }: OpenJobInit): Promise<OpenedJob> {
  return openWith({ connection, protocol: Protocol.accessOpen, message: request, signal, patience });
}

interface OpeningInit {
  readonly connection: Connection;
  readonly protocol: string;
  readonly message: Uint8Array;
  readonly signal: AbortSignal;
  readonly patience?: number;
}

async function openWith(init: OpeningInit): Promise<OpenedJob> {
  using deadline = new Deadline(SESSION_READY_MS, [init.signal]);
  const { signal } = deadline;
  const stream = await openStream(init, signal);
  using _watch = new LivenessWatch(stream, () => stream.abort(new Error('the worker is silent')), {
    checkMs: SILENCE_CHECK_MS,
    checks: SILENCE_CHECKS * (init.patience ?? 1),
  });
  try {
    trySend(stream, encodeFrame(init.message));
    const answer = await takeAnswer(stream, signal);
    if (answer.kind === 'ready') return { stream };
    if (answer.kind === 'refused') throw new GatewayError(answer.failure.code, answer.failure.message);
    await stream.close({ signal });
    return answer;
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function openStream({ connection, protocol }: OpeningInit, signal: AbortSignal): Promise<Stream> {
  try {
    return await openStreamOn(connection, protocol, signal);
  } catch (cause) {
    throw new WorkerSilentError('the connection to the worker was lost', { cause, isReset: false });
  }
}

async function takeAnswer(stream: Stream, signal: AbortSignal): Promise<SessionAnswerMessage> {
  let frame: Uint8Array;
  try {
    frame = await takeFrame(stream, { payloadBytesMax: SESSION_ANSWER_BYTES_MAX, signal });
  } catch (cause) {
    throw new WorkerSilentError('the worker gave no sign of life', { cause, isReset: stream.status === 'reset' });
  }
  return decode(sessionAnswerCodec, frame, SESSION_ANSWER_BYTES_MAX);
}
