import type { Socket } from 'node:net';
import type { Stream } from '@libp2p/interface';
import { GatewayError } from '../../../base/errors.ts';

/** Where bytes come from: one end of a session while the gateway itself speaks on it. */
export interface ByteSource {
  /** Calls back with every chunk, and once with the reason when no more will come. */
  listen(onChunk: (chunk: Uint8Array) => void, onEnd: (reason: GatewayError) => void): () => void;
  resume(): void;
  pause(): void;
  unshift(bytes: Uint8Array): void;
}

/** Reads an exact number of bytes at a time, and leaves everything behind them where it was. */
export class ByteReader {
  readonly #source: ByteSource;
  readonly #signal: AbortSignal;
  readonly #unlisten: () => void;
  #held = Buffer.alloc(0);
  #ended: GatewayError | undefined;
  #wake: () => void = () => undefined;

  /** The signal ends whatever is being waited for. */
  constructor(source: ByteSource, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
    this.#unlisten = source.listen(
      (chunk) => {
        this.#held = Buffer.concat([this.#held, chunk]);
        this.#wake();
      },
      (reason) => {
        this.#ended = reason;
        this.#wake();
      },
    );
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Bytes that have come and were not taken yet. */
  get held(): number {
    return this.#held.length;
  }

  /** The next `length` bytes, which the caller has bounded. Throws the reason why they will not come. */
  async take(length: number): Promise<Buffer> {
    while (this.#held.length < length) {
      if (this.#signal.aborted) throw abortReason(this.#signal);
      if (this.#ended !== undefined) throw this.#ended;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      this.#source.resume();
      await promise;
    }
    this.#source.pause();
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  /** Lets go of the source, paused, with what was not taken put back. */
  release(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#source.pause();
    this.#unlisten();
    if (this.#held.length > 0) this.#source.unshift(this.#held);
    this.#held = Buffer.alloc(0);
  }

  readonly #onAbort = (): void => this.#wake();
}

function abortReason(signal: AbortSignal): GatewayError {
  const late = signal.reason instanceof Error && signal.reason.name === 'TimeoutError';
  return late
    ? new GatewayError('timeout', 'no answer within the time for logging in', { cause: signal.reason })
    : new GatewayError('cancelled', 'the session was cancelled', { cause: signal.reason });
}

/** The client's end of a session. */
export function clientSource(stream: Stream): ByteSource {
  return {
    listen(onChunk, onEnd) {
      const onMessage = ({ data }: { data: Uint8Array | Iterable<Uint8Array> }): void => {
        for (const chunk of data instanceof Uint8Array ? [data] : data) onChunk(chunk);
      };
      const onGone = (): void => onEnd(new GatewayError('unreachable', 'the client has gone'));
      stream.addEventListener('message', onMessage);
      stream.addEventListener('end', onGone);
      stream.addEventListener('close', onGone);
      if (stream.readableEnded || stream.status !== 'open') onGone();
      return () => {
        stream.removeEventListener('message', onMessage);
        stream.removeEventListener('end', onGone);
        stream.removeEventListener('close', onGone);
      };
    },
    resume: () => {
      if (stream.readStatus === 'paused') stream.resume();
    },
    pause: () => {
      if (stream.readStatus === 'readable') stream.pause();
    },
    unshift: (bytes) => stream.unshift(bytes),
  };
}

/** The database's end. */
export function socketSource(socket: Socket): ByteSource {
  return {
    listen(onChunk, onEnd) {
      const onGone = (): void => onEnd(new GatewayError('target-reset', 'the database closed the connection'));
      socket.on('data', onChunk);
      socket.on('end', onGone);
      socket.on('close', onGone);
      if (socket.destroyed || socket.readableEnded) onGone();
      return () => {
        socket.off('data', onChunk);
        socket.off('end', onGone);
        socket.off('close', onGone);
      };
    },
    resume: () => void socket.resume(),
    pause: () => void socket.pause(),
    unshift: (bytes) => socket.unshift(Buffer.from(bytes)),
  };
}
