import { Duplex } from 'node:stream';
import type { Stream } from '@libp2p/interface';
import type { Uint8ArrayList } from 'uint8arraylist';
import { isEndedInOrder, onWritable, pauseReading, resumeReading, trySend } from './stream-state.ts';

/** Called with the bytes so far, often. */
export type OnBytes = (bytesIn: number, bytesOut: number) => void;

/**
 * A session stream as a Node stream, for libraries that want a socket. Each direction ends on its own, a reset is an error, and whoever reads slowly
 * slows down the other side.
 */
export class StreamDuplex extends Duplex {
  readonly #stream: Stream;
  readonly #onBytes: OnBytes | undefined;
  readonly #unbindWritable: () => void;
  #written: (() => void) | undefined;
  #ended = false;
  #bytesIn = 0;
  #bytesOut = 0;

  /** Takes over the stream, which is paused. */
  constructor(stream: Stream, onBytes?: OnBytes) {
    super({ allowHalfOpen: true, readableHighWaterMark: HIGH_WATER_BYTES, writableHighWaterMark: HIGH_WATER_BYTES });
    this.#stream = stream;
    this.#onBytes = onBytes;
    this.#unbindWritable = onWritable(stream, () => this.#onWritable());
    stream.addEventListener('message', ({ data }) => this.#onData(data));
    stream.addEventListener('end', () => this.#onEnd());
    stream.addEventListener('close', () => this.#onClose());
    if (stream.status !== 'open') this.#onClose();
    else if (stream.remoteWriteStatus === 'closed' && stream.readBufferLength === 0) this.#onEnd();
  }

  /** Bytes from the other side, so far. */
  get bytesIn(): number {
    return this.#bytesIn;
  }

  /** Bytes to the other side, so far. */
  get bytesOut(): number {
    return this.#bytesOut;
  }

  override _read(): void {
    resumeReading(this.#stream);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#bytesOut += chunk.length;
    this.#onBytes?.(this.#bytesIn, this.#bytesOut);
    const canTakeMore = trySend(this.#stream, chunk);
    if (canTakeMore === undefined) return done(lost());
    if (canTakeMore) return done();
    this.#written = () => done();
  }

  override _final(done: (error?: Error) => void): void {
    // Fails only where the stream broke, which its `close` reports.
    this.#stream.close().then(
      () => done(),
      () => done(),
    );
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#unbindWritable();
    this.#onWritable();
    const isOver = this.#ended && this.writableFinished;
    if (this.#stream.status === 'open' && !isOver) this.#stream.abort(error ?? new Error('closed'));
    done(error);
  }

  #onWritable(): void {
    const written = this.#written;
    this.#written = undefined;
    written?.();
  }

  #onData(data: Uint8Array | Uint8ArrayList): void {
    for (const chunk of data instanceof Uint8Array ? [data] : data) {
      this.#bytesIn += chunk.length;
      if (!this.push(chunk)) pauseReading(this.#stream);
    }
    this.#onBytes?.(this.#bytesIn, this.#bytesOut);
  }

  #onEnd(): void {
    if (this.#ended) return;
    if (!isEndedInOrder(this.#stream)) return void this.destroy(lost());
    this.#ended = true;
    this.push(null);
  }

  #onClose(): void {
    if (!isEndedInOrder(this.#stream)) this.destroy(lost());
  }
}

/** Bytes that wait on either side before the source is told to wait. */
const HIGH_WATER_BYTES = 256 * 1024;

function lost(): Error {
  return new Error('the session stream broke');
}
