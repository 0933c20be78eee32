import type { TLSSocket } from 'node:tls';
import type { AbortOptions, MessageStream } from '@libp2p/interface';
import { AbstractMessageStream, type SendResult } from '@libp2p/utils';
import type { Uint8ArrayList } from 'uint8arraylist';
import { CONNECTION_QUEUE_BYTES_MAX, SOCKET_QUEUE_BYTES } from '../bounds.ts';
import type { BufferReclaim } from '../buffer-reclaim.ts';

/**
 * A TLS socket as libp2p wants to see it, with a short way past libp2p's buffers for the multiplexer. The socket holds the TCP handle itself: between
 * the kernel and the plain bytes nothing passes through JavaScript.
 */
export class TlsConnection extends AbstractMessageStream {
  readonly #below: MessageStream;
  readonly #socket: TLSSocket;
  readonly #reclaim: BufferReclaim;
  #isCorked = false;

  /** Paused: reading begins with `read`. */
  constructor(below: MessageStream, socket: TLSSocket, reclaim: BufferReclaim) {
    super({ log: below.log, direction: below.direction });
    this.#below = below;
    this.#socket = socket;
    this.#reclaim = reclaim;
    socket.on('drain', () => this.onRoom());
    socket.on('error', (error) => this.abort(error));
    socket.on('close', () => this.onTransportClosed());
    below.addEventListener('close', () => socket.destroy());
  }

  /** Called when the connection is no longer full. */
  onRoom: () => void = () => undefined;

  /** True: nothing more should be written before `onRoom`. */
  get isFull(): boolean {
    return this.#socket.writableLength >= SOCKET_QUEUE_BYTES;
  }

  /** Delivers everything that arrives from now on. */
  read(onChunk: (chunk: Uint8Array) => void): void {
    this.#socket.on('data', (chunk) => {
      onChunk(chunk);
      this.#reclaim.add(chunk.length);
    });
    this.#socket.resume();
  }

  /** Writes; what is written in one turn of the event loop leaves together. */
  write(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (socket.writableLength > CONNECTION_QUEUE_BYTES_MAX)
      return this.abort(new Error('the other side does not read'));
    if (!this.#isCorked) {
      this.#isCorked = true;
      socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        socket.uncork();
      });
    }
    for (const chunk of chunks) socket.write(chunk);
  }

  override sendData(data: Uint8ArrayList): SendResult {
    this.write([...data]);
    return { sentBytes: data.byteLength, canSendMore: !this.isFull };
  }

  override sendReset(error: Error): void {
    this.#socket.destroy();
    this.#below.abort(error);
  }

  override sendPause(): void {
    this.#socket.pause();
  }

  override sendResume(): void {
    this.#socket.resume();
  }

  override async close(options?: AbortOptions): Promise<void> {
    this.#socket.end();
    await this.#below.close(options);
  }
}
