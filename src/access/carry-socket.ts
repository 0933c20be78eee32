import type { Socket } from 'node:net';
import type { Stream } from '@libp2p/interface';
import type { Uint8ArrayList } from 'uint8arraylist';
import { SOCKET_QUEUE_BYTES } from './bounds.ts';
import type { BufferReclaim } from './buffer-reclaim.ts';
import { onWritable, pauseReading, resumeReading, trySend } from './stream-state.ts';

/** How bytes were carried between a stream and a socket, once both are closed. */
export interface Carried {
  /** From the stream to the socket. */
  readonly bytesIn: number;
  /** From the socket to the stream. */
  readonly bytesOut: number;
  /** `closed`: both directions ended in order. Otherwise who broke off. */
  readonly end: 'closed' | 'socket-reset' | 'stream-reset' | 'aborted';
}

/** What to carry. */
export interface CarryInit {
  readonly stream: Stream;
  /** Connected, made with `allowHalfOpen`; may be paused. */
  readonly socket: Socket;
  /** Ends it: both sides are reset. */
  readonly signal: AbortSignal;
  readonly reclaim: BufferReclaim;
  /** Called with the bytes so far, often. */
  readonly onBytes?: (bytesIn: number, bytesOut: number) => void;
}

/**
 * Carries bytes both ways until both directions are closed: each end of data on its own (FIN to FIN), reset as reset, and whoever reads slowly slows
 * down the other side: what waits here is bounded. Takes over both; never throws.
 */
export function carrySocket(init: CarryInit): Promise<Carried> {
  return new Promise((resolve) => new SocketCarrier(init, resolve).start());
}

/** A TLS record carries 16 KiB, some of which may be the header of a frame. */
const PART_OF_MORE_BYTES = 16 * 1024 - 64;

class SocketCarrier {
  readonly #stream: Stream;
  readonly #socket: Socket;
  readonly #signal: AbortSignal;
  readonly #reclaim: BufferReclaim;
  readonly #onBytes: CarryInit['onBytes'];
  readonly #resolve: (carried: Carried) => void;
  #isCorked = false;
  #bytesIn = 0;
  #bytesOut = 0;
  #end: Carried['end'] | undefined;
  #remoteFinished = false;
  #streamEnded = false;
  #socketEnded = false;
  #streamClosed = false;
  #socketClosed = false;

  constructor(init: CarryInit, resolve: (carried: Carried) => void) {
    this.#stream = init.stream;
    this.#socket = init.socket;
    this.#signal = init.signal;
    this.#reclaim = init.reclaim;
    this.#onBytes = init.onBytes;
    this.#resolve = resolve;
  }

  start(): void {
    const { promise, unbind } = this.#bind();
    void promise.then(() => {
      unbind();
      this.#resolve({ bytesIn: this.#bytesIn, bytesOut: this.#bytesOut, end: this.#end ?? 'closed' });
    });
    if (this.#socket.destroyed) return this.#onSocketClose();
    if (this.#signal.aborted) return this.#breakOff('aborted');
    if (this.#stream.status !== 'open') return this.#onStreamClose();
    this.#remoteFinished = this.#stream.remoteWriteStatus === 'closed';
    if (this.#remoteFinished && this.#stream.readBufferLength === 0) this.#onStreamEnd();
    resumeReading(this.#stream);
    this.#socket.resume();
  }

  #done: () => void = () => undefined;

  #bind(): { promise: Promise<void>; unbind: () => void } {
    const stream = this.#stream;
    const socket = this.#socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#done = resolve;
    const onMessage = ({ data }: { data: Uint8Array | Uint8ArrayList }): void => this.#toSocket(data);
    const onFinished = (): void => {
      this.#remoteFinished = true;
    };
    const onEnd = (): void => this.#onStreamEnd();
    const onClose = (): void => this.#onStreamClose();
    const onAbort = (): void => this.#breakOff('aborted');
    const unbindWritable = onWritable(stream, () => socket.resume());
    stream.addEventListener('remoteCloseWrite', onFinished);
    stream.addEventListener('end', onEnd);
    stream.addEventListener('close', onClose);
    stream.addEventListener('message', onMessage);
    this.#signal.addEventListener('abort', onAbort);
    socket.on('data', (chunk) => this.#toStream(chunk));
    socket.on('drain', () => resumeReading(stream));
    socket.on('end', () => this.#onSocketEnd());
    socket.on('error', () => this.#breakOff('socket-reset'));
    socket.on('close', () => this.#onSocketClose());
    const unbind = (): void => {
      unbindWritable();
      stream.removeEventListener('remoteCloseWrite', onFinished);
      stream.removeEventListener('end', onEnd);
      stream.removeEventListener('close', onClose);
      stream.removeEventListener('message', onMessage);
      this.#signal.removeEventListener('abort', onAbort);
    };
    return { promise, unbind };
  }

  /**
   * Decrypted data comes in pieces of at most one TLS record. A whole record is likely followed by another one in the same turn of the event loop,
   * and they are written at once; a shorter piece is likely the last, and leaves now.
   */
  #toSocket(data: Uint8Array | Uint8ArrayList): void {
    const socket = this.#socket;
    if (data.byteLength >= PART_OF_MORE_BYTES && !this.#isCorked) {
      this.#isCorked = true;
      socket.cork();
      setImmediate(this.#uncork);
    }
    for (const chunk of data instanceof Uint8Array ? [data] : data) {
      this.#bytesIn += chunk.length;
      socket.write(chunk);
    }
    if (data.byteLength < PART_OF_MORE_BYTES && this.#isCorked) this.#uncork();
    if (socket.writableLength >= SOCKET_QUEUE_BYTES) pauseReading(this.#stream);
    this.#onBytes?.(this.#bytesIn, this.#bytesOut);
  }

  readonly #uncork = (): void => {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket.uncork();
  };

  #toStream(chunk: Buffer): void {
    this.#bytesOut += chunk.length;
    this.#reclaim.add(chunk.length);
    const canTakeMore = trySend(this.#stream, chunk);
    if (canTakeMore === undefined) return this.#breakOff('stream-reset');
    if (!canTakeMore) this.#socket.pause();
    this.#onBytes?.(this.#bytesIn, this.#bytesOut);
  }

  #onSocketEnd(): void {
    this.#socketEnded = true;
    // Fails only where the stream broke, which `close` reports.
    this.#stream.close().catch(() => undefined);
  }

  #onSocketClose(): void {
    this.#socketClosed = true;
    if (!this.#streamEnded || !this.#socketEnded) this.#breakOff('socket-reset');
    this.#settle();
  }

  /** No more data will be delivered: in order if the other side said so, broken if its connection just went away. */
  #onStreamEnd(): void {
    if (this.#streamEnded) return;
    this.#streamEnded = true;
    const { status } = this.#stream;
    if (!this.#remoteFinished || status === 'aborted' || status === 'reset') return this.#breakOff('stream-reset');
    this.#socket.end();
  }

  #onStreamClose(): void {
    this.#streamClosed = true;
    const { status } = this.#stream;
    if (!this.#remoteFinished || status === 'aborted' || status === 'reset') this.#breakOff('stream-reset');
    this.#settle();
  }

  /** Resets both sides; the first reason counts. */
  #breakOff(end: Exclude<Carried['end'], 'closed'>): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#stream.abort(new Error(end));
    this.#socket.resetAndDestroy();
  }

  #settle(): void {
    if (this.#socketClosed && this.#streamClosed) this.#done();
  }
}
