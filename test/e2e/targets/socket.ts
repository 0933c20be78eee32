/** The client's end of a connection. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Anything that has not happened by then never will. */
const DEADLINE_MS = 30_000;

/** A connected socket that closes each direction on its own. Rejects if nobody listens. */
export async function dial(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect', { signal: AbortSignal.timeout(DEADLINE_MS) });
  socket.on('error', () => undefined);
  return socket;
}

/** How a connection ends that nothing is expected of: also one that is reset while it is still being made. */
export async function endOfDial(port: number): Promise<string | undefined> {
  return dial(port).then(endOf, (error: NodeJS.ErrnoException) => error.code);
}

/** The next so many bytes. Rejects if the connection ends first. */
export function readBytes(socket: Socket, count: number, withinMs = DEADLINE_MS): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => finish(new Error(`${length} of ${count} bytes after ${withinMs} ms`)), withinMs);
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= count) finish();
    };
    const onEnd = (): void => finish(new Error(`ended after ${length} of ${count} bytes`));
    const onError = (error: Error): void => finish(error);
    const finish = (error?: Error): void => {
      clearTimeout(late);
      socket.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onError);
      if (error === undefined) resolve(Buffer.concat(chunks));
      else reject(error);
    };
    socket.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onError);
  });
}

/** Everything until the end. Rejects if the socket is reset first. */
export function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an end')));
  });
}

/** How a socket ends: the error's code, or undefined for an end in order. What arrives is dropped. */
export function endOf(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let code: string | undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    socket.on('close', () => resolve(code));
    socket.resume();
  });
}

/** Sends a few bytes and waits for their echo: the connection is through to the target. */
export async function roundTrip(socket: Socket, text: string, withinMs = DEADLINE_MS): Promise<void> {
  const answer = readBytes(socket, Buffer.byteLength(text), withinMs);
  socket.write(text);
  const echoed = (await answer).toString();
  if (echoed !== text) throw new Error(`sent ${JSON.stringify(text)}, got ${JSON.stringify(echoed)}`);
}

/** A connection through a port to an echo, already used once. */
export async function dialEcho(port: number, text: string, withinMs = DEADLINE_MS): Promise<Socket> {
  const socket = await dial(port);
  try {
    await roundTrip(socket, text, withinMs);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
