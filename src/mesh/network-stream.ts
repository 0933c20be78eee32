import type { AbortOptions, MessageStream, MultiaddrConnection } from '@libp2p/interface';
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils';
import type { Uint8ArrayList } from 'uint8arraylist';
import { createKeyStream, type KeyStream } from './key-stream.ts';

/** What the two ends have agreed on. */
export interface NetworkStreamInit {
  readonly below: MessageStream & Pick<MultiaddrConnection, 'remoteAddr'>;
  readonly key: Uint8Array;
  readonly localNonce: Uint8Array;
  readonly remoteNonce: Uint8Array;
}

/** A connection inside the private network: every byte is XORed with XSalsa20 of the key and the sender's nonce, as `@libp2p/pnet` does it. */
export class NetworkStream extends AbstractMultiaddrConnection {
  readonly #below: NetworkStreamInit['below'];
  readonly #inbound: KeyStream;
  readonly #outbound: KeyStream;

  constructor({ below, key, localNonce, remoteNonce }: NetworkStreamInit) {
    super({ log: below.log.newScope('network'), remoteAddr: below.remoteAddr, direction: below.direction });
    this.#below = below;
    this.#inbound = createKeyStream(remoteNonce, key);
    this.#outbound = createKeyStream(localNonce, key);
    below.addEventListener('message', ({ data }) => {
      for (const part of data instanceof Uint8Array ? [data] : data) this.onData(this.#inbound.update(part));
    });
    below.addEventListener('drain', () => this.onMuxerDrain());
    below.addEventListener('close', ({ error, local }) => {
      if (error === undefined || error === null) this.onTransportClosed();
      else if (local === true) this.abort(error);
      else this.onRemoteReset();
    });
  }

  async sendClose(options?: AbortOptions): Promise<void> {
    await this.#below.close(options);
  }

  sendData(data: Uint8ArrayList): SendResult {
    return { sentBytes: data.byteLength, canSendMore: this.#below.send(this.#outbound.update(data.subarray())) };
  }

  sendReset(error: Error): void {
    this.#below.abort(error);
  }

  sendPause(): void {
    this.#below.pause();
  }

  sendResume(): void {
    this.#below.resume();
  }
}
