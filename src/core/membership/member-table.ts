import { compareText, DIGEST_BYTES, digestText, formatHex, sha256 } from '../../base/bytes.ts';
import { compareIds, type InstanceId } from '../../base/ids.ts';
import { compareStamps, type Stamp } from '../../base/stamp.ts';
import { MEMBERS_MAX } from '../../wire/bounds.ts';
import type { MemberRecord } from '../../wire/member-record.ts';
import type { LoadSample, Pulse } from '../../wire/pulse.ts';
import { FORGET_MS } from '../timing.ts';

/** What this instance thinks of another's life. */
export type Opinion = 'alive' | 'suspect' | 'dead';

/** A member as this instance knows it. Only the table changes `record`; the rest belongs to the part named beside it. */
export interface Member {
  record: MemberRecord;
  sealed: Uint8Array;
  /** Of the sealed record. */
  digest: string;
  opinion: Opinion;
  /** Opinion changed or record replaced at. */
  changedAtMs: number;
  /** Anything heard of it that only it can have said. */
  heardAtMs: number;
  /** Never takes part again. */
  evicted: boolean;
  /** It sent something over its link. */
  toldAtMs: number;
  /** This instance's clock when it first met the member, if it was established then: the earliest stamp it believes. */
  readonly metAt: Stamp | null;
  /** It came back while its seat was still held for it. */
  resumes: boolean;
  pulse: Pulse | null;
  load: LoadSample | null;
  linked: boolean;
  clockOffsetMs: number | null;
  /** exchange: its digest differs from ours since. */
  differsSinceAtMs: number | null;
  exchangedAtMs: number;
}

/** How a record compared with what was known. */
export type MergeResult = 'new' | 'newer' | 'known' | 'older' | 'equivocation';

/** Orders two versions of one instance's record. */
export function compareVersions(
  left: { readonly incarnation: number; readonly sequence: number },
  right: { readonly incarnation: number; readonly sequence: number },
): number {
  return left.incarnation - right.incarnation || left.sequence - right.sequence;
}

/** The order of all decisions: join stamp, then id. */
export function compareOrder(
  left: { readonly joinedAt: Stamp; readonly instanceId: InstanceId },
  right: { readonly joinedAt: Stamp; readonly instanceId: InstanceId },
): number {
  return compareStamps(left.joinedAt, right.joinedAt) || compareIds(left.instanceId, right.instanceId);
}

/** Live: it may hold a seat or want one. An evicted instance is not, whatever it says. */
export function isLive(member: Member): boolean {
  return !member.evicted && member.opinion !== 'dead' && member.record.state !== 'left';
}

/**
 * Who there is. Merging is commutative, associative and idempotent in the records: the higher version of each instance
 * stays, whatever the order of arrival.
 */
export class MemberTable {
  readonly #members = new Map<InstanceId, Member>();
  #live: readonly Member[] | undefined;
  #others: { readonly but: InstanceId; readonly ids: readonly InstanceId[] } | undefined;
  #digest: { readonly limit: string; readonly digest: string } | undefined;
  #evicted: ReadonlySet<string> = new Set();
  #generation = 0;

  /** Counts changes that matter to admission. */
  get generation(): number {
    return this.#generation;
  }

  /** The member, dead or alive. */
  get(instanceId: InstanceId): Member | undefined {
    return this.#members.get(instanceId);
  }

  /** Everyone, in no meaningful order: sort before deciding anything. */
  all(): Iterable<Member> {
    return this.#members.values();
  }

  /** How many are known. */
  get size(): number {
    return this.#members.size;
  }

  /** Live members in the order of decisions. */
  live(): readonly Member[] {
    this.#live ??= [...this.#members.values()].filter(isLive).sort((a, b) => compareOrder(a.record, b.record));
    return this.#live;
  }

  /** Ids of the live members but one, in the order of decisions: kept for the one that is asked for again and again. */
  liveBut(self: InstanceId): readonly InstanceId[] {
    if (this.#others?.but !== self) {
      const ids = this.live().map(({ record }) => record.instanceId);
      this.#others = { but: self, ids: ids.filter((id) => id !== self) };
    }
    return this.#others.ids;
  }

  /** Takes in a verified record. `metAt` is this instance's clock if it is established. */
  merge(
    record: MemberRecord,
    sealed: Uint8Array,
    met: { readonly atMs: number; readonly metAt: Stamp | null },
  ): MergeResult {
    const known = this.#members.get(record.instanceId);
    if (known === undefined) return this.#add(record, sealed, met);
    const newer = compareVersions(record, known.record);
    if (newer < 0) return 'older';
    const digest = digestOf(sealed);
    if (newer === 0) return this.#mergeEqual(known, { record, sealed, digest });
    const returned = record.incarnation > known.record.incarnation;
    if (returned) {
      known.resumes =
        isLive(known) &&
        known.record.seat !== null &&
        known.record.successor === null &&
        sameSeat(record, known.record);
      known.pulse = null;
      known.load = null;
    }
    known.record = record;
    known.sealed = sealed;
    known.digest = digest;
    known.changedAtMs = met.atMs;
    this.touch();
    return 'newer';
  }

  /** Sets an opinion; true if it changed. */
  judge(member: Member, opinion: Opinion, atMs: number): boolean {
    if (member.opinion === opinion) return false;
    member.opinion = opinion;
    member.changedAtMs = atMs;
    if (opinion === 'dead') member.resumes = false;
    this.touch();
    return true;
  }

  /** These never take part again: their records say nothing any more. */
  evict(instances: ReadonlySet<string>): void {
    this.#evicted = instances;
    for (const member of this.#members.values()) member.evicted = instances.has(member.record.instanceId);
    this.touch();
  }

  /** True for an instance that never takes part again. */
  isEvicted(instanceId: InstanceId): boolean {
    return this.#evicted.has(instanceId);
  }

  /** Something that admission depends on changed. */
  touch(): void {
    this.#live = undefined;
    this.#others = undefined;
    this.#digest = undefined;
    this.#generation += 1;
  }

  /** Digest over what admission depends on, for comparing with others. */
  admissionDigest(limit: string): string {
    if (this.#digest?.limit !== limit)
      this.#digest = { limit, digest: digestText([limit, ...this.live().map(admissionLine)]) };
    return this.#digest.digest;
  }

  /** Forgets those gone or dead for long, and the longest gone when there are too many. */
  forget(atMs: number): void {
    for (const [id, member] of this.#members) {
      if (!isLive(member) && atMs - member.changedAtMs > FORGET_MS) this.#members.delete(id);
    }
    if (this.#members.size <= MEMBERS_MAX) return;
    const gone = [...this.#members.values()]
      .filter((member) => !isLive(member))
      .sort((a, b) => a.changedAtMs - b.changedAtMs);
    for (const member of gone.slice(0, this.#members.size - MEMBERS_MAX))
      this.#members.delete(member.record.instanceId);
  }

  /** Two records of one version: everywhere the one with the higher digest stays, whichever came first. */
  #mergeEqual(known: Member, other: Pick<Member, 'record' | 'sealed' | 'digest'>): MergeResult {
    if (other.digest === known.digest) return 'known';
    if (compareText(other.digest, known.digest) > 0) {
      Object.assign(known, other);
      this.touch();
    }
    return 'equivocation';
  }

  #add(
    record: MemberRecord,
    sealed: Uint8Array,
    met: { readonly atMs: number; readonly metAt: Stamp | null },
  ): MergeResult {
    if (this.#members.size >= MEMBERS_MAX) this.forget(met.atMs);
    if (this.#members.size >= MEMBERS_MAX) return 'older';
    this.#members.set(record.instanceId, {
      record,
      sealed,
      digest: digestOf(sealed),
      opinion: 'alive',
      changedAtMs: met.atMs,
      heardAtMs: met.atMs,
      toldAtMs: Number.NEGATIVE_INFINITY,
      metAt: met.metAt,
      evicted: this.isEvicted(record.instanceId),
      resumes: false,
      pulse: null,
      load: null,
      linked: false,
      clockOffsetMs: null,
      differsSinceAtMs: null,
      exchangedAtMs: Number.NEGATIVE_INFINITY,
    });
    this.touch();
    return 'new';
  }
}

function digestOf(sealed: Uint8Array): string {
  return formatHex(sha256(sealed).subarray(0, DIGEST_BYTES));
}

function sameSeat(left: MemberRecord, right: MemberRecord): boolean {
  if (left.seat === null || right.seat === null) return false;
  return compareStamps(left.seat.grantedAt, right.seat.grantedAt) === 0;
}

function admissionLine(member: Member): string {
  const { instanceId, state, joinedAt, seat, successor } = member.record;
  const held =
    seat === null
      ? '-'
      : `${seat.limitVersion}/${seat.maxInstances}/${seat.grantedAt.unixMs}/${seat.grantedAt.counter}`;
  return `${instanceId} ${state} ${joinedAt.unixMs}/${joinedAt.counter} ${held} ${successor ?? '-'}`;
}
