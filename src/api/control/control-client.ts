import { connect, type Socket } from 'node:net';
import { GatewayError } from '../../base/errors.ts';
import { CONTROL_ANSWER_BYTES_MAX, CONTROL_ANSWER_MS } from '../bounds.ts';
import { findControlAddress } from './control-address.ts';
import { type AskOf, type ControlAnswer, type ControlAnswers, type ControlAsk, controlFailure } from './control-message.ts';
import { readLines } from './lines.ts';

/**
 * Asks the instance that runs on a data directory. Throws `unreachable` when none runs there, `not-allowed` when it is another
 * user's, `timeout` when it does not answer, and whatever failure the instance answers with.
 */
export async function askControl<K extends ControlAsk['kind']>(
  dataDir: string,
  request: AskOf<K>,
  signal: AbortSignal,
): Promise<ControlAnswers[K]> {
  signal.throwIfAborted();
  const deadline = AbortSignal.timeout(CONTROL_ANSWER_MS);
  const socket = connect({ path: findControlAddress(dataDir) });
  const abort = (): void => {
    socket.destroy(deadline.aborted ? noAnswer(dataDir) : undefined);
  };
  const either = AbortSignal.any([signal, deadline]);
  either.addEventListener('abort', abort, { once: true });
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const answer = await readAnswer(socket, dataDir);
    if (!answer.ok) throw controlFailure(answer.error);
    return answer.value as ControlAnswers[K];
  } catch (error) {
    signal.throwIfAborted();
    throw deadline.aborted ? noAnswer(dataDir) : explain(error, dataDir);
  } finally {
    either.removeEventListener('abort', abort);
    socket.destroy();
  }
}

/** The socket is this user's own instance: its answer is taken at its word. */
async function readAnswer(socket: Socket, dataDir: string): Promise<ControlAnswer> {
  for await (const line of readLines(socket, CONTROL_ANSWER_BYTES_MAX)) return JSON.parse(line) as ControlAnswer;
  throw new GatewayError('unreachable', `the instance on the data directory ${dataDir} ended while it was asked`);
}

function explain(error: unknown, dataDir: string): unknown {
  if (error instanceof GatewayError || !(error instanceof Error)) return error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EACCES' || code === 'EPERM') {
    return new GatewayError('not-allowed', `the instance on the data directory ${dataDir} belongs to another user`, {
      remedy: 'Run this command as the user that runs the gateway.',
      cause: error,
    });
  }
  if (code === undefined) return error;
  return new GatewayError('unreachable', `no instance runs on the data directory ${dataDir}`, {
    remedy: `Start one: gateway start --config-file gateway-config.json --data-dir ${dataDir}. Or name another one with --data-dir.`,
    cause: error,
  });
}

function noAnswer(dataDir: string): GatewayError {
  return new GatewayError('timeout', `the instance on the data directory ${dataDir} gave no answer within ${CONTROL_ANSWER_MS / 1000} s`, {
    remedy: 'Its process is stopped or overloaded: look at its log.',
  });
}
