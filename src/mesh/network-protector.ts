import type { AbortOptions, ConnectionProtector, MessageStream, MultiaddrConnection } from '@libp2p/interface';
import { byteStream } from '@libp2p/utils';
import { GatewayError } from '../base/errors.ts';
import { createNonce, NONCE_BYTES, saysNonce } from './network-key.ts';
import { NetworkStream } from './network-stream.ts';

/** The keys of the private network while the pool secret is being replaced, and after. */
export interface NetworkKeys {
  readonly key: Uint8Array;
  /** The key before, while others may still know no other; null: it is taken no more. Asked for every connection. */
  former(): Uint8Array | null;
  /** Keys that were replaced: whoever comes with one is told so. */
  readonly replaced: readonly Uint8Array[];
  /** What they are told: the pool's signed statement; empty if there is none. */
  readonly succession: Uint8Array;
}

/** What the protector tells its owner. */
export interface NetworkEvents {
  /** Whoever was dialled has replaced the key of this instance, and shows this statement. Not verified. */
  onReplaced(succession: Uint8Array): void;
  /** Somebody at this address came with a key that was replaced. */
  onRefused(address: string): void;
}

/** A statement that somebody shows is no longer than this. */
const SUCCESSION_BYTES_MAX = 8 * 1024;
const LENGTH_BYTES = 2;

type Below = MessageStream & Pick<MultiaddrConnection, 'remoteAddr'>;

/**
 * The private network of a pool, on the wire what `@libp2p/pnet` speaks: two nonces, then ciphertext. Beyond that the nonces say which key their senders
 * hold (`network-key.ts`). Two instances with the new key use it at once; with one that knows only the former, that is used as long as it counts; whoever
 * comes with it later is told that it was replaced. An instance that dials shows its nonce first; the other one answers knowing it.
 */
export class NetworkProtector implements ConnectionProtector {
  readonly [Symbol.toStringTag] = '@libp2p/pnet';
  readonly #keys: NetworkKeys;
  readonly #events: NetworkEvents;
  readonly #underFormer = new Set<Below>();

  constructor(keys: NetworkKeys, events: NetworkEvents) {
    this.#keys = keys;
    this.#events = events;
  }

  async protect(connection: MessageStream, options: AbortOptions = {}): Promise<MessageStream> {
    const below = withAddress(connection);
    const bytes = byteStream(below);
    const read = async (count: number): Promise<Uint8Array> =>
      (await bytes.read({ bytes: count, ...options })).subarray();
    const localNonce = createNonce(this.#keys.key, 'holds');
    if (below.direction === 'outbound') {
      await bytes.write(localNonce, options);
      const remoteNonce = await read(NONCE_BYTES);
      if (saysNonce(remoteNonce, this.#keys.key, 'replaced')) return this.#replacedBy(below, read);
      const key = this.#keyFor(remoteNonce, below);
      return new NetworkStream({ below: unwrapped(bytes.unwrap()), key, localNonce, remoteNonce });
    }
    const remoteNonce = await read(NONCE_BYTES);
    const refused = this.#refusedKey(remoteNonce);
    if (refused !== undefined) {
      await bytes.write(this.#refusal(refused), options);
      this.#events.onRefused(below.remoteAddr.toString());
      await below.close(options);
      throw new GatewayError('not-a-member', 'it came with a pool secret that was replaced');
    }
    await bytes.write(localNonce, options);
    const key = this.#keyFor(remoteNonce, below);
    return new NetworkStream({ below: unwrapped(bytes.unwrap()), key, localNonce, remoteNonce });
  }

  /** Ends every connection that was made with the former key. */
  shutOutFormer(): void {
    for (const below of this.#underFormer) below.abort(new Error('the pool secret was replaced'));
    this.#underFormer.clear();
  }

  #keyFor(remoteNonce: Uint8Array, below: Below): Uint8Array {
    const { key } = this.#keys;
    const former = this.#keys.former();
    if (former === null || saysNonce(remoteNonce, key, 'holds')) return key;
    this.#underFormer.add(below);
    below.addEventListener('close', () => this.#underFormer.delete(below));
    return former;
  }

  /** The replaced key that the nonce tells of, unless it still counts. */
  #refusedKey(remoteNonce: Uint8Array): Uint8Array | undefined {
    if (this.#keys.former() !== null) return undefined;
    return this.#keys.replaced.find((key) => saysNonce(remoteNonce, key, 'holds'));
  }

  #refusal(key: Uint8Array): Uint8Array {
    const { succession } = this.#keys;
    const length = new Uint8Array(LENGTH_BYTES);
    new DataView(length.buffer).setUint16(0, succession.length);
    return Buffer.concat([createNonce(key, 'replaced'), length, succession]);
  }

  async #replacedBy(below: Below, read: (count: number) => Promise<Uint8Array>): Promise<never> {
    const length = await read(LENGTH_BYTES);
    const count = new DataView(length.buffer, length.byteOffset).getUint16(0);
    const succession = count === 0 || count > SUCCESSION_BYTES_MAX ? new Uint8Array(0) : await read(count);
    this.#events.onReplaced(new Uint8Array(succession));
    const error = new GatewayError('not-a-member', "the pool secret of this instance's configuration was replaced", {
      remedy: 'Start it with the configuration that pam gateway rekey wrote.',
    });
    below.abort(error);
    throw error;
  }
}

function withAddress(connection: MessageStream): Below {
  if ('remoteAddr' in connection) return unwrapped(connection);
  throw new GatewayError('not-supported', 'the private network needs a connection with an address');
}

/** libp2p hands the connection of a transport under a wider type. */
function unwrapped(connection: MessageStream): Below {
  return connection as Below;
}
