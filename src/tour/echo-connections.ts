import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { portOf } from './ports.ts';
import { TourError } from './tour-error.ts';

/** Until what was sent must have come back. */
const ECHO_MS = 20_000;

/** One open connection to the echo target, through the tunnel. */
export interface EchoConnection {
  readonly isOpen: boolean;
  /** Sends a text and waits until the same text has come back. */
  echo(text: string): Promise<void>;
  end(): void;
}

/** Opens a connection through the tunnel and sends a first text there and back. */
export async function openEcho(address: string, text: string): Promise<EchoConnection> {
  const socket = connect({ host: '127.0.0.1', port: portOf(address) });
  socket.on('error', () => socket.destroy());
  const connection = new SocketEcho(socket);
  await connection.echo(text);
  return connection;
}

class SocketEcho implements EchoConnection {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Reading is what notices that the other side has gone.
    socket.resume();
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.readableEnded;
  }

  async echo(text: string): Promise<void> {
    const came: Buffer[] = [];
    const onData = (chunk: Buffer): void => void came.push(chunk);
    this.#socket.on('data', onData);
    this.#socket.write(text);
    const signal = AbortSignal.timeout(ECHO_MS);
    try {
      while (Buffer.concat(came).length < Buffer.byteLength(text)) await this.#moreOrEnd(signal);
    } finally {
      this.#socket.off('data', onData);
    }
    const back = Buffer.concat(came).toString();
    if (back !== text) throw new TourError(`"${text}" was sent through the tunnel, "${back}" came back`);
  }

  end(): void {
    this.#socket.destroy();
  }

  async #moreOrEnd(signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    try {
      await Promise.race([
        once(this.#socket, 'data', { signal: either }),
        once(this.#socket, 'close', { signal: either }),
      ]);
    } catch (cause) {
      throw new TourError(`the echo target did not answer within ${ECHO_MS / 1000} s`, { cause });
    } finally {
      over.abort();
    }
    if (this.#socket.destroyed) throw new TourError('a connection through the tunnel was closed');
  }
}
