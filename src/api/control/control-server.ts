import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { GatewayError } from '../../base/errors.ts';
import { CONTROL_ANSWER_MS, CONTROL_CONNECTIONS_MAX, CONTROL_IDLE_MS, CONTROL_REQUEST_BYTES_MAX } from '../bounds.ts';
import { forgetControlAddress, prepareControlAddress } from './control-address.ts';
import type { ControlAnswer } from './control-message.ts';
import { parseControlRequest } from './control-request.ts';
import { answerControl, type ControlSource } from './answer.ts';
import { readLines } from './lines.ts';

/** A listening control socket. */
export interface ControlService {
  /** Where it listens. */
  readonly address: string;
  /** Closes it and every connection; answers that are ready are still delivered. */
  stop(): Promise<void>;
}

/**
 * Listens on the control socket of the data directory. Whoever can open the socket commands the instance: it is mode 0600, and the operating
 * system's file permissions are the whole of its protection. Throws `data-directory` when it cannot be made.
 */
export async function startControl(source: ControlSource): Promise<ControlService> {
  const address = prepareControlAddress(source.facts.dataDir);
  const stopping = new AbortController();
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    void serve(socket, source, stopping.signal);
  });
  server.maxConnections = CONTROL_CONNECTIONS_MAX;
  await listenPrivately(server, address);
  return {
    address,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      stopping.abort();
      for (const socket of open) socket.destroySoon();
      await closed;
      forgetControlAddress(source.facts.dataDir);
    },
  };
}

/** Binding happens inside the call, so the narrow mask covers it and nothing else of this thread. */
async function listenPrivately(server: Server, address: string): Promise<void> {
  const usual = process.platform === 'win32' ? undefined : process.umask(0o177);
  try {
    server.listen(address);
  } finally {
    if (usual !== undefined) process.umask(usual);
  }
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new GatewayError('data-directory', `cannot listen on the control socket ${address}: ${messageOf(cause)}`, {
      remedy: 'Choose a data directory on a local file system that this user may write.',
      cause,
    });
  }
}

async function serve(socket: Socket, source: ControlSource, stopping: AbortSignal): Promise<void> {
  socket.setTimeout(CONTROL_IDLE_MS, () => socket.destroy());
  // A command that was interrupted resets the connection; nobody is left to be told.
  socket.on('error', () => socket.destroy());
  try {
    for await (const line of readLines(socket, CONTROL_REQUEST_BYTES_MAX)) {
      const signal = AbortSignal.any([stopping, AbortSignal.timeout(CONTROL_ANSWER_MS)]);
      socket.write(`${JSON.stringify(await answer(line, source, signal))}\n`);
    }
    socket.end();
  } catch {
    socket.destroy();
  }
}

async function answer(line: string, source: ControlSource, signal: AbortSignal): Promise<ControlAnswer> {
  try {
    return { ok: true, value: await answerControl(parseControlRequest(line), source, signal) };
  } catch (error) {
    if (!(error instanceof GatewayError)) source.onBug(error);
    const { code, message, remedy } =
      error instanceof GatewayError ? error : { code: 'bug', message: messageOf(error), remedy: undefined };
    return { ok: false, error: { code, message, remedy: remedy ?? null } };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
