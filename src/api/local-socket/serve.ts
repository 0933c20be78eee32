import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { GatewayError } from '../../base/errors.ts';
import { CONTROL_ANSWER_MS, CONTROL_CONNECTIONS_MAX, CONTROL_IDLE_MS, CONTROL_REQUEST_BYTES_MAX } from '../bounds.ts';
import { readLines } from './lines.ts';
import { forgetSocketAddress, prepareSocketAddress } from './socket-address.ts';

/** What is served, and where. */
export interface LocalServerInit {
  /** The directory by which callers find it. Exists; nobody else serves it. */
  readonly directory: string;
  /** The answer to one request line. What it throws is answered as a failure. */
  answer(line: string, signal: AbortSignal): Promise<unknown>;
  /** Told of programmer errors in an answer. */
  onBug(error: unknown): void;
}

/** A listening local socket. */
export interface LocalServer {
  /** Where it listens. */
  readonly address: string;
  /** Closes it and every connection; answers that are ready are still delivered. */
  stop(): Promise<void>;
}

/** One answer line. */
export type LocalAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly error: { readonly code: string; readonly message: string; readonly remedy: string | null };
    };

/**
 * Listens on the local socket of the directory. Whoever can open the socket commands this process: it is mode 0600, and the operating
 * system's file permissions are the whole of its protection. Throws `data-directory` when it cannot be made.
 */
export async function startLocalServer(init: LocalServerInit): Promise<LocalServer> {
  const address = prepareSocketAddress(init.directory);
  const stopping = new AbortController();
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    void serve(socket, init, stopping.signal);
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
      forgetSocketAddress(init.directory);
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

async function serve(socket: Socket, init: LocalServerInit, stopping: AbortSignal): Promise<void> {
  socket.setTimeout(CONTROL_IDLE_MS, () => socket.destroy());
  // A command that was interrupted resets the connection; nobody is left to be told.
  socket.on('error', () => socket.destroy());
  try {
    for await (const line of readLines(socket, CONTROL_REQUEST_BYTES_MAX)) {
      const signal = AbortSignal.any([stopping, AbortSignal.timeout(CONTROL_ANSWER_MS)]);
      socket.write(`${JSON.stringify(await answer(line, init, signal))}\n`);
    }
    socket.end();
  } catch {
    socket.destroy();
  }
}

async function answer(line: string, init: LocalServerInit, signal: AbortSignal): Promise<LocalAnswer> {
  try {
    return { ok: true, value: await init.answer(line, signal) };
  } catch (error) {
    if (error instanceof GatewayError) {
      return { ok: false, error: { code: error.code, message: error.message, remedy: error.remedy ?? null } };
    }
    init.onBug(error);
    return { ok: false, error: { code: 'bug', message: messageOf(error), remedy: null } };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
