import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, PeerId } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import { GatewayError } from '../base/errors.ts';
import { type DialAddress, parseDialAddress } from './address.ts';
import { DIAL_ADDRESSES_MAX, DIAL_STAGGER_MS, DIAL_TIMEOUT_MS } from './bounds.ts';
import { DialError, type DialReason, mostTelling } from './dial-error.ts';

/** What a dialer needs of the node. */
export interface DialerInit {
  dial(
    address: Multiaddr,
    options: { signal: AbortSignal; onProgress(event: { readonly type: string }): void },
  ): Promise<Connection>;
  isConnected(peer: string): boolean;
}

/** What is known of a dial under way: the handshake's progress tells apart what the transport's error does not. */
interface Attempt {
  readonly expectedPeer: string | undefined;
  /** The TCP connection stood and both sides sent something: what fails now fails at proving the pool secret. */
  isSecuring: boolean;
  /** Who answered, once it has proved the pool secret and its identity. */
  found: string | undefined;
}

/** Dials addresses and says in typed errors why it failed. Whether and when to dial again is the owner's decision. */
export class Dialer {
  readonly #init: DialerInit;
  /** By address: libp2p joins simultaneous dials to one address. */
  readonly #attempts = new Map<string, Attempt>();

  constructor(init: DialerInit) {
    this.#init = init;
  }

  /** Dials the addresses of one instance, the first that works wins; its peer id. Already connected counts as success. */
  async connect(addresses: readonly string[], signal: AbortSignal): Promise<string> {
    const targets = addresses.slice(0, DIAL_ADDRESSES_MAX).map(parseDialAddress);
    if (targets.length === 0) {
      throw new GatewayError('bad-usage', 'no address to connect to', { remedy: 'Name at least one HOST:PORT.' });
    }
    const decided = new AbortController();
    try {
      return await Promise.any(this.#startInTurn(targets, AbortSignal.any([signal, decided.signal]), decided));
    } catch (error) {
      throw error instanceof AggregateError ? mostTelling(error.errors) : error;
    }
  }

  /** Each address is dialled once the one before has failed or is slow; success aborts the rest. */
  #startInTurn(targets: readonly DialAddress[], signal: AbortSignal, decided: AbortController): Promise<string>[] {
    let turn: Promise<unknown> = Promise.resolve();
    return targets.map((target) => {
      const attempt = turn.then(() => this.#dial(target, signal));
      const ended = attempt.then(
        () => decided.abort(),
        () => undefined,
      );
      turn = turn.then(() => Promise.race([ended, sleep(DIAL_STAGGER_MS, undefined, { ref: false })]));
      return attempt;
    });
  }

  /** Asked by the node once the other side has proved who it is: true ends the dial. */
  refuses(peerId: PeerId, address: Multiaddr): boolean {
    const attempt = this.#attempts.get(address.toString());
    if (attempt === undefined) return false;
    attempt.found = peerId.toString();
    return isUnexpected(attempt) || this.#init.isConnected(attempt.found);
  }

  async #dial({ address, expectedPeer }: DialAddress, signal: AbortSignal): Promise<string> {
    if (expectedPeer !== undefined && this.#init.isConnected(expectedPeer)) return expectedPeer;
    const key = address.toString();
    if (signal.aborted) throw new DialError('cancelled', key, { cause: signal.reason });
    const attempt: Attempt = this.#attempts.get(key) ?? { expectedPeer, isSecuring: false, found: undefined };
    this.#attempts.set(key, attempt);
    try {
      const connection = await this.#init.dial(address, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]),
        onProgress: ({ type }) => {
          if (type === 'upgrader:encrypt-outbound-connection') attempt.isSecuring = true;
        },
      });
      return connection.remotePeer.toString();
    } catch (error) {
      if (signal.aborted) throw new DialError('cancelled', key, { cause: signal.reason });
      if (attempt.found !== undefined && !isUnexpected(attempt) && this.#init.isConnected(attempt.found))
        return attempt.found;
      throw new DialError(dialReason(error, attempt), key, { cause: error });
    } finally {
      if (this.#attempts.get(key) === attempt) this.#attempts.delete(key);
    }
  }
}

function isUnexpected({ found, expectedPeer }: Attempt): boolean {
  return found !== undefined && expectedPeer !== undefined && found !== expectedPeer;
}

const REASONS_BY_SYSTEM_ERROR: Readonly<Record<string, DialReason>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EINVAL: 'unreachable',
  ETIMEDOUT: 'timed-out',
  ENOTFOUND: 'unresolved',
  EAI_AGAIN: 'unresolved',
};

function dialReason(error: unknown, attempt: Attempt): DialReason {
  if (!(error instanceof Error)) return 'closed';
  if (error.name === 'InvalidPeerIdError') return 'self';
  if (isUnexpected(attempt)) return 'wrong-peer';
  if (attempt.found !== undefined) return 'closed';
  if (attempt.isSecuring) return 'not-a-member';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'timed-out';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return REASONS_BY_SYSTEM_ERROR[code] ?? 'closed';
}
