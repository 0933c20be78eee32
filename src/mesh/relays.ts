import type { Connection, PeerId } from '@libp2p/interface';
import { isLoopback, isRelayed, relayOf } from './address.ts';
import {
  DIAL_BACK_ADDRESSES_MAX,
  DIAL_BACKS_MAX,
  DIAL_TIMEOUT_MS,
  RELAY_RETRY_MAX_MS,
  RELAY_RETRY_MS,
  RELAY_ROUND_MS,
  RELAY_WAIT_MS,
  RELAYS_MAX,
} from './bounds.ts';
import type { Dialer } from './dialer.ts';
import type { MeshLog } from './log.ts';
import type { MeshNode } from './node.ts';
import type { RelayClient } from './relay-client.ts';

/** What relaying needs. */
export interface RelaysInit {
  readonly client: RelayClient;
  readonly dialer: Pick<Dialer, 'connect' | 'reaches'>;
  readonly log: MeshLog;
  node(): MeshNode;
  /** The connections that carry links. */
  links(): readonly Connection[];
}

/** What is known of a linked peer, as long as its link stays on one connection. */
interface Neighbour {
  readonly connection: Connection;
  /** It has been asked for a reservation, or need not be. */
  asked: boolean;
  dueAtMs: number;
  retryMs: number;
}

/**
 * Links between instances that cannot dial each other, through members both can dial.
 *
 * Who needs a relay is not guessed: an instance asks the members it has dialled itself for a reservation, one after the other, and a member
 * grants it only to whom it cannot dial back. Where all reach each other that costs one handshake per pair and nothing is ever reserved. Nor
 * does a member grant anything that has a reservation itself, or does not know yet whether it needs one: others could not dial it either.
 *
 * A link that a relay carries moves to a direct connection as soon as one side succeeds in dialling the other; both keep trying.
 */
export class Relays {
  readonly #init: RelaysInit;
  readonly #neighbours = new Map<string, Neighbour>();
  /** Linked peers that have dialled us. */
  readonly #reachedBy = new Set<string>();
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #relaysBefore = 0;
  #dialBacks = 0;

  constructor(init: RelaysInit) {
    this.#init = init;
  }

  /** Begins to look after links and reservations. */
  start(): void {
    this.#timer = setInterval(() => this.#round(), RELAY_ROUND_MS).unref();
  }

  /** Asks and tries no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#stopping.abort();
  }

  /** An incoming connection has proved the pool secret and who it is from. */
  reachedBy(peer: PeerId): void {
    this.#reachedBy.add(peer.toString());
  }

  /** Whether that peer, which asks for it, gets a reservation here. */
  async grants(peer: PeerId): Promise<boolean> {
    const connection = this.#directConnection(peer);
    if (connection === undefined || this.#dialBacks >= DIAL_BACKS_MAX) return false;
    this.#dialBacks += 1;
    try {
      if (await this.#canDial(connection)) return false;
    } finally {
      this.#dialBacks -= 1;
    }
    if (!this.#isSettled() || this.#relays().size > 0) return false;
    // libp2p would prolong the earlier one with a timer that can't be stopped again.
    this.#forget(peer);
    return true;
  }

  /** Whether a connection may be relayed to that peer: not through a second relay. */
  carriesTo(peer: PeerId): boolean {
    const [first] = this.#init.node().getConnections(peer);
    return first !== undefined && !isRelayed(first.remoteAddr);
  }

  #round(): void {
    const nowMs = performance.now();
    const relays = this.#relays();
    this.#keepReservations(relays.size === 0);
    this.#followLinks(nowMs);
    const candidates: Neighbour[] = [];
    for (const [peer, neighbour] of this.#neighbours) {
      if (isRelayed(neighbour.connection.remoteAddr)) this.#dialDirectly(neighbour, nowMs);
      else if (this.#mayNeed(peer, neighbour) && !relays.has(peer)) candidates.push(neighbour);
    }
    if (relays.size < this.#relaysBefore) for (const neighbour of candidates) neighbour.dueAtMs = nowMs;
    this.#relaysBefore = relays.size;
    if (relays.size < RELAYS_MAX) this.#askOne(candidates, nowMs);
  }

  /**
   * A reservation lasts as long as the connection to its owner, not until a clock says otherwise. One on an instance that cannot be dialled itself is of no use:
   * the end of the connection tells its owner, who connects again and asks elsewhere.
   */
  #keepReservations(areUseful: boolean): void {
    for (const [peer, { signal }] of this.#init.node().services.relay.reservations) {
      signal.clear();
      const connection = this.#directConnection(peer);
      if (connection !== undefined && areUseful) continue;
      this.#forget(peer);
      connection?.abort(new Error('this instance is no longer a relay'));
    }
  }

  #forget(peer: PeerId): void {
    const { reservations } = this.#init.node().services.relay;
    reservations.get(peer)?.signal.clear();
    reservations.delete(peer);
  }

  #followLinks(nowMs: number): void {
    const linked = new Map(this.#init.links().map((connection) => [connection.remotePeer.toString(), connection]));
    for (const [peer, connection] of linked) {
      if (this.#neighbours.get(peer)?.connection !== connection) this.#renew(connection, nowMs + RELAY_WAIT_MS);
    }
    for (const peer of this.#neighbours.keys()) if (!linked.has(peer)) this.#neighbours.delete(peer);
    for (const peer of this.#reachedBy) if (!linked.has(peer)) this.#reachedBy.delete(peer);
  }

  #renew(connection: Connection, dueAtMs: number): void {
    const neighbour = { connection, asked: false, dueAtMs, retryMs: RELAY_RETRY_MS };
    this.#neighbours.set(connection.remotePeer.toString(), neighbour);
  }

  /** A peer that we dialled and that has not dialled us: it may be unable to. */
  #mayNeed(peer: string, { connection }: Neighbour): boolean {
    return connection.direction === 'outbound' && !isRelayed(connection.remoteAddr) && !this.#reachedBy.has(peer);
  }

  /** True once every peer that could tell whether it can dial us was asked. */
  #isSettled(): boolean {
    return [...this.#neighbours].every(([peer, neighbour]) => neighbour.asked || !this.#mayNeed(peer, neighbour));
  }

  /** One of them by chance, so that not all instances choose the same relays. */
  #askOne(candidates: readonly Neighbour[], nowMs: number): void {
    const due = candidates.filter(({ dueAtMs }) => dueAtMs <= nowMs);
    const neighbour = due[Math.floor(Math.random() * due.length)];
    if (neighbour === undefined) return;
    neighbour.asked = true;
    postpone(neighbour, nowMs);
    this.#init.client.ask(neighbour.connection);
  }

  #dialDirectly(neighbour: Neighbour, nowMs: number): void {
    if (neighbour.dueAtMs > nowMs) return;
    postpone(neighbour, nowMs);
    const { connection } = neighbour;
    const peer = connection.remotePeer.toString();
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(2 * DIAL_TIMEOUT_MS)]);
    this.#addressesOf(connection, signal)
      .then((addresses) => this.#init.dialer.connect(addresses, signal))
      .then(
        () => this.#init.log.debug({ peer }, 'dialled directly what a relay connected'),
        (error) => this.#init.log.debug({ peer, cause: String(error) }, 'no direct connection'),
      );
  }

  async #canDial(connection: Connection): Promise<boolean> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]);
    const addresses = await this.#addressesOf(connection, signal).catch(() => []);
    return this.#init.dialer.reaches(connection.remotePeer.toString(), addresses, signal);
  }

  /** Under which addresses the other side believes it can be dialled; those of its own machine only where it is ours too. */
  async #addressesOf(connection: Connection, signal: AbortSignal): Promise<readonly string[]> {
    const { listenAddrs } = await this.#init.node().services.identify.identify(connection, { signal });
    const isLocal = isLoopback(connection.remoteAddr.toString());
    const direct = listenAddrs.map(String).filter((address) => relayOf(address) === undefined);
    const own = `/p2p/${connection.remotePeer.toString()}`;
    return direct
      .filter((address) => isLocal || !isLoopback(address))
      .slice(0, DIAL_BACK_ADDRESSES_MAX)
      .map((address) => (address.endsWith(own) ? address : `${address}${own}`));
  }

  #directConnection(peer: PeerId): Connection | undefined {
    const connections = this.#init.node().getConnections(peer);
    return connections.find(({ status, remoteAddr }) => status === 'open' && !isRelayed(remoteAddr));
  }

  /** Those this instance has reservations on. */
  #relays(): ReadonlySet<string> {
    const addresses = this.#init.node().getMultiaddrs();
    return new Set(addresses.flatMap((address) => relayOf(address.toString()) ?? []));
  }
}

function postpone(neighbour: Neighbour, nowMs: number): void {
  neighbour.dueAtMs = nowMs + Math.round(neighbour.retryMs * (0.75 + Math.random() / 2));
  neighbour.retryMs = Math.min(neighbour.retryMs * 2, RELAY_RETRY_MAX_MS);
}
