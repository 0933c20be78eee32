import type { Connection, Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { dialAddresses } from '../address.ts';
import { DIAL_TIMEOUT_MS, DIRECT_RETRY_MS, DIRECT_WAIT_MS } from '../bounds.ts';

/** Direct connections to workers: one each, kept for the next session. */
export class Workers {
  readonly #node: Libp2p;
  readonly #dialling = new Map<string, Promise<Connection | undefined>>();
  readonly #connections = new Map<string, Connection>();
  readonly #failedUntilMs = new Map<string, number>();

  constructor(node: Libp2p) {
    this.#node = node;
  }

  /** A connection to the worker itself, or undefined where none comes about quickly: then the session goes through the entry. */
  async connect(worker: string, addresses: readonly string[]): Promise<Connection | undefined> {
    const open = this.#connections.get(worker);
    if (open?.status === 'open') return open;
    if ((this.#failedUntilMs.get(worker) ?? 0) > performance.now()) return undefined;
    const dialling = this.#dialling.get(worker) ?? this.#dial(worker, addresses);
    const { promise: patience, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, DIRECT_WAIT_MS, undefined);
    try {
      return await Promise.race([dialling, patience]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The worker did not answer: its connection may be dead without anybody having noticed. */
  distrust(worker: string): void {
    const connection = this.#connections.get(worker);
    this.#connections.delete(worker);
    if (connection !== undefined && connection.streams.length === 0)
      connection.abort(new Error('worker does not answer'));
    this.#failedUntilMs.set(worker, performance.now() + DIRECT_RETRY_MS);
  }

  #dial(worker: string, addresses: readonly string[]): Promise<Connection | undefined> {
    const dialling = this.#dialOnce(worker, addresses).finally(() => this.#dialling.delete(worker));
    this.#dialling.set(worker, dialling);
    return dialling;
  }

  async #dialOnce(worker: string, addresses: readonly string[]): Promise<Connection | undefined> {
    const targets = dialAddresses(addresses, worker).map((text) => multiaddr(text));
    try {
      if (targets.length === 0) return undefined;
      const connection = await this.#node.dial(targets, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) });
      this.#connections.set(worker, connection);
      this.#failedUntilMs.delete(worker);
      connection.addEventListener('close', () => {
        if (this.#connections.get(worker) === connection) this.#connections.delete(worker);
      });
      return connection;
    } catch {
      // The way through the entry remains; its failure is the one that is reported.
      this.#failedUntilMs.set(worker, performance.now() + DIRECT_RETRY_MS);
      return undefined;
    }
  }
}
