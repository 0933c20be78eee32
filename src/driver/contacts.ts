import type { InstanceId } from '../base/ids.ts';
import type { PoolView } from '../core/index.ts';
import type { Mesh } from '../mesh/index.ts';
import {
  CONTACT_ROUND_MS,
  DIALS_MAX,
  FOUND_MAX,
  LINKS_WANTED_MAX,
  REDIAL_FIRST_MS,
  REDIAL_LINKED_MAX_MS,
  REDIAL_MAX_MS,
  REMEMBER_MS,
} from './bounds.ts';

/** What the contacts need. */
export interface ContactsInit {
  readonly mesh: Pick<Mesh, 'connect' | 'linkedPeers'>;
  readonly self: InstanceId;
  /** Bootstrap list, `--peer` and remembered addresses. */
  readonly seeds: readonly string[];
  view(): PoolView;
  atMs(): number;
  /** Called with the addresses of live members when they have changed. */
  remember(addresses: readonly string[]): void;
  /** Told when there are addresses that have not been tried to their end even once, and when there are none any more. */
  onSearch(pending: boolean): void;
  /** Told once per address and reason. */
  onFailure(address: string, reason: string): void;
}

/** One thing to dial: an address somebody gave us, or a member under its addresses. */
interface Target {
  readonly addresses: readonly string[];
  /** Who answered there last, or the member it is. */
  peer: InstanceId | undefined;
  waitMs: number;
  nextAtMs: number;
  dialling: boolean;
  /** A dial has ended, well or not. */
  tried: boolean;
  lastReason: string;
}

/**
 * Keeps this instance in touch: dials configured, remembered and discovered addresses until somebody is there, and every known member that is
 * not linked, the dead too (a healed partition shows only that way). Both with growing, jittered waits.
 */
export class Contacts {
  readonly #init: ContactsInit;
  readonly #seeds = new Map<string, Target>();
  readonly #members = new Map<InstanceId, Target>();
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #dials = 0;
  #rememberedAtMs = 0;
  #remembered = '';
  #searchPending = false;

  /** Contacts that do nothing until started. */
  constructor(init: ContactsInit) {
    this.#init = init;
    for (const address of init.seeds) this.#addSeed(address);
  }

  /** Begins to dial. */
  start(): void {
    this.#timer = setInterval(() => this.#round(), CONTACT_ROUND_MS);
    this.#round();
  }

  /** Dials no more; dials under way are given up. */
  stop(): void {
    clearInterval(this.#timer);
    this.#stopping.abort();
  }

  /** Addresses heard from local discovery. */
  found(addresses: readonly string[]): void {
    const [address] = addresses;
    if (address === undefined || this.#seeds.has(address) || this.#seeds.size >= FOUND_MAX + this.#init.seeds.length)
      return;
    this.#addSeed(address, addresses);
    this.#round();
  }

  /** Something is to be sent to a member without a link: dial it at once, whatever the waits. */
  urge(peer: InstanceId): void {
    const target = this.#members.get(peer);
    if (target === undefined || target.waitMs > REDIAL_FIRST_MS) return;
    target.nextAtMs = 0;
  }

  #addSeed(address: string, addresses: readonly string[] = [address]): void {
    this.#seeds.set(address, newTarget(addresses, undefined));
  }

  #round(): void {
    if (this.#stopping.signal.aborted) return;
    const view = this.#init.view();
    const linked = new Set<string>(this.#init.mesh.linkedPeers());
    this.#followMembers(view);
    for (const [peer, target] of this.#members) {
      if (!linked.has(peer) && linked.size < LINKS_WANTED_MAX) this.#dial(target, REDIAL_MAX_MS);
    }
    const seedWaitMs = linked.size > 0 ? REDIAL_LINKED_MAX_MS : REDIAL_MAX_MS;
    for (const target of this.#seeds.values()) {
      const settled = target.peer !== undefined && (target.peer === this.#init.self || linked.has(target.peer));
      if (!settled) this.#dial(target, seedWaitMs);
    }
    this.#tellSearch(linked);
    this.#remember(view);
  }

  #tellSearch(linked: ReadonlySet<string>): void {
    if (this.#stopping.signal.aborted) return;
    const isUntried = ({ tried, peer }: Target): boolean => !tried && (peer === undefined || !linked.has(peer));
    const pending = [this.#seeds, this.#members].some((targets) => [...targets.values()].some(isUntried));
    if (pending === this.#searchPending) return;
    this.#searchPending = pending;
    this.#init.onSearch(pending);
  }

  #followMembers(view: PoolView): void {
    const known = new Set<InstanceId>();
    for (const { record, state } of view.members) {
      if (record.instanceId === this.#init.self || state === 'left' || record.meshAddresses.length === 0) continue;
      known.add(record.instanceId);
      const target = this.#members.get(record.instanceId);
      if (target !== undefined && sameList(target.addresses, record.meshAddresses)) continue;
      this.#members.set(record.instanceId, newTarget(record.meshAddresses, record.instanceId));
    }
    for (const peer of this.#members.keys()) if (!known.has(peer)) this.#members.delete(peer);
  }

  #dial(target: Target, waitMaxMs: number): void {
    const atMs = this.#init.atMs();
    target.waitMs = Math.min(target.waitMs, waitMaxMs);
    if (target.dialling || this.#dials >= DIALS_MAX || atMs < Math.min(target.nextAtMs, atMs + waitMaxMs)) return;
    target.dialling = true;
    this.#dials += 1;
    void this.#tryOnce(target, waitMaxMs);
  }

  async #tryOnce(target: Target, waitMaxMs: number): Promise<void> {
    try {
      target.peer = await this.#init.mesh.connect(target.addresses, this.#stopping.signal);
      target.waitMs = REDIAL_FIRST_MS;
      target.lastReason = '';
      target.nextAtMs = this.#init.atMs() + REDIAL_FIRST_MS;
    } catch (error) {
      this.#failed(target, error, waitMaxMs);
    } finally {
      target.dialling = false;
      target.tried = true;
      this.#dials -= 1;
      this.#tellSearch(new Set(this.#init.mesh.linkedPeers()));
    }
  }

  #failed(target: Target, error: unknown, waitMaxMs: number): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (isSelf(error)) target.peer = this.#init.self;
    else if (reason !== target.lastReason && !this.#stopping.signal.aborted)
      this.#init.onFailure(target.addresses[0] ?? '', reason);
    target.lastReason = reason;
    target.nextAtMs = this.#init.atMs() + Math.round(target.waitMs * (0.75 + Math.random() / 2));
    target.waitMs = Math.min(target.waitMs * 2, waitMaxMs);
  }

  #remember(view: PoolView): void {
    if (this.#init.atMs() - this.#rememberedAtMs < REMEMBER_MS) return;
    this.#rememberedAtMs = this.#init.atMs();
    const live = view.members.filter(
      ({ state, record }) => state !== 'dead' && state !== 'left' && record.instanceId !== this.#init.self,
    );
    const addresses = live.flatMap(({ record }) => record.meshAddresses.slice(0, 2));
    if (addresses.length === 0 || addresses.join(' ') === this.#remembered) return;
    this.#remembered = addresses.join(' ');
    this.#init.remember(addresses);
  }
}

function newTarget(addresses: readonly string[], peer: InstanceId | undefined): Target {
  return { addresses, peer, waitMs: REDIAL_FIRST_MS, nextAtMs: 0, dialling: false, tried: false, lastReason: '' };
}

function isSelf(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && error.reason === 'self';
}

function sameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
