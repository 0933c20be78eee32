import type { Stream } from '@libp2p/interface';
import { type SessionAnswerMessage, sessionAnswerCodec } from '../wire/access-session.ts';
import { ERROR_TEXT_MAX } from '../wire/bounds.ts';
import { encode } from '../wire/codec.ts';
import type { Failure } from '../wire/job.ts';
import { encodeFrame } from './frame.ts';
import { trySend } from './stream-state.ts';

/** Answers a claim; nothing happens on a stream that is gone. */
export function sendAnswer(stream: Stream, answer: SessionAnswerMessage): void {
  trySend(stream, encodeFrame(encode(sessionAnswerCodec, answer)));
}

/** Refuses a claim and ends the stream. */
export async function sendRefusal(stream: Stream, { code, message }: Failure): Promise<void> {
  sendAnswer(stream, { kind: 'refused', failure: { code, message: message.slice(0, ERROR_TEXT_MAX) } });
  try {
    await stream.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) });
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
  }
}

/** A refused client that doesn't even read the refusal is reset. */
const CLOSE_TIMEOUT_MS = 5_000;
