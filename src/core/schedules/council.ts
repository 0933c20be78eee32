import { compareText } from '../../base/bytes.ts';
import { compareIds, type InstanceId } from '../../base/ids.ts';
import { COUNCIL_MAX } from '../../wire/bounds.ts';
import type { MemberState } from '../../wire/member-record.ts';
import { type CoreContext, liveOthers } from '../core-context.ts';
import { compareOrder } from '../membership/member-table.ts';
import { COUNCIL_FORGET_MS, COUNCIL_SETTLE_MS } from '../timing.ts';

/** The instances a majority of which decides who carries out a due time. */
export interface CouncilList {
  /** Grows with every change; 0: there has never been one. */
  readonly version: number;
  /** Ascending by id. */
  readonly members: readonly InstanceId[];
}

/** How much of it this instance sees. */
export interface CouncilSight {
  readonly seen: number;
  readonly of: number;
  readonly isMajority: boolean;
}

/**
 * The instances last known as admitted, kept on disk. Who dies stays a member of it, and nobody joins while one is missing: so two sides of a partition cannot
 * both have a majority of it, whoever is admitted on either side meanwhile. It shrinks when a member leaves in order, gives its seat up, is evicted, or
 * has been away for ten minutes while a majority was there.
 */
export class Council {
  #list: CouncilList;
  readonly #context: CoreContext;
  /** Members that are not there, and since when. */
  readonly #absent = new Map<InstanceId, number>();
  /** Others that have told whom they know, in this life of the process. */
  readonly #heard = new Set<InstanceId>();
  #whole: { readonly admitted: string; readonly sinceMs: number } | undefined;

  /** Takes over what the disk remembers. */
  constructor(context: CoreContext, remembered: CouncilList | null) {
    this.#context = context;
    this.#list = remembered ?? { version: 0, members: [] };
  }

  /** As it stands. */
  get list(): CouncilList {
    return this.#list;
  }

  /** How much of it is there. */
  sight(): CouncilSight {
    const of = this.#list.members.length;
    const seen = this.#list.members.filter((id) => this.#isThere(id)).length;
    return { seen, of, isMajority: of > 0 && isMajority(seen, of) };
  }

  /** Whom to ask for a council: everybody admitted, until somebody has answered. */
  toAsk(): readonly InstanceId[] {
    return this.#heard.size > 0 && this.#list.members.length > 0
      ? []
      : this.#admitted().filter((id) => id !== this.#context.self);
  }

  /** What another one knows. */
  heard(from: InstanceId, list: CouncilList): void {
    this.#heard.add(from);
    const sorted = [...new Set(list.members)].sort(compareIds);
    const newer = list.version - this.#list.version;
    if (newer > 0 || (newer === 0 && compareText(sorted.join(), this.#list.members.join()) > 0))
      this.#become({ version: list.version, members: sorted });
  }

  /** Changes what has to change by now. */
  look(): void {
    const { now, table } = this.#context;
    const here = new Set(liveOthers(this.#context));
    for (const id of this.#heard) if (!here.has(id)) this.#heard.delete(id);
    if (this.#list.members.length === 0) return this.#begin();
    for (const id of this.#list.members) {
      if (this.#isThere(id)) this.#absent.delete(id);
      else if (!this.#absent.has(id)) this.#absent.set(id, now.atMs);
    }
    const enough = this.sight().isMajority;
    const kept = this.#list.members.filter((id) => !this.#hasGone(id) && !(enough && this.#isForgotten(id)));
    const grown = this.#isSettled(kept.every((id) => this.#isThere(id))) ? this.#admitted() : [];
    const members = [...new Set([...kept, ...grown])];
    const oldest = table.live().map(({ record }) => record.instanceId);
    if (members.length > COUNCIL_MAX) members.sort((a, b) => oldest.indexOf(a) - oldest.indexOf(b));
    const next = members.slice(0, COUNCIL_MAX).sort(compareIds);
    if (next.join() !== this.#list.members.join()) this.#become({ version: this.#list.version + 1, members: next });
  }

  /**
   * The first one, or the first after all have gone: everybody known as admitted, dead or not, once a majority of all that are known is there and none knows of
   * an earlier one. Whoever was last seen waiting for a seat counts, too: on the other side of a split it may have got one.
   */
  #begin(): void {
    const { self, table } = this.#context;
    const known = [...table.all()].filter(({ record, evicted }) => !evicted && !this.#hasLeft(record.instanceId));
    const there = known.filter(({ record, opinion }) => record.instanceId === self || opinion === 'alive');
    const others = this.#admitted().filter((id) => id !== self);
    const isHeard = others.every((id) => this.#heard.has(id));
    if (!this.#isSettled(isHeard && isMajority(there.length, known.length))) return;
    const admitted = known.map(({ record }) => record).filter(({ state }) => holdsOn(state));
    const oldest = admitted.sort(compareOrder).slice(0, COUNCIL_MAX);
    this.#become({
      version: this.#list.version + 1,
      members: oldest.map((record) => record.instanceId).sort(compareIds),
    });
  }

  /** True once this has been so for a while, with the same admitted ones, none of them suspect. */
  #isSettled(holds: boolean): boolean {
    const admitted = this.#admitted();
    const names = admitted.join();
    if (!holds || !admitted.every((id) => this.#isThere(id))) this.#whole = undefined;
    else if (this.#whole?.admitted !== names) this.#whole = { admitted: names, sinceMs: this.#context.now.atMs };
    return this.#whole !== undefined && this.#context.now.atMs - this.#whole.sinceMs >= COUNCIL_SETTLE_MS;
  }

  #admitted(): InstanceId[] {
    return this.#context.table.live().flatMap(({ record }) => (record.state === 'admitted' ? [record.instanceId] : []));
  }

  #isThere(id: InstanceId): boolean {
    const { self, table } = this.#context;
    const member = table.get(id);
    if (member === undefined || member.evicted) return false;
    return holdsOn(member.record.state) && (id === self || member.opinion === 'alive');
  }

  /** In order, or for good. */
  #hasGone(id: InstanceId): boolean {
    return this.#hasLeft(id) || this.#context.table.get(id)?.record.state === 'standby';
  }

  /** Who has handed its seat over does not come back with it, whether it was seen to leave or not. */
  #hasLeft(id: InstanceId): boolean {
    const { table, policies } = this.#context;
    const record = table.get(id)?.record;
    if (policies.evicts(id) || record?.state === 'left') return true;
    return record !== undefined && record.successor !== null && !this.#isThere(id);
  }

  #isForgotten(id: InstanceId): boolean {
    const sinceMs = this.#absent.get(id);
    return sinceMs !== undefined && this.#context.now.atMs - sinceMs >= COUNCIL_FORGET_MS;
  }

  #become(list: CouncilList): void {
    this.#list = list;
    for (const id of this.#absent.keys()) if (!list.members.includes(id)) this.#absent.delete(id);
    this.#context.outbox.store({ kind: 'council', ...list });
    this.#context.outbox.note('info', 'council-changed', { version: list.version, members: list.members.length });
  }
}

/** States in which an instance serves or still has sessions. Pure. */
function holdsOn(state: MemberState): boolean {
  return state === 'admitted' || state === 'draining';
}

/** More than half. Pure. */
export function isMajority(seen: number, of: number): boolean {
  return 2 * seen > of;
}
