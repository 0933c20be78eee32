import { connect, type Socket } from 'node:net';
import { GatewayError, isErrorCode } from '../../base/errors.ts';
import { CONTROL_ANSWER_BYTES_MAX, CONTROL_ANSWER_MS } from '../bounds.ts';
import { readLines } from './lines.ts';
import type { LocalAnswer } from './serve.ts';
import { findSocketAddress } from './socket-address.ts';

/** What is asked, of whom, and how failures read. */
export interface LocalAsk {
  readonly directory: string;
  readonly request: unknown;
  /** Who answers, as the beginning of a sentence: `the instance on the data directory D`. */
  readonly who: string;
  /** What to say when nobody serves the directory. */
  readonly nobody: { readonly message: string; readonly remedy: string };
}

/**
 * Asks the server of a directory. Throws `unreachable` when nobody serves it, `not-allowed` when it is another user's, `timeout` when
 * there is no answer, and whatever failure is answered. The answer is this user's own process's, and taken at its word.
 */
export async function askLocal(ask: LocalAsk, signal: AbortSignal): Promise<unknown> {
  signal.throwIfAborted();
  const deadline = AbortSignal.timeout(CONTROL_ANSWER_MS);
  const either = AbortSignal.any([signal, deadline]);
  const socket = connect({ path: findSocketAddress(ask.directory) });
  const abort = (): void => {
    socket.destroy();
  };
  either.addEventListener('abort', abort, { once: true });
  try {
    socket.write(`${JSON.stringify(ask.request)}\n`);
    return openAnswer(await readAnswer(socket, ask));
  } catch (error) {
    signal.throwIfAborted();
    throw deadline.aborted ? noAnswer(ask) : explain(error, ask);
  } finally {
    either.removeEventListener('abort', abort);
    socket.destroy();
  }
}

async function readAnswer(socket: Socket, { who }: LocalAsk): Promise<LocalAnswer> {
  for await (const line of readLines(socket, CONTROL_ANSWER_BYTES_MAX)) return JSON.parse(line) as LocalAnswer;
  throw new GatewayError('unreachable', `${who} ended while it was asked`);
}

function openAnswer(answer: LocalAnswer): unknown {
  if (answer.ok) return answer.value;
  const { code, message, remedy } = answer.error;
  throw new GatewayError(isErrorCode(code) ? code : 'bad-message', message, remedy === null ? {} : { remedy });
}

function explain(error: unknown, { who, nobody }: LocalAsk): unknown {
  if (error instanceof GatewayError || !(error instanceof Error)) return error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EACCES' || code === 'EPERM') {
    return new GatewayError('not-allowed', `${who} belongs to another user`, {
      remedy: 'Run this command as the user that started it.',
      cause: error,
    });
  }
  if (code === 'ECONNRESET' || code === 'EPIPE')
    return new GatewayError('unreachable', `${who} ended while it was asked`, { cause: error });
  if (code === undefined) return error;
  return new GatewayError('unreachable', nobody.message, { remedy: nobody.remedy, cause: error });
}

function noAnswer({ who }: LocalAsk): GatewayError {
  return new GatewayError('timeout', `${who} gave no answer within ${CONTROL_ANSWER_MS / 1000} s`, {
    remedy: 'Its process is stopped or overloaded: look at its log.',
  });
}
