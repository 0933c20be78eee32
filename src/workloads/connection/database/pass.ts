import type { Socket } from 'node:net';
import type { Stream } from '@libp2p/interface';
import type { Joined, SessionChannel } from '../../workload.ts';

/** Looks at the bytes that pass. */
export interface Watcher {
  /** Before they go on to the database. */
  fromClient(chunk: Buffer, atMs: number): void;
  /** On their way to the client. */
  fromServer(chunk: Buffer, atMs: number): void;
  /** Nothing of a message of the server is under way: one of ours can follow. */
  readonly isBetweenMessages: boolean;
}

/** Ends a session before its time. */
export class Refusal {
  #words: Uint8Array | undefined;
  #onRefused: () => void = () => undefined;

  /** Nothing more of the client goes on; these are the last words to it. The first ones count. */
  refuse(words: Uint8Array): void {
    if (this.#words !== undefined) return;
    this.#words = words;
    this.#onRefused();
  }

  /** What was said; undefined: nothing was refused. */
  get words(): Uint8Array | undefined {
    return this.#words;
  }

  /** Calls back once when something is refused, or was already. */
  onRefused(callback: () => void): void {
    this.#onRefused = callback;
    if (this.#words !== undefined) callback();
  }
}

/** What to pass bytes between. */
export interface PassInit {
  readonly channel: SessionChannel;
  readonly socket: Socket;
  readonly watcher: Watcher;
  readonly refusal: Refusal;
  /** Something moved. */
  readonly onBytes: () => void;
}

/** A session that was refused and whose other sides do not end it is cut off after this time. */
const FAREWELL_MS = 2_000;

/**
 * Passes bytes at the speed of a tunnel and lets the watcher see them on the way. The carrier's own listeners come after ours: what is refused is
 * swallowed before it reaches the database.
 */
export async function passBytes({ channel, socket, watcher, refusal, onBytes }: PassInit): Promise<Joined> {
  const { stream } = channel;
  const beganAtMs = performance.now();
  const now = (): number => performance.now() - beganAtMs;
  let cutOff: NodeJS.Timeout | undefined;
  const onMessage = (event: Event & { readonly data: Uint8Array | Iterable<Uint8Array> }): void => {
    for (const chunk of event.data instanceof Uint8Array ? [event.data] : event.data) {
      if (refusal.words === undefined) watcher.fromClient(bufferOf(chunk), now());
    }
    onBytes();
    if (refusal.words !== undefined) event.stopImmediatePropagation();
  };
  const onData = (chunk: Buffer): void => {
    watcher.fromServer(chunk, now());
    onBytes();
  };
  const end = (): void => {
    if (refusal.words !== undefined && watcher.isBetweenMessages && stream.writeStatus === 'writable') {
      stream.send(refusal.words);
    }
    // The database closes its direction in turn, and with it the session, in order.
    socket.end();
    cutOff = setTimeout(() => breakOff(stream, socket), FAREWELL_MS);
  };
  stream.addEventListener('message', onMessage);
  socket.on('data', onData);
  // After the chunk under way has reached the client.
  refusal.onRefused(() => setImmediate(end));
  try {
    return await channel.joinSocket(socket);
  } finally {
    clearTimeout(cutOff);
    stream.removeEventListener('message', onMessage);
    socket.off('data', onData);
  }
}

function breakOff(stream: Stream, socket: Socket): void {
  stream.abort(new Error('the session was ended'));
  socket.destroy();
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
