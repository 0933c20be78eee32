import { compareText } from '../../base/bytes.ts';
import type { InstanceId } from '../../base/ids.ts';
import { COUNCIL_MAX, DUES_TOLD_MAX } from '../../wire/bounds.ts';
import type { BegunDue, DueAnswer, DueClaim, DueReply } from '../../wire/due-message.ts';
import type { JobRequest } from '../../wire/job.ts';
import type { TargetRecord } from '../../wire/record.ts';
import { readSchedule, type Schedule } from '../../wire/rotation-schedule.ts';
import type { ScheduleRow } from '../../wire/schedule-row.ts';
import { type CoreContext, directAudience } from '../core-context.ts';
import type { JobBoard } from '../jobs/job-board.ts';
import type { RecordShelf } from '../records/record-shelf.ts';
import { DUE_LOOK_MS } from '../timing.ts';
import type { SchedulesView } from '../view.ts';
import { Council, isMajority } from './council.ts';
import { delayOf, dueJobId, latestDue, nextDue } from './due.ts';
import { DueBook } from './due-book.ts';
import { DUE_PARAMETER } from './order.ts';
import { ownerOf } from './owner.ts';

/** Questions about others' due times in one look: a newcomer catches up at its own pace. */
const LEARNT_PER_LOOK = 256;

/** What this instance wants to carry out and asks the council for. */
interface Claim {
  readonly dueUnixMs: number;
  readonly granted: Set<InstanceId>;
  readonly refused: Map<InstanceId, DueAnswer>;
}

/** A due time of a record, valid until the next one. */
interface Moment {
  readonly record: TargetRecord;
  readonly schedule: Schedule | null;
  readonly dueUnixMs: number | null;
  readonly untilUnixMs: number;
}

/** What the scheduler is built with. */
export interface SchedulerParts {
  readonly context: CoreContext;
  readonly shelf: RecordShelf;
  readonly board: JobBoard;
  /** Has a job done that this instance asks for. */
  readonly order: (job: Pick<JobRequest, 'jobId' | 'recordId' | 'parent' | 'parameters'>) => void;
}

/**
 * Due times of records. Each record has one owner among the admitted; it carries a due time out once a majority of the council has granted it and no linked
 * member has said that it was begun. Each instance grants a due time once. What cannot be known waits, and the view says why.
 */
export class Scheduler implements SchedulesView {
  readonly book: DueBook;
  readonly #parts: SchedulerParts;
  readonly #council: Council;
  readonly #claims = new Map<string, Claim>();
  readonly #moments = new Map<string, Moment>();
  readonly #noted = new Map<string, number>();
  #lookAtMs = 0;
  #learnable = 0;

  /** Takes over what the disk remembers. */
  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    const { remembered } = parts.context.init;
    this.#council = new Council(parts.context, remembered.council);
    this.book = new DueBook(parts.context, remembered.dues);
  }

  /** A member asks for a due time, or only for the council. */
  claimed(from: InstanceId, { recordId, dueUnixMs }: DueClaim): void {
    if (dueUnixMs === 0) return this.#answer(from, { recordId, dueUnixMs, answer: null });
    if (this.book.isWriting(recordId)) return;
    const answer = this.#judge(from, recordId, dueUnixMs);
    const last = this.book.last(recordId);
    const isNew = answer === 'granted' && (last?.dueUnixMs !== dueUnixMs || last.owner !== from);
    if (!isNew) return this.#answer(from, { recordId, dueUnixMs, answer });
    this.#claims.delete(recordId);
    const granted = { recordId, dueUnixMs, owner: from, begun: false };
    this.book.write(granted, () => this.#answer(from, { recordId, dueUnixMs, answer }));
  }

  /** A member has answered. */
  answered(from: InstanceId, message: DueReply): void {
    const { recordId, dueUnixMs, answer, lastOwner } = message;
    this.#council.heard(from, { version: message.councilVersion, members: message.council });
    if (answer === null || this.book.isWriting(recordId)) return;
    const record = this.#parts.shelf.scheduled.get(recordId);
    const isDue = record !== undefined && this.#isDue(record, dueUnixMs);
    if (answer === 'begun' && isDue) return this.#learnt({ recordId, dueUnixMs, owner: lastOwner ?? from });
    const claim = this.#claims.get(recordId);
    if (claim === undefined || claim.dueUnixMs !== dueUnixMs) return;
    if (answer === 'granted') {
      claim.granted.add(from);
      claim.refused.delete(from);
    } else claim.refused.set(from, answer);
    this.#beginIfGranted(recordId, claim);
  }

  /** A member that leaves has told what it knows to be begun. */
  told(dues: readonly BegunDue[]): void {
    for (const due of dues) {
      const record = this.#parts.shelf.scheduled.get(due.recordId);
      if (record !== undefined && this.#isDue(record, due.dueUnixMs)) this.#learnt(due);
    }
  }

  /** This instance leaves: those who stay may have joined so late that nobody else has told them. */
  leaving(): void {
    const { context, shelf } = this.#parts;
    const dues = [...shelf.scheduled.keys()].flatMap((recordId) => {
      const last = this.book.last(recordId);
      return last?.begun === true ? [{ recordId, dueUnixMs: last.dueUnixMs, owner: last.owner }] : [];
    });
    for (let at = 0; at < dues.length; at += DUES_TOLD_MAX)
      context.outbox.sendAll(this.#linked(), { kind: 'dues-told', dues: dues.slice(at, at + DUES_TOLD_MAX) });
  }

  /** A write is on disk. True if it was one of ours. */
  stored(write: number): boolean {
    return this.book.stored(write);
  }

  /** A write failed: what it was for is tried again. */
  storeFailed(write: number): boolean {
    return this.book.storeFailed(write);
  }

  /** Looks at every schedule, once a second. */
  run(): void {
    const { context, shelf } = this.#parts;
    const { now, own, outbox } = context;
    if (now.atMs < this.#lookAtMs || shelf.scheduled.size === 0) return;
    this.#lookAtMs = now.atMs + DUE_LOOK_MS;
    for (const recordId of this.#moments.keys()) if (!shelf.scheduled.has(recordId)) this.#forget(recordId);
    if (own.record.state === 'admitted') this.#council.look();
    // Who waits for a seat asks, too: alone after a restart it must not take itself for all there is.
    outbox.sendAll(this.#council.toAsk(), { kind: 'due-claim', recordId: '', dueUnixMs: 0 });
    this.#learnable = LEARNT_PER_LOOK;
    for (const record of shelf.scheduled.values()) this.#look(record);
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    return this.#parts.shelf.scheduled.size === 0 ? undefined : this.#lookAtMs;
  }

  /** Every record with a schedule, as this instance sees it. */
  list(): readonly ScheduleRow[] {
    const { shelf, context } = this.#parts;
    return [...shelf.scheduled.values()]
      .flatMap((record) => {
        const { schedule, dueUnixMs } = this.#moment(record);
        if (schedule === null) return [];
        const last = this.book.last(record.recordId);
        return {
          recordId: record.recordId,
          owner: ownerOf(record.recordId, context.table) ?? null,
          nextUnixMs: this.#next(record, schedule),
          lastUnixMs: last?.dueUnixMs ?? null,
          lastOwner: last?.owner ?? null,
          lastJobId: last === undefined ? null : this.#jobId(record.recordId, last.dueUnixMs),
          waiting: this.#waiting(record.recordId, dueUnixMs),
        };
      })
      .sort((a, b) => compareText(a.recordId, b.recordId));
  }

  #forget(recordId: string): void {
    this.#moments.delete(recordId);
    this.#claims.delete(recordId);
    this.#noted.delete(recordId);
  }

  #look(record: TargetRecord): void {
    const { recordId } = record;
    const { dueUnixMs } = this.#moment(record);
    const { context, board } = this.#parts;
    if (dueUnixMs === null || this.book.isWriting(recordId)) return;
    const last = this.book.last(recordId);
    const isKnown = last !== undefined && (last.dueUnixMs > dueUnixMs || (last.dueUnixMs === dueUnixMs && last.begun));
    const job = isKnown ? undefined : board.get(this.#jobId(recordId, dueUnixMs));
    if (job !== undefined) return this.#learnt({ recordId, dueUnixMs, owner: job.entry });
    const owner = ownerOf(recordId, context.table);
    const isOwn = context.own.record.state === 'admitted' && owner === context.self;
    const isAnothers = last?.dueUnixMs === dueUnixMs && last.owner !== context.self;
    if (isKnown || !isOwn || isAnothers) {
      this.#claims.delete(recordId);
      return isKnown ? undefined : this.#learn(recordId, dueUnixMs, isAnothers ? last.owner : owner);
    }
    if (!this.#council.sight().isMajority) return this.#noteWaiting(recordId, dueUnixMs);
    const claim = this.#claims.get(recordId);
    if (claim?.dueUnixMs === dueUnixMs) {
      // Whoever was waited for may have gone.
      this.#beginIfGranted(recordId, claim);
      return this.#ask(recordId, claim);
    }
    const begun: Claim = { dueUnixMs, granted: new Set([context.self]), refused: new Map() };
    this.book.write({ recordId, dueUnixMs, owner: context.self, begun: false }, () => {
      this.#claims.set(recordId, begun);
      this.#ask(recordId, begun);
      this.#beginIfGranted(recordId, begun);
    });
  }

  /** Says once of a due time that it waits. */
  #noteWaiting(recordId: string, dueUnixMs: number): void {
    if (this.#noted.get(recordId) === dueUnixMs) return;
    this.#noted.set(recordId, dueUnixMs);
    const reason = this.#waiting(recordId, dueUnixMs);
    this.#parts.context.outbox.note('warn', 'rotation-waits', { recordId, dueUnixMs, reason });
  }

  /** Asks whoever should know whether it has been carried out: whoever comes new must know that before those who know have left. */
  #learn(recordId: string, dueUnixMs: number, from: InstanceId | undefined): void {
    const { self, outbox } = this.#parts.context;
    if (from === undefined || from === self || this.#learnable === 0) return;
    this.#learnable -= 1;
    outbox.send(from, { kind: 'due-claim', recordId, dueUnixMs });
  }

  /** The due time has been begun elsewhere. */
  #learnt(begun: BegunDue): void {
    const last = this.book.last(begun.recordId);
    const isOlder = last !== undefined && last.dueUnixMs > begun.dueUnixMs;
    if (isOlder || (last?.dueUnixMs === begun.dueUnixMs && last.begun)) return;
    this.#claims.delete(begun.recordId);
    this.book.write({ ...begun, begun: true });
  }

  #ask(recordId: string, { dueUnixMs, granted, refused }: Claim): void {
    const council = this.#council.list.members.filter((id) => !granted.has(id));
    const others = this.#linked().filter((id) => !granted.has(id) && !refused.has(id));
    const asked = new Set([...council, ...others]);
    this.#parts.context.outbox.sendAll([...asked], { kind: 'due-claim', recordId, dueUnixMs });
  }

  /** Who may know what no longer concerns it, having given up its seat or come from another side of a split: in large pools the oldest of them. */
  #linked(): readonly InstanceId[] {
    const { table, self } = this.#parts.context;
    const linked = table.live().filter((member) => member.linked && member.record.instanceId !== self);
    return linked.slice(0, COUNCIL_MAX).map(({ record }) => record.instanceId);
  }

  #beginIfGranted(recordId: string, { granted, refused, dueUnixMs }: Claim): void {
    const { members } = this.#council.list;
    if (!isMajority(members.filter((id) => granted.has(id)).length, members.length)) return;
    if (this.#linked().some((id) => !granted.has(id) && !refused.has(id))) return;
    const { context, order } = this.#parts;
    this.#claims.delete(recordId);
    // On disk before it begins: whoever restarts in between does not begin it again.
    this.book.write({ recordId, dueUnixMs, owner: context.self, begun: true }, () => {
      const jobId = this.#jobId(recordId, dueUnixMs);
      context.outbox.note('info', 'rotation-due', { jobId, recordId, dueUnixMs });
      for (const peer of directAudience(context)) this.#answer(peer, { recordId, dueUnixMs, answer: 'begun' });
      order({ jobId, recordId, parent: null, parameters: [{ name: DUE_PARAMETER, value: String(dueUnixMs) }] });
    });
  }

  #judge(from: InstanceId, recordId: string, dueUnixMs: number): DueAnswer {
    const { context, shelf, board } = this.#parts;
    const last = this.book.last(recordId);
    if (last?.dueUnixMs === dueUnixMs && last.begun) return 'begun';
    const record = shelf.scheduled.get(recordId);
    if (record === undefined || !this.#isDue(record, dueUnixMs)) return 'not-due';
    if (board.get(this.#jobId(recordId, dueUnixMs)) !== undefined) return 'begun';
    if (last !== undefined && last.dueUnixMs > dueUnixMs) return 'taken';
    if (last?.dueUnixMs === dueUnixMs && last.owner === from) return 'granted';
    const isOwner = ownerOf(recordId, context.table) === from;
    if (last?.dueUnixMs === dueUnixMs) {
      // What was granted to this instance itself, and is not begun, it can give away.
      if (last.owner !== context.self || !isOwner) return 'taken';
    }
    if (!isOwner) return 'not-owner';
    return this.#council.sight().isMajority ? 'granted' : 'no-majority';
  }

  #isDue(record: TargetRecord, dueUnixMs: number): boolean {
    const schedule = readSchedule(record);
    if (schedule === null || latestDue(schedule, dueUnixMs, this.#parts.context.init.cron) !== dueUnixMs) return false;
    return dueUnixMs + delayOf(record, schedule) <= this.#poolUnixMs();
  }

  #answer(to: InstanceId, asked: Pick<DueReply, 'recordId' | 'dueUnixMs' | 'answer'>): void {
    const last = this.book.last(asked.recordId);
    const { version, members } = this.#council.list;
    this.#parts.context.outbox.send(to, {
      kind: 'due-answer',
      ...asked,
      lastUnixMs: last?.dueUnixMs ?? 0,
      lastOwner: last?.owner ?? null,
      councilVersion: version,
      council: members,
    });
  }

  /** The due time that counts now: kept until the next one, since a calendar is costly to ask. */
  #moment(record: TargetRecord): Moment {
    const known = this.#moments.get(record.recordId);
    const schedule = known?.record === record ? known.schedule : readSchedule(record);
    const atUnixMs = this.#poolUnixMs() - (schedule === null ? 0 : delayOf(record, schedule));
    if (known?.record === record && atUnixMs < known.untilUnixMs && (known.dueUnixMs ?? 0) <= atUnixMs) return known;
    const { cron } = this.#parts.context.init;
    const dueUnixMs = schedule === null ? null : latestDue(schedule, atUnixMs, cron);
    const next = schedule === null ? null : nextDue(schedule, atUnixMs, cron);
    const made = { record, schedule, dueUnixMs, untilUnixMs: next ?? Number.POSITIVE_INFINITY };
    this.#moments.set(record.recordId, made);
    return made;
  }

  #next(record: TargetRecord, schedule: Schedule): number | null {
    const delayMs = delayOf(record, schedule);
    const next = nextDue(schedule, this.#poolUnixMs() - delayMs, this.#parts.context.init.cron);
    return next === null ? null : next + delayMs;
  }

  /** Why a due time that has come is not begun, for people; null: nothing waits. */
  #waiting(recordId: string, dueUnixMs: number | null): string | null {
    const { context } = this.#parts;
    const last = this.book.last(recordId);
    if (dueUnixMs === null || (last !== undefined && last.dueUnixMs >= dueUnixMs && last.begun)) return null;
    if (this.#parts.board.get(this.#jobId(recordId, dueUnixMs)) !== undefined) return null;
    const { seen, of, isMajority: enough } = this.#council.sight();
    if (of === 0) return 'the instances have not agreed yet who they are';
    if (!enough)
      return `${seen} of the ${of} instances last known as admitted are seen here, no majority: another side may have carried it out (evict those that are gone for good)`;
    const owner = ownerOf(recordId, context.table);
    if (owner !== context.self) return last?.dueUnixMs === dueUnixMs ? null : `instance ${owner} is to begin it`;
    const refused = this.#claims.get(recordId)?.refused ?? new Map<InstanceId, DueAnswer>();
    const granted = this.#claims.get(recordId)?.granted.size ?? 0;
    return `${granted} of ${of} instances have granted it${refused.size === 0 ? '' : `; ${[...new Set(refused.values())].join(', ')}`}`;
  }

  #jobId(recordId: string, dueUnixMs: number): string {
    return dueJobId(this.#parts.context.init.gateway.uid, recordId, dueUnixMs);
  }

  #poolUnixMs(): number {
    return this.#parts.context.clock.poolUnixMs(this.#parts.context.now.unixMs);
  }
}
