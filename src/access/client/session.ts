import { randomBytes } from 'node:crypto';
import type { Connection, Stream } from '@libp2p/interface';
import type { KeyPair } from '../../base/ed25519.ts';
import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import {
  SESSION_ANSWER_BYTES_MAX,
  type SessionAnswerMessage,
  sessionAnswerCodec,
  sessionClaimSeal,
} from '../../wire/access-session.ts';
import { decode } from '../../wire/codec.ts';
import { Protocol } from '../../wire/protocols.ts';
import { seal } from '../../wire/sealed.ts';
import { SESSION_READY_MS, STREAMS_MAX } from '../bounds.ts';
import { Deadline } from '../deadline.ts';
import { encodeFrame, takeFrame } from '../frame.ts';
import { LivenessWatch } from '../liveness.ts';
import { trySend } from '../stream-state.ts';

/** What is claimed, and over which connection. */
export interface ClaimInit {
  readonly connection: Connection;
  readonly key: KeyPair;
  readonly jobId: string;
  readonly worker: InstanceId;
  readonly signal: AbortSignal;
}

/** Thrown where the worker, or the way to it, gives no sign of life; nobody knows whether the job began. */
export class WorkerSilentError extends GatewayError {}

/**
 * Opens the session of an accepted job: a stream whose raw bytes go to the worker and back, paused. Throws what the worker says, or
 * `WorkerSilentError` (`outcome-unknown`) if it gives no sign of life for a second.
 */
export async function claimSession(init: ClaimInit): Promise<Stream> {
  const { connection, key, jobId, worker } = init;
  const claim = { jobId, worker, nonce: new Uint8Array(randomBytes(16)) };
  using deadline = new Deadline(SESSION_READY_MS, [init.signal]);
  const { signal } = deadline;
  const stream = await openStream(connection, signal);
  using _watch = new LivenessWatch(stream, () => stream.abort(new Error('the worker is silent')));
  try {
    trySend(stream, encodeFrame(seal(sessionClaimSeal, claim, [key])));
    const answer = await takeAnswer(stream, signal);
    if (answer.kind === 'ready') return stream;
    throw new GatewayError(answer.failure.code, answer.failure.message);
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function openStream(connection: Connection, signal: AbortSignal): Promise<Stream> {
  try {
    return await connection.newStream(Protocol.accessSession, { signal, maxOutboundStreams: STREAMS_MAX });
  } catch (cause) {
    throw new WorkerSilentError('outcome-unknown', 'the connection to the worker was lost', { cause });
  }
}

async function takeAnswer(stream: Stream, signal: AbortSignal): Promise<SessionAnswerMessage> {
  let frame: Uint8Array;
  try {
    frame = await takeFrame(stream, { payloadBytesMax: SESSION_ANSWER_BYTES_MAX, signal });
  } catch (cause) {
    throw new WorkerSilentError('outcome-unknown', 'the worker gave no sign of life', { cause });
  }
  return decode(sessionAnswerCodec, frame, SESSION_ANSWER_BYTES_MAX);
}
