import type { InstanceId } from '../../src/base/ids.ts';
import type { Event } from '../../src/core/index.ts';
import { CALM, type Conditions, drawDelayMs } from './conditions.ts';
import { EventQueue } from './event-queue.ts';
import type { FaultCounts } from './fault-counts.ts';
import { Partitions } from './partitions.ts';
import type { Random } from './random.ts';

/** A process on the network. */
export interface Node {
  readonly host: number;
  readonly id: InstanceId;
  readonly links: Map<InstanceId, Link>;
  /** Messages and bytes, each hop counted. */
  readonly traffic: Traffic;
  /** False once the process has ended. */
  readonly running: boolean;
  /** False while it is frozen: then it passes no gossip on. */
  readonly awake: boolean;
  receive(event: Event): void;
}

/** What a process sent and received. */
export interface Traffic {
  sentBytes: number;
  sentMessages: number;
  receivedBytes: number;
  receivedMessages: number;
}

/** One connection between two processes; `ends[1]` was dialled. */
export interface Link {
  readonly ends: readonly [Node, Node];
  /** When the last message in each direction arrives: what is sent later arrives later. */
  readonly lastAtMs: [number, number];
  readonly stalled: [Event[], Event[]];
  /** Which ends know of it. */
  readonly told: [boolean, boolean];
  open: boolean;
}

/** What the network needs. */
export interface NetworkInit {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly faults: FaultCounts;
  now(): number;
}

/** Bytes a transport adds to each message: frame, noise, yamux and TCP headers. */
const DIRECT_OVERHEAD_BYTES = 90;
/** The same with gossipsub's own fields. */
const GOSSIP_OVERHEAD_BYTES = 150;
/** Links up to which a process passes gossip on to all of them. */
const FLOOD_LINKS_MAX = 12;
/** Links it passes gossip on to beyond that: gossipsub's mesh degree. */
const RELAY_DEGREE = 6;

/**
 * Links and gossip as a model. A *link* is FIFO in each direction and loses single messages at most. *Gossip* floods pools of up to 12 links per
 * process and travels over a random mesh of degree 6 in larger ones; every process takes a message in once. Gossipsub's repair of
 * lost messages (IHAVE) is left out, so real gossip loses less. The whole spread of a message is drawn when it is published.
 */
export class Network {
  readonly partitions = new Partitions();
  conditions: Conditions = CALM;
  readonly #init: NetworkInit;
  readonly #links = new Set<Link>();
  #published = 0;
  #newestDelivered = new Map<Node, number>();

  constructor(init: NetworkInit) {
    this.#init = init;
  }

  /** Connects two processes; both are told, the dialled one first. A link that exists between the same ids is replaced. */
  connect(dialler: Node, dialled: Node): void {
    this.#replaceOld(dialler, dialled);
    const nowMs = this.#init.now();
    const link: Link = {
      ends: [dialler, dialled],
      lastAtMs: [nowMs, nowMs],
      stalled: [[], []],
      told: [false, false],
      open: true,
    };
    this.#links.add(link);
    dialler.links.set(dialled.id, link);
    dialled.links.set(dialler.id, link);
    this.#deliver(link, 0, { kind: 'link-up', peer: dialler.id });
    this.#deliver(link, 1, { kind: 'link-up', peer: dialled.id });
  }

  /** Closes a link; an end that is named as `silent` is not told, the other one learns of it after a moment. */
  close(link: Link, silent?: Node): void {
    if (!link.open) return;
    link.open = false;
    this.#links.delete(link);
    for (const index of [0, 1] as const) {
      const end = link.ends[index];
      const peer = link.ends[index === 0 ? 1 : 0];
      if (end.links.get(peer.id) === link) end.links.delete(peer.id);
      if (end === silent || !link.told[index]) continue;
      this.#after(0, () => end.running && end.receive({ kind: 'link-down', peer: peer.id }));
    }
  }

  /** Closes a link on the other side only after the news has travelled: what a dying process leaves behind. */
  hangUp(node: Node): void {
    for (const link of [...node.links.values()]) {
      const peer = link.ends[0] === node ? link.ends[1] : link.ends[0];
      if (this.partitions.touches(node.host, peer.host)) continue;
      this.#after(drawDelayMs(this.conditions, this.#init.random), () => this.close(link, node));
    }
  }

  /** Sends over the link to `to`; lost when there is none. */
  send(from: Node, to: InstanceId, bytes: Uint8Array): void {
    const link = from.links.get(to);
    if (link === undefined) return;
    const direction = link.ends[0] === from ? 0 : 1;
    const peer = link.ends[direction === 0 ? 1 : 0];
    countTraffic(from, peer, bytes.length + DIRECT_OVERHEAD_BYTES);
    const event: Event = { kind: 'direct', from: from.id, bytes };
    const cut = this.partitions.any ? this.partitions.between(from.host, peer.host) : undefined;
    if (cut?.mode === 'stall') link.stalled[direction].push(event);
    if (cut !== undefined || this.#lost()) return;
    this.#deliver(link, direction, event);
    if (!this.#init.random.chance(this.conditions.duplicatePerMille)) return;
    this.#init.faults.count('duplicate-direct');
    this.#deliver(link, direction, event);
  }

  /** Spreads a message to everyone who can be reached. */
  publish(from: Node, bytes: Uint8Array): void {
    const nowMs = this.#init.now();
    const number = ++this.#published;
    const event: Event = { kind: 'gossip', bytes };
    const reached = new Set<Node>([from]);
    const wave = new EventQueue();
    const spread = (node: Node, atMs: number, came: Node | undefined): void => {
      for (const peer of this.#relays(node)) {
        if (peer === came || !peer.running) continue;
        countTraffic(node, peer, bytes.length + GOSSIP_OVERHEAD_BYTES);
        if (this.partitions.any && this.partitions.between(node.host, peer.host) !== undefined) continue;
        if (this.#lost() || reached.has(peer)) continue;
        const arrivesMs = atMs + this.#drawDelayMs();
        wave.push(arrivesMs, () => {
          if (reached.has(peer)) return;
          reached.add(peer);
          this.#arrive(peer, arrivesMs, event, number);
          if (peer.awake) spread(peer, arrivesMs, node);
        });
      }
    };
    spread(from, nowMs, undefined);
    for (let next = wave.pop(); next !== undefined; next = wave.pop()) next.run();
  }

  /** A partition began: connections that it touches break in a while if it lasts. */
  timeOutLinks(afterMs: () => number): void {
    for (const link of this.#links) {
      const [left, right] = link.ends;
      if (!this.partitions.touches(left.host, right.host)) continue;
      this.#after(afterMs(), () => {
        if (!link.open || !this.partitions.touches(left.host, right.host)) return;
        this.#init.faults.count('link-timeout');
        this.close(link);
      });
    }
  }

  /** A partition ended: what TCP kept arrives, in order. */
  releaseStalled(): void {
    for (const link of this.#links) {
      for (const direction of [0, 1] as const) {
        const [from, to] = direction === 0 ? link.ends : [link.ends[1], link.ends[0]];
        if (this.partitions.between(from.host, to.host) !== undefined) continue;
        const events = link.stalled[direction].splice(0);
        if (events.length > 0) this.#init.faults.count('stalled-then-delivered');
        for (const event of events) this.#deliver(link, direction, event);
      }
    }
  }

  #replaceOld(dialler: Node, dialled: Node): void {
    for (const old of [dialler.links.get(dialled.id), dialled.links.get(dialler.id)])
      if (old !== undefined) this.close(old);
  }

  #deliver(link: Link, direction: 0 | 1, event: Event): void {
    const index = direction === 0 ? 1 : 0;
    const to = link.ends[index];
    const atMs = Math.max(link.lastAtMs[direction], this.#init.now() + this.#drawDelayMs());
    link.lastAtMs[direction] = atMs;
    this.#init.queue.push(atMs, () => {
      if (!link.open || !to.running) return;
      link.told[index] = true;
      to.receive(event);
    });
  }

  #arrive(to: Node, atMs: number, event: Event, number: number): void {
    const { queue, random, faults } = this.#init;
    const take = (): void => {
      if (!to.running) return;
      if ((this.#newestDelivered.get(to) ?? 0) > number) faults.count('reordered-gossip');
      else this.#newestDelivered.set(to, number);
      to.receive(event);
    };
    queue.push(atMs, take);
    if (!random.chance(this.conditions.duplicatePerMille)) return;
    faults.count('duplicate-gossip');
    queue.push(atMs + random.below(2000), take);
  }

  #relays(node: Node): readonly Node[] {
    const peers: Node[] = [];
    for (const link of node.links.values()) peers.push(link.ends[0] === node ? link.ends[1] : link.ends[0]);
    if (peers.length <= FLOOD_LINKS_MAX) return peers;
    const start = this.#init.random.below(peers.length);
    return Array.from({ length: RELAY_DEGREE }, (_, index) => peers[(start + index) % peers.length]).flatMap(
      (peer) => peer ?? [],
    );
  }

  #lost(): boolean {
    if (!this.#init.random.chance(this.conditions.lossPerMille)) return false;
    this.#init.faults.count('loss');
    return true;
  }

  #drawDelayMs(): number {
    const delayMs = drawDelayMs(this.conditions, this.#init.random);
    if (this.conditions.slowPerMille > 0 && delayMs > 100) this.#init.faults.count('slow-message');
    return delayMs;
  }

  #after(delayMs: number, run: () => void): void {
    this.#init.queue.push(this.#init.now() + delayMs, run);
  }
}

function countTraffic(from: Node, to: Node, bytes: number): void {
  from.traffic.sentBytes += bytes;
  from.traffic.sentMessages += 1;
  to.traffic.receivedBytes += bytes;
  to.traffic.receivedMessages += 1;
}
