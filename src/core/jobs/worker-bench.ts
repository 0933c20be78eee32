import type { InstanceId } from '../../base/ids.ts';
import { isLease } from '../../wire/access-job.ts';
import type { Failure, JobNotice, JobRequest, JobState } from '../../wire/job.ts';
import { isFinal } from '../../wire/job.ts';
import type { CoreContext } from '../core-context.ts';
import { failure } from '../effect.ts';
import type { Event, Ticket } from '../input.ts';
import { costKib } from '../load/cost.ts';
import type { OwnLoad } from '../load/own-load.ts';
import type { RecordShelf } from '../records/record-shelf.ts';
import { SESSION_OPEN_MS } from '../timing.ts';
import { denial } from './authority.ts';
import type { JobBoard } from './job-board.ts';

/** Jobs a worker remembers, running ones included; beyond it new ones are declined, never an id forgotten too early. */
const BENCH_MAX = 100_000;
/** Ids are remembered this much longer than anybody may submit them, in wall-clock milliseconds. */
const REMEMBER_SLACK_MS = 60_000;
/** Between two looks at every job for what has run out of time. */
const SWEEP_MS = 1000;

interface Work {
  readonly request: JobRequest | null;
  readonly entry: InstanceId;
  readonly deadlineUnixMs: number;
  readonly costKib: number;
  notice: JobNotice;
  /** The journal holds it as accepted. */
  journaled: boolean;
  /** Until a client must have opened the session. */
  openUntilMs: number;
  /** A session was opened for it: never a second one. */
  opened: boolean;
}

/** What is told to whoever asked for the job. */
export type BenchAnswer =
  | { readonly kind: 'accepted'; readonly notice: JobNotice }
  | { readonly kind: 'declined'; readonly failure: Failure };

/** What the bench is built with. */
export interface WorkerBenchParts {
  readonly context: CoreContext;
  readonly board: JobBoard;
  readonly load: OwnLoad;
  readonly shelf: RecordShelf;
  /** Told when a job was accepted (on disk) or declined, and of every later change. */
  readonly onAnswer: (jobId: string, entry: InstanceId, answer: BenchAnswer) => void;
  readonly onChange: (notice: JobNotice, entry: InstanceId) => void;
}

/**
 * The worker's side of jobs. An id is accepted at most once in the life of this data directory: it is written to the journal before
 * anything else happens, and remembered longer than anybody may submit it.
 */
export class WorkerBench {
  readonly #parts: WorkerBenchParts;
  readonly #work = new Map<string, Work>();
  readonly #writes = new Map<number, string>();
  /** A refusal is final: the entry goes on elsewhere, so a repeated offer must not be taken after all. */
  readonly #declined = new Map<string, { readonly failure: Failure; readonly deadlineUnixMs: number }>();
  #running = 0;
  #sweepAtMs = 0;

  /** Takes over what the journal remembers: whatever had not ended is lost, since the process that did it is gone. */
  constructor(parts: WorkerBenchParts) {
    this.#parts = parts;
    for (const { notice, deadlineUnixMs } of parts.context.init.remembered.jobs) this.#recall(notice, deadlineUnixMs);
  }

  /** Sessions under way that a drain waits for. */
  get running(): number {
    return this.#running;
  }

  /** Checks a job as if nobody had before, and takes it if it may and fits. Answers once it is on disk. */
  offer(request: JobRequest, entry: InstanceId, submittedUnixMs: number): void {
    const known = this.#work.get(request.jobId);
    if (known !== undefined) return this.#offerAgain(known, entry);
    const refusal = this.#declined.get(request.jobId)?.failure ?? this.#refusal(request);
    if (refusal !== null)
      return this.#decline(request.jobId, entry, { failure: refusal, deadlineUnixMs: request.deadlineUnixMs });
    const { context, load, board } = this.#parts;
    const notice = acceptedNotice(request, context.self, submittedUnixMs);
    const cost = costKib(request);
    load.reserve(request.kind, cost);
    const work: Work = {
      request,
      entry,
      deadlineUnixMs: request.deadlineUnixMs,
      costKib: cost,
      notice,
      journaled: false,
      openUntilMs: context.now.atMs + SESSION_OPEN_MS,
      opened: false,
    };
    this.#work.set(request.jobId, work);
    if (!isLease(request)) this.#running += 1;
    this.#writes.set(this.#journal(work), request.jobId);
    board.step(request.jobId, 'checked', `from entry ${entry}`);
  }

  /** The journal has an entry. True if it was one of ours. */
  stored(write: number): boolean {
    const work = this.#takeWrite(write);
    if (work === undefined) return false;
    work.journaled = true;
    if (work.notice.state !== 'accepted') return true;
    this.#parts.board.tell(work.notice);
    this.#parts.board.step(work.notice.jobId, 'accepted', 'journal written');
    this.#parts.onAnswer(work.notice.jobId, work.entry, { kind: 'accepted', notice: work.notice });
    return true;
  }

  /** The journal could not be written: a job that is not in it does not begin. */
  storeFailed(write: number, reason: string): boolean {
    const work = this.#takeWrite(write);
    if (work === undefined) return false;
    if (work.journaled) return true;
    const declined = failure('storage-failed', `the worker's journal could not be written: ${reason}`);
    // Never accepted, so nobody is told of it: it goes on elsewhere under the same id.
    this.#release(work);
    this.#work.delete(work.notice.jobId);
    this.#decline(work.notice.jobId, work.entry, { failure: declined, deadlineUnixMs: work.deadlineUnixMs });
    return true;
  }

  /** A client wants to open the session of a job. */
  openSession(jobId: string, caller: string, ticket: Ticket): void {
    const { context, board, shelf } = this.#parts;
    const work = this.#work.get(jobId);
    const refusal = sessionRefusal(work, jobId, caller);
    const record = work === undefined ? undefined : shelf.find(work.notice.recordId)[0];
    if (refusal !== null || work === undefined || work.request === null) {
      context.outbox.reply(ticket, {
        kind: 'refused',
        failure: refusal ?? failure('not-found', `no job ${jobId} waits here`),
      });
      return;
    }
    if (record === undefined) {
      const gone = failure('not-found', `record ${work.notice.recordId} was removed`);
      this.#finish(work, 'failed', { error: gone, bytesIn: 0, bytesOut: 0 });
      context.outbox.reply(ticket, { kind: 'refused', failure: gone });
      return;
    }
    work.opened = true;
    this.#change(work, { state: 'running', startedUnixMs: this.#poolUnixMs() });
    board.step(jobId, 'running', `${record.host}:${record.port}`);
    context.outbox.push({ kind: 'run', ticket, request: work.request, record });
  }

  /** Byte counts of a running job. */
  progress(jobId: string, bytesIn: number, bytesOut: number): void {
    const work = this.#work.get(jobId);
    if (work === undefined || isFinal(work.notice.state)) return;
    work.notice = { ...work.notice, bytesIn, bytesOut };
    this.#parts.board.tell(work.notice);
  }

  /** The workload ended. */
  ended(end: Extract<Event, { kind: 'job-ended' }>): void {
    const work = this.#work.get(end.jobId);
    if (work !== undefined && !isFinal(work.notice.state)) this.#finish(work, end.state, end);
  }

  /** Ends a job; false if it is none of this worker's. */
  cancel(jobId: string, reason: string): boolean {
    const work = this.#work.get(jobId);
    if (work === undefined) return false;
    if (isFinal(work.notice.state)) return true;
    this.#parts.board.step(jobId, 'cancelling', reason);
    if (work.opened) this.#parts.context.outbox.push({ kind: 'cancel', jobId, reason });
    else this.#finish(work, 'cancelled', { error: failure('cancelled', reason), bytesIn: 0, bytesOut: 0 });
    return true;
  }

  /** Ends every job, or only the leases, which cost nothing to take up elsewhere. */
  cancelAll(which: 'leases' | 'everything', reason: string): void {
    for (const { notice, request } of [...this.#work.values()]) {
      const meant = which === 'everything' || (request !== null && isLease(request));
      if (meant && !isFinal(notice.state)) this.cancel(notice.jobId, reason);
    }
  }

  /** Gives up what nobody came for and forgets what nobody can ask for again. */
  run(): void {
    const { now } = this.#parts.context;
    if (now.atMs < this.#sweepAtMs) return;
    this.#sweepAtMs = now.atMs + SWEEP_MS;
    const poolUnixMs = this.#poolUnixMs();
    for (const [jobId, { deadlineUnixMs }] of this.#declined) {
      if (poolUnixMs > deadlineUnixMs + REMEMBER_SLACK_MS) this.#declined.delete(jobId);
    }
    for (const [jobId, work] of this.#work) {
      const waiting = !work.opened && !isFinal(work.notice.state) && work.journaled;
      if (waiting && work.openUntilMs <= now.atMs) {
        const message = `no client opened the session within ${SESSION_OPEN_MS / 1000} s`;
        this.#finish(work, 'failed', { error: failure('timeout', message), bytesIn: 0, bytesOut: 0 });
      }
      if (isFinal(work.notice.state) && poolUnixMs > work.deadlineUnixMs + REMEMBER_SLACK_MS) this.#work.delete(jobId);
    }
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    return this.#work.size + this.#declined.size === 0 ? undefined : this.#sweepAtMs;
  }

  #offerAgain(known: Work, entry: InstanceId): void {
    if (known.entry !== entry) {
      const taken = failure('already-exists', `job ${known.notice.jobId} came from another entry`);
      return this.#parts.onAnswer(known.notice.jobId, entry, { kind: 'declined', failure: taken });
    }
    if (known.journaled) this.#parts.onAnswer(known.notice.jobId, entry, { kind: 'accepted', notice: known.notice });
  }

  #decline(
    jobId: string,
    entry: InstanceId,
    refusal: { readonly failure: Failure; readonly deadlineUnixMs: number },
  ): void {
    if (this.#declined.size < BENCH_MAX) this.#declined.set(jobId, refusal);
    this.#parts.onAnswer(jobId, entry, { kind: 'declined', failure: refusal.failure });
  }

  #refusal(request: JobRequest): Failure | null {
    const { context, load, shelf } = this.#parts;
    const { own, init, clock, now } = context;
    if (own.record.state !== 'admitted')
      return failure('declined', `${own.record.name} is ${own.record.state} and takes no jobs`);
    if (!init.self.capabilities.includes(request.kind))
      return failure('not-supported', `${own.record.name} does no ${request.kind} jobs`);
    const record = shelf.find(request.recordId)[0];
    if (record === undefined) return failure('declined', `${own.record.name} has no record ${request.recordId} yet`);
    const poolUnixMs = clock.poolUnixMs(now.unixMs);
    if (request.deadlineUnixMs <= poolUnixMs)
      return failure('deadline-passed', `job ${request.jobId} came after its deadline`);
    const denied = denial({ gateway: init.gateway, verify: init.verify, request, record, poolUnixMs });
    if (denied !== null) return denied;
    if (this.#work.size + this.#declined.size >= BENCH_MAX)
      return failure('declined', `${own.record.name} remembers ${BENCH_MAX} jobs, the most it can`);
    if (!load.fits(costKib(request)))
      return failure('declined', `${own.record.name} has less than its headroom of memory left`);
    return null;
  }

  #finish(
    work: Work,
    state: Extract<JobState, 'succeeded' | 'failed' | 'cancelled'>,
    end: { readonly error: Failure | null; readonly bytesIn: number; readonly bytesOut: number },
  ): void {
    this.#release(work);
    this.#parts.board.step(work.notice.jobId, state, end.error?.message ?? '');
    const { error, bytesIn, bytesOut } = end;
    this.#change(work, { state, endedUnixMs: this.#poolUnixMs(), error, bytesIn, bytesOut });
  }

  #release(work: Work): void {
    if (work.request === null) return;
    this.#parts.load.release(work.notice.kind, work.costKib);
    if (!isLease(work.request)) this.#running -= 1;
  }

  #change(work: Work, change: Partial<JobNotice>): void {
    work.notice = { ...work.notice, ...change };
    this.#journal(work);
    this.#parts.board.tell(work.notice);
    this.#parts.onChange(work.notice, work.entry);
  }

  #journal(work: Work): number {
    return this.#parts.context.outbox.store({ kind: 'job', notice: work.notice, deadlineUnixMs: work.deadlineUnixMs });
  }

  #takeWrite(write: number): Work | undefined {
    const jobId = this.#writes.get(write);
    this.#writes.delete(write);
    return jobId === undefined ? undefined : this.#work.get(jobId);
  }

  #recall(notice: JobNotice, deadlineUnixMs: number): void {
    const message = 'the instance stopped while the job was under way; whether it finished is unknown';
    const ended = isFinal(notice.state)
      ? notice
      : {
          ...notice,
          state: 'lost' as const,
          endedUnixMs: this.#poolUnixMs(),
          error: failure('outcome-unknown', message),
        };
    const work: Work = {
      request: null,
      entry: notice.entry,
      deadlineUnixMs,
      costKib: 0,
      notice: ended,
      journaled: true,
      openUntilMs: Number.POSITIVE_INFINITY,
      opened: true,
    };
    this.#work.set(notice.jobId, work);
    this.#parts.board.tell(ended);
    if (ended !== notice) this.#journal(work);
  }

  #poolUnixMs(): number {
    return this.#parts.context.clock.poolUnixMs(this.#parts.context.now.unixMs);
  }
}

function acceptedNotice(request: JobRequest, worker: InstanceId, submittedUnixMs: number): JobNotice {
  return {
    jobId: request.jobId,
    kind: request.kind,
    recordId: request.recordId,
    parent: request.parent,
    caller: request.caller,
    state: 'accepted',
    entry: request.entry,
    worker,
    submittedUnixMs,
    startedUnixMs: null,
    endedUnixMs: null,
    error: null,
    bytesIn: 0,
    bytesOut: 0,
  };
}

function sessionRefusal(work: Work | undefined, jobId: string, caller: string): Failure | null {
  if (work === undefined) return failure('not-found', `no job ${jobId} waits here`);
  if (work.notice.caller !== caller) return failure('not-allowed', `job ${jobId} belongs to another caller`);
  if (work.opened || isFinal(work.notice.state))
    return failure('already-exists', `the session of job ${jobId} was opened before`);
  return work.journaled ? null : failure('not-found', `job ${jobId} is not accepted yet`);
}
