import type { EventQueue } from './event-queue.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { SimProcess } from './sim-process.ts';

/** What the driver's contact policy needs of the world. */
export interface ContactInit {
  readonly queue: EventQueue;
  readonly network: Network;
  readonly random: Random;
  /** Longest time until a dialled connection is up. */
  readonly dialMs: number;
  now(): number;
  /** The process that listens on this host. */
  listening(host: number): SimProcess | undefined;
}

/** Links one process dials up to. */
export const LINKS_MAX = 1024;
/** Links over which news of addresses are passed on at once; who gets them passes them on in turn. */
const TOLD_MAX = 16;
/** Between two tries to reach somebody. */
const RETRY_MS = 700;
const CONNECT_MS = 6;
/** A dial into a partition or to a frozen process ends after this long. */
const DIAL_TIMEOUT_MS = 3000;
/** Until the other side's addresses have been exchanged on a new link. */
const ADDRESSES_MS = 30;

/** Whom the drivers dial: every address they know, again and again, as the driver in production does. */
export class Contact {
  readonly #init: ContactInit;
  readonly #ticking = new Set<SimProcess>();

  constructor(init: ContactInit) {
    this.#init = init;
  }

  /** The process has addresses of these hosts. */
  learn(process: SimProcess, hosts: Iterable<number>): void {
    const news = [...hosts].filter((host) => host !== process.host && !process.known.has(host));
    if (news.length === 0) return;
    for (const host of news) {
      process.known.add(host);
      process.untried.add(host);
    }
    process.receive({ kind: 'search-pending', pending: true });
    this.wake(process);
    const links = [...process.links.values()];
    const told = links.length <= TOLD_MAX ? links : this.#init.random.shuffle(links).slice(0, TOLD_MAX);
    for (const { ends } of told) {
      const peer = this.#init.listening(ends[0] === process ? ends[1].host : ends[0].host);
      if (peer !== undefined) this.#after(ADDRESSES_MS, () => peer.running && this.learn(peer, news));
    }
  }

  /** A link is up: each side learns whom the other knows. */
  linked(process: SimProcess, host: number): void {
    process.disk.met.add(host);
    this.#tried(process, host);
    const peer = this.#init.listening(host);
    if (peer === undefined) return;
    this.#after(ADDRESSES_MS, () => {
      if (peer.running) this.learn(peer, [...process.known, process.host]);
      if (process.running) this.learn(process, [...peer.known, peer.host]);
    });
  }

  /** Dials whoever is known and not linked, now and again while there are any. */
  wake(process: SimProcess): void {
    if (this.#ticking.has(process)) return;
    this.#ticking.add(process);
    this.#tick(process);
  }

  #tick(process: SimProcess): void {
    if (!process.running) {
      this.#ticking.delete(process);
      return;
    }
    if (process.awake) for (const host of this.#missing(process)) this.#dial(process, host);
    this.#after(RETRY_MS + this.#init.random.below(200), () => this.#tick(process));
  }

  #missing(process: SimProcess): readonly number[] {
    const linked = new Set(
      [...process.links.values()].map(({ ends }) => (ends[0] === process ? ends[1].host : ends[0].host)),
    );
    const room = LINKS_MAX - linked.size - process.dialling.size;
    const missing = [...process.known].filter((host) => !linked.has(host) && !process.dialling.has(host));
    if (missing.length <= room) return missing;
    return this.#init.random.shuffle(missing).slice(0, Math.max(0, Math.min(room, LINKS_MAX / 2 - linked.size)));
  }

  #dial(process: SimProcess, host: number): void {
    process.dialling.add(host);
    const { network, listening } = this.#init;
    const reachable = (peer: SimProcess | undefined): peer is SimProcess =>
      peer !== undefined && peer.id !== process.id && !network.partitions.touches(process.host, host);
    const target = listening(host);
    if (!reachable(target))
      return this.#after(target === undefined ? CONNECT_MS : DIAL_TIMEOUT_MS, () => {
        process.dialling.delete(host);
        this.#tried(process, host);
      });
    this.#after(CONNECT_MS + this.#init.random.below(this.#init.dialMs), () => {
      const peer = listening(host);
      process.dialling.delete(host);
      if (process.running && reachable(peer) && peer.awake && process.awake && !process.links.has(peer.id))
        network.connect(process, peer);
      this.#tried(process, host);
    });
  }

  #tried(process: SimProcess, host: number): void {
    if (!process.untried.delete(host) || process.untried.size > 0) return;
    process.receive({ kind: 'search-pending', pending: false });
  }

  #after(delayMs: number, run: () => void): void {
    this.#init.queue.push(this.#init.now() + delayMs, run);
  }
}
