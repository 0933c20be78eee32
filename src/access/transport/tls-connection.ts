import type { TLSSocket } from 'node:tls';
import type { AbortOptions, MessageStream } from '@libp2p/interface';
import { AbstractMessageStream, type SendResult } from '@libp2p/utils';
import type { Uint8ArrayList } from 'uint8arraylist';
import { SOCKET_QUEUE_BYTES, STREAM_READ_BUFFER_BYTES_MAX } from '../bounds.ts';

/**
 * A TLS socket as libp2p wants to see it. The socket holds the TCP handle itself: what is read and written passes through no JavaScript
 * between the kernel and the decrypted bytes.
 */
export class TlsConnection extends AbstractMessageStream {
  readonly #below: MessageStream;
  readonly #socket: TLSSocket;

  constructor(below: MessageStream, socket: TLSSocket) {
    super({ log: below.log, direction: below.direction, maxReadBufferLength: STREAM_READ_BUFFER_BYTES_MAX });
    this.#below = below;
    this.#socket = socket;
    socket.on('data', (chunk) => this.onData(chunk));
    socket.on('drain', () => this.safeDispatchEvent('drain'));
    socket.on('error', (error) => this.abort(error));
    socket.on('close', () => this.onTransportClosed());
    below.addEventListener('close', () => socket.destroy());
    socket.resume();
  }

  /** Everything at once: one message is a header and a body, and both belong into one write. */
  override sendData(data: Uint8ArrayList): SendResult {
    const socket = this.#socket;
    const sentBytes = data.byteLength;
    socket.cork();
    for (const chunk of data) socket.write(chunk);
    socket.uncork();
    return { sentBytes, canSendMore: socket.writableLength < SOCKET_QUEUE_BYTES };
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
