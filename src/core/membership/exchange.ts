import { compareText } from '../../base/bytes.ts';
import type { InstanceId } from '../../base/ids.ts';
import { compareStamps } from '../../base/stamp.ts';
import { SYNC_RECORDS_MAX } from '../../wire/bounds.ts';
import { type MemberRecord, memberRecordSeal } from '../../wire/member-record.ts';
import type { Direct, RecordVersion } from '../../wire/mesh-message.ts';
import { open } from '../../wire/sealed.ts';
import { type CoreContext, directAudience, isEstablished, witnessStamp } from '../core-context.ts';
import {
  CLOCK_AHEAD_MS_MAX,
  DIFFERENCE_MS,
  EXCHANGE_PACE_MS,
  EXCHANGE_SPACING_MS,
  GREET_SPACING_MS,
  GREETING_AWAITED_MS,
} from '../timing.ts';
import type { Detector } from './detector.ts';
import { compareVersions, isLive, type Member, type MergeResult } from './member-table.ts';
import { recordMissing } from './pulses.ts';

/** Bytes of records put into one answer; the frame holds twice that. */
const SYNC_BYTES_MAX = 512 * 1024;

/** What a greeting led to. */
export type Greeting = 'welcome' | 'other-gateway' | 'clock-refused' | 'forged';

/** Brings members' records from one instance to another: on meeting, when digests differ, and when a pulse names a newer one. */
export class Exchange {
  readonly #context: CoreContext;
  readonly #detector: Detector;
  readonly #leavers: Member[] = [];
  readonly #greetedAtMs = new Map<InstanceId, number>();
  /** Links over which no greeting has come yet, and until when one is waited for. */
  readonly #silent = new Map<InstanceId, number>();
  #soughtAtMs = Number.NEGATIVE_INFINITY;
  #exchangedAtMs = Number.NEGATIVE_INFINITY;
  /** Somebody's whole table was taken in since the start. */
  synchronised = false;
  /** When the last unknown member appeared. */
  newsAtMs = Number.NEGATIVE_INFINITY;
  /** An established member has told the pool's time. */
  metEstablished = false;
  /** A running process with this instance's own identity, found elsewhere. */
  twin: MemberRecord | null = null;

  /** `detector` is told of every sign of life. */
  constructor(context: CoreContext, detector: Detector) {
    this.#context = context;
    this.#detector = detector;
  }

  /** First words on a new link, and again for a peer that does not know us; at a bounded pace. */
  greet(peer: InstanceId): void {
    const { outbox, now, clock, own, limits, init, table } = this.#context;
    if (now.atMs - (this.#greetedAtMs.get(peer) ?? Number.NEGATIVE_INFINITY) < GREET_SPACING_MS) return;
    this.#greetedAtMs.set(peer, now.atMs);
    outbox.send(peer, {
      kind: 'hello',
      gatewayUid: init.gateway.uid,
      wallUnixMs: clock.poolUnixMs(now.unixMs),
      clock: clock.last,
      established: isEstablished(this.#context),
      known: table.get(peer) !== undefined,
      record: own.sealed,
      limit: limits.current.sealed,
    });
  }

  /** A link is there: both sides greet, and again until the other's greeting has come. */
  met(peer: InstanceId): void {
    this.#silent.set(peer, this.#context.now.atMs + GREETING_AWAITED_MS);
    this.greet(peer);
  }

  /** The link to a peer is gone: the next one begins with a greeting. */
  parted(peer: InstanceId): void {
    this.#greetedAtMs.delete(peer);
    this.#silent.delete(peer);
  }

  /** Somebody is linked and has not said yet who it is. */
  get awaitsGreeting(): boolean {
    return this.#silent.size > 0;
  }

  /** Greets again where no greeting has come. */
  run(): void {
    for (const [peer, untilMs] of [...this.#silent]) {
      if (untilMs <= this.#context.now.atMs) this.#silent.delete(peer);
      else this.greet(peer);
    }
    this.#seekTable();
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    let due: number | undefined;
    for (const [peer, untilMs] of this.#silent) {
      const at = Math.min(untilMs, (this.#greetedAtMs.get(peer) ?? 0) + GREET_SPACING_MS);
      due = due === undefined ? at : Math.min(due, at);
    }
    if (this.synchronised || directAudience(this.#context).length === 0) return due;
    return Math.min(due ?? Number.POSITIVE_INFINITY, this.#soughtAtMs + GREET_SPACING_MS);
  }

  /** Takes a greeting in: who it is, and how far the clocks are apart. */
  greeted(from: InstanceId, hello: Extract<Direct, { kind: 'hello' }>): Greeting {
    const { outbox, now, clock, init, table } = this.#context;
    this.#silent.delete(from);
    if (hello.gatewayUid !== init.gateway.uid) return 'other-gateway';
    const poolUnixMs = clock.poolUnixMs(now.unixMs);
    const aheadMs = hello.wallUnixMs - poolUnixMs;
    if (isEstablished(this.#context) && !hello.established && aheadMs > CLOCK_AHEAD_MS_MAX) {
      outbox.send(from, { kind: 'clock-refused', aheadMs, aheadMsMax: CLOCK_AHEAD_MS_MAX });
      outbox.note('warn', 'clock-refused', { instance: from, aheadMs });
      return 'clock-refused';
    }
    if (hello.established) {
      clock.adopt(hello.clock, hello.wallUnixMs, now.unixMs);
      this.metEstablished = true;
    } else clock.observe(hello.clock, now.unixMs);
    if (this.takeRecord(hello.record, from) === undefined) return 'forged';
    const member = table.get(from);
    if (member !== undefined) {
      member.linked = true;
      member.clockOffsetMs = hello.wallUnixMs - now.unixMs;
      this.#detector.heard(member);
    }
    if (!hello.known) this.greet(from);
    this.compareWith(from);
    return 'welcome';
  }

  /** Takes in a signed record; undefined if it is forged or (with `from`) somebody else's. */
  takeRecord(sealed: Uint8Array, from?: InstanceId): MergeResult | undefined {
    const { table, now, clock, self } = this.#context;
    const { value: record, signers } = open(memberRecordSeal, sealed, this.#context.init.verify);
    if (!signers.includes(record.instanceId) || (from !== undefined && record.instanceId !== from)) return undefined;
    if (record.instanceId === self) return this.#ownRecordSeen(record);
    if (table.isEvicted(record.instanceId)) return 'older';
    const result = table.merge(record, sealed, { atMs: now.atMs, metAt: witnessStamp(this.#context) });
    if (result === 'equivocation') {
      this.#context.outbox.note('warn', 'member-equivocates', {
        instance: record.instanceId,
        sequence: record.sequence,
      });
    }
    if (result !== 'new' && result !== 'newer') return result;
    if (isPastJoining(record)) clock.adopt(record.issuedAt, record.issuedAt.unixMs, now.unixMs);
    else clock.observe(record.issuedAt, now.unixMs);
    clock.observe(record.joinedAt, now.unixMs);
    const member = table.get(record.instanceId);
    if (member !== undefined) this.#detector.refuted(member);
    if (member !== undefined && record.state === 'left') this.#leavers.push(member);
    if (result === 'new') this.newsAtMs = now.atMs;
    this.#noteComingOrGoing(record, result);
    return result;
  }

  #noteComingOrGoing({ instanceId: instance, state, version }: MemberRecord, result: 'new' | 'newer'): void {
    if (state === 'left') this.#context.outbox.note('info', 'member-left', { instance });
    else if (result === 'new') this.#context.outbox.note('info', 'member-met', { instance, state, version });
  }

  /** Members that have said since the last call that they are leaving. */
  takeLeavers(): readonly Member[] {
    return this.#leavers.splice(0);
  }

  /** The wall clock here was set forward, and the pool's time with it: the others take it over from a new version of the own record. */
  clockSet(): void {
    if (!isEstablished(this.#context)) return;
    this.#context.own.revise({}, this.#context.now);
    this.spreadOwn();
  }

  /** Tells everyone the current version of the own record. */
  spreadOwn(): void {
    this.#tell(this.#context.own.sealed);
  }

  /** Tells everyone another member's record, as this instance holds it. */
  spread(instanceId: InstanceId): void {
    const member = this.#context.table.get(instanceId);
    if (member !== undefined) this.#tell(member.sealed);
  }

  /** Compares whole tables with one member. */
  compareWith(peer: InstanceId): void {
    const { outbox, table, now } = this.#context;
    const member = table.get(peer);
    if (member !== undefined) member.exchangedAtMs = now.atMs;
    const have: RecordVersion[] = [];
    for (const { record, opinion, digest } of table.all()) {
      const { instanceId, incarnation, sequence } = record;
      if (opinion !== 'dead') have.push({ instanceId, incarnation, sequence, digest });
    }
    outbox.send(peer, { kind: 'sync', have });
  }

  /** Answers a comparison with what the other lacks, and asks for what it has more of. */
  compared(from: InstanceId, have: readonly RecordVersion[]): void {
    const { table, outbox } = this.#context;
    const theirs = new Map(have.map((version) => [version.instanceId, version]));
    const want = have.filter((version) => this.#lacks(version)).map(({ instanceId }) => instanceId);
    const lacking: Member[] = [];
    for (const member of table.all()) {
      const known = theirs.get(member.record.instanceId);
      if (member.opinion === 'dead' || (known !== undefined && compareHeld(member, known) <= 0)) continue;
      if (known === undefined && !isLive(member)) continue;
      lacking.push(member);
    }
    this.#answer(from, lacking, want.slice(0, SYNC_RECORDS_MAX));
    if (lacking.length === 0 && want.length === 0) outbox.send(from, { kind: 'sync-records', records: [], want: [] });
  }

  /** Takes in the records of an answer and sends what it asked for. */
  answered(from: InstanceId, { records, want }: Extract<Direct, { kind: 'sync-records' }>): void {
    for (const sealed of records) this.takeRecord(sealed);
    this.synchronised = true;
    const wanted = want.flatMap((id) => this.#context.table.get(id) ?? []);
    if (wanted.length > 0) this.#answer(from, wanted, []);
  }

  /** After a member's pulse: repairs what differs, at a bounded pace. */
  pulsed(member: Member, ownDigest: string): void {
    const { now, outbox } = this.#context;
    const peer = member.record.instanceId;
    if (recordMissing(member)) outbox.send(peer, { kind: 'sync-records', records: [], want: [peer] });
    if (member.pulse?.held.admissionDigest === ownDigest) {
      this.synchronised = true;
      member.differsSinceAtMs = null;
      return;
    }
    member.differsSinceAtMs ??= now.atMs;
    if (now.atMs - member.differsSinceAtMs < DIFFERENCE_MS) return;
    if (now.atMs - member.exchangedAtMs < EXCHANGE_SPACING_MS || now.atMs - this.#exchangedAtMs < EXCHANGE_PACE_MS)
      return;
    this.#exchangedAtMs = now.atMs;
    this.compareWith(peer);
  }

  /** Until somebody's table was taken in, asks linked members for it in turn: an answer may be lost. */
  #seekTable(): void {
    const { now, init } = this.#context;
    if (this.synchronised || now.atMs - this.#soughtAtMs < GREET_SPACING_MS) return;
    const linked = directAudience(this.#context);
    const peer = linked[linked.length === 0 ? 0 : init.random() % linked.length];
    if (peer === undefined) return;
    this.#soughtAtMs = now.atMs;
    this.compareWith(peer);
  }

  #tell(sealed: Uint8Array): void {
    const { outbox } = this.#context;
    outbox.publish({ kind: 'member-record', sealed });
    outbox.sendAll(directAudience(this.#context), { kind: 'member-record', sealed });
  }

  #lacks(version: RecordVersion): boolean {
    const known = this.#context.table.get(version.instanceId);
    return known === undefined || compareHeld(known, version) < 0;
  }

  #answer(to: InstanceId, members: readonly Member[], want: readonly InstanceId[]): void {
    const { outbox } = this.#context;
    let batch: Uint8Array[] = [];
    let size = 0;
    let wanted = want;
    const flush = (): void => {
      if (batch.length === 0 && wanted.length === 0) return;
      outbox.send(to, { kind: 'sync-records', records: batch, want: wanted });
      batch = [];
      size = 0;
      wanted = [];
    };
    for (const { sealed } of members) {
      if (batch.length >= SYNC_RECORDS_MAX || size + sealed.length > SYNC_BYTES_MAX) flush();
      batch.push(sealed);
      size += sealed.length;
    }
    flush();
  }

  /**
   * A record signed with this instance's own key. From an earlier start of this data directory it is history; from another running
   * process it means that the data directory was copied, and the one that started later has to stop.
   */
  #ownRecordSeen(record: MemberRecord): MergeResult {
    const own = this.#context.own.record;
    if (record.startId === own.startId) return 'known';
    const issuedAfterOurStart = record.issuedAt.unixMs > own.startedAt.unixMs;
    const startedFirst =
      isPastJoining(record) !== isPastJoining(own) ? isPastJoining(record) : startedEarlier(record, own);
    if (issuedAfterOurStart && startedFirst && record.state !== 'left') {
      this.twin = record;
      return 'older';
    }
    if (record.incarnation >= own.incarnation || (!startedFirst && record.state !== 'left')) {
      const incarnation = Math.max(own.incarnation, record.incarnation + 1);
      this.#context.own.revise({ incarnation }, this.#context.now);
      this.spreadOwn();
    }
    return 'older';
  }
}

/** Orders a held record and what another member says it holds: by version, then by digest, as the table does. */
function compareHeld(member: Member, version: RecordVersion): number {
  return compareVersions(member.record, version) || compareText(member.digest, version.digest);
}

function isPastJoining({ state }: MemberRecord): boolean {
  return state === 'admitted' || state === 'draining' || state === 'standby';
}

function startedEarlier(left: MemberRecord, right: MemberRecord): boolean {
  return (compareStamps(left.startedAt, right.startedAt) || compareText(left.startId, right.startId)) < 0;
}
