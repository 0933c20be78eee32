import type { InstanceId } from '../../base/ids.ts';
import { isLease } from '../../wire/access-job.ts';
import type { Grant } from '../../wire/grant.ts';
import type { Failure, JobNotice, JobProgress, JobRequest, JobState } from '../../wire/job.ts';
import { isFinal } from '../../wire/job.ts';
import type { CoreContext } from '../core-context.ts';
import { failure } from '../effect.ts';
import type { Event } from '../input.ts';
import { costKib } from '../load/cost.ts';
import type { OwnLoad } from '../load/own-load.ts';
import type { RecordShelf } from '../records/record-shelf.ts';
import { isOwnOrder } from '../schedules/order.ts';
import { SESSION_OPEN_MS } from '../timing.ts';
import {
  type Allowed,
  type AuthorityQuestion,
  beneficiary,
  judge,
  noteDenial,
  noteSessionDenial,
} from './authority.ts';
import { type Source, sourceOf, sourceProblem } from './conditions.ts';
import type { JobBoard } from './job-board.ts';
import { isResumed, isSession, isUnattended, subjectOf } from './unattended.ts';
import {
  acceptedNotice,
  type BenchAnswer,
  durationProblem,
  isLeaseWork,
  newWork,
  type Offer,
  recalledWork,
  sessionRefusal,
  type Work,
} from './work.ts';

/** Jobs a worker remembers, running ones included; beyond it new ones are declined, never an id forgotten too early. */
const BENCH_MAX = 100_000;
/** Ids are remembered this much longer than anybody may submit them, in wall-clock milliseconds. */
const REMEMBER_SLACK_MS = 60_000;
/** Between two looks at every job for what has run out of time. */
const SWEEP_MS = 1000;

/** What the bench is built with. */
export interface WorkerBenchParts {
  readonly context: CoreContext;
  readonly board: JobBoard;
  readonly load: OwnLoad;
  readonly shelf: RecordShelf;
  readonly orderProblem: AuthorityQuestion['orderProblem'];
  /** Told when a job was accepted (on disk) or declined, and of every later change. */
  readonly onAnswer: (jobId: string, entry: InstanceId, answer: BenchAnswer) => void;
  readonly onChange: (work: Pick<Work, 'notice' | 'entry' | 'request' | 'origin'>) => void;
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
  /** Jobs an earlier process may have begun, to be taken up once this instance serves; sessions have only ended then. */
  readonly #interrupted = new Set<Work>();
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
  offer(request: JobRequest, { entry, submittedUnixMs, sealed, source }: Offer): void {
    const known = this.#work.get(request.jobId);
    if (known !== undefined) return this.#offerAgain(known, entry);
    const verdict = this.#declined.get(request.jobId)?.failure ?? this.#judge(request, source);
    if (!('grant' in verdict))
      return this.#decline(request.jobId, entry, { failure: verdict, deadlineUnixMs: request.deadlineUnixMs });
    const { context, board } = this.#parts;
    const caller = beneficiary(request, context.init.verify);
    const notice = acceptedNotice({ ...request, caller }, context.self, submittedUnixMs);
    const work = newWork(request, {
      origin: request.kind !== 'discovery' ? null : isOwnOrder(request) ? request.grant : sealed,
      grant: verdict.grant,
      entry,
      notice,
      openUntilMs: context.now.atMs + SESSION_OPEN_MS,
    });
    this.#work.set(request.jobId, work);
    this.#hold(work);
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
    if (isUnattended(work.notice.kind)) this.#begin(work, false);
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
  openSession({ jobId, caller, source: address, ticket }: Extract<Event, { kind: 'open-session' }>): void {
    const { context, board, shelf } = this.#parts;
    const work = this.#work.get(jobId);
    const refusal = sessionRefusal(work, jobId, caller) ?? this.#grantRefusal(work, sourceOf(address));
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
    work.openedAtMs = context.now.atMs;
    this.#change(work, { state: 'running', startedUnixMs: this.#poolUnixMs() });
    board.step(jobId, 'running', `${record.host}:${record.port}`);
    context.outbox.push({ kind: 'run', ticket, request: work.request, record, grant: work.grant });
  }

  /** Byte counts of a running job. */
  progress(jobId: string, bytesIn: number, bytesOut: number): void {
    const work = this.#work.get(jobId);
    if (work === undefined || isFinal(work.notice.state)) return;
    work.notice = { ...work.notice, bytesIn, bytesOut };
    this.#parts.board.tell(work.notice);
  }

  /** How far an unattended job is. */
  report({ jobId, message, donePerMille }: Extract<Event, { kind: 'job-report' }>): void {
    const work = this.#work.get(jobId);
    if (work === undefined || isFinal(work.notice.state)) return;
    work.notice = { ...work.notice, progress: { message, donePerMille, outputBytes: 0 } };
    this.#parts.board.tell(work.notice);
  }

  /** The workload ended. What it has to show is on disk together with the end. */
  ended(end: Extract<Event, { kind: 'job-ended' }>): void {
    const work = this.#work.get(end.jobId);
    if (work === undefined || isFinal(work.notice.state)) return;
    if (end.result === undefined) return this.#finish(work, end.state, end);
    const { message, output } = end.result;
    const savedUnixMs = this.#poolUnixMs();
    if (output !== null)
      this.#parts.context.outbox.store({ kind: 'job-output', jobId: end.jobId, savedUnixMs, output });
    const donePerMille = end.state === 'succeeded' ? 1000 : (work.notice.progress?.donePerMille ?? 0);
    const progress = { message, donePerMille, outputBytes: output?.length ?? 0 };
    this.#finish(work, end.state, { ...end, progress });
  }

  /** Ends a job; false if it is none of this worker's. */
  cancel(jobId: string, reason: string): boolean {
    const work = this.#work.get(jobId);
    if (work === undefined) return false;
    if (isFinal(work.notice.state)) return true;
    work.cancelling = true;
    this.#parts.board.step(jobId, 'cancelling', reason);
    if (work.opened) this.#parts.context.outbox.push({ kind: 'cancel', jobId, reason });
    else this.#finish(work, 'cancelled', { error: failure('cancelled', reason), bytesIn: 0, bytesOut: 0 });
    return true;
  }

  /** Ends every job whose grant was revoked; how many there were. */
  endRevoked(): number {
    let ended = 0;
    const { policies } = this.#parts.context;
    for (const { grant, notice, cancelling } of [...this.#work.values()]) {
      const revoked = grant === null || cancelling || isFinal(notice.state) ? null : policies.revocation(grant);
      if (grant === null || revoked === null) continue;
      this.cancel(notice.jobId, revoked);
      ended += 1;
    }
    return ended;
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
    if (this.#parts.context.own.record.state === 'admitted') this.#resume();
    const poolUnixMs = this.#poolUnixMs();
    for (const [jobId, { deadlineUnixMs }] of this.#declined) {
      if (poolUnixMs > deadlineUnixMs + REMEMBER_SLACK_MS) this.#declined.delete(jobId);
    }
    for (const [jobId, work] of this.#work) {
      this.#endForGrant(work);
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

  #begin(work: Work, resumed: boolean): void {
    const { context, board, shelf } = this.#parts;
    const { jobId, recordId } = work.notice;
    const record = shelf.find(recordId)[0] ?? null;
    if (record === null && subjectOf(work.notice, shelf) === undefined) {
      const gone = failure('not-found', `record ${recordId} was removed`);
      return this.#finish(work, 'failed', { error: gone, bytesIn: 0, bytesOut: 0 });
    }
    work.opened = true;
    const startedUnixMs = work.notice.startedUnixMs ?? this.#poolUnixMs();
    this.#change(work, { state: 'running', startedUnixMs, endedUnixMs: null, error: null });
    board.step(jobId, resumed ? 'resumed' : 'running', record === null ? '' : `${record.host}:${record.port}`);
    context.outbox.push({
      kind: 'begin',
      notice: work.notice,
      parameters: work.request?.parameters ?? [],
      record,
      resumed,
    });
  }

  #resume(): void {
    for (const work of this.#interrupted) {
      this.#interrupted.delete(work);
      if (!isResumed(work.notice.kind)) {
        this.#parts.onChange(work);
        continue;
      }
      this.#hold(work);
      this.#begin(work, true);
    }
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

  #judge(request: JobRequest, source: Source): Failure | Allowed {
    const { context, load, shelf } = this.#parts;
    const { own, init, clock, now } = context;
    if (own.record.state !== 'admitted')
      return failure('declined', `${own.record.name} is ${own.record.state} and takes no jobs`);
    if (!init.self.capabilities.includes(request.kind))
      return failure('not-supported', `${own.record.name} does no ${request.kind} jobs`);
    const record = subjectOf(request, shelf);
    if (record === undefined) return failure('declined', `${own.record.name} has no record ${request.recordId} yet`);
    const poolUnixMs = clock.poolUnixMs(now.unixMs);
    if (request.deadlineUnixMs <= poolUnixMs)
      return failure('deadline-passed', `job ${request.jobId} came after its deadline`);
    const revocation = (grant: Grant): string | null => context.policies.revocation(grant);
    const question = { gateway: init.gateway, verify: init.verify, request, record, poolUnixMs, source };
    const verdict = judge({ ...question, revocation, orderProblem: this.#parts.orderProblem });
    if (verdict.kind === 'denied') {
      noteDenial(context.outbox, { request, record }, verdict);
      return verdict.failure;
    }
    if (this.#work.size + this.#declined.size >= BENCH_MAX)
      return failure('declined', `${own.record.name} remembers ${BENCH_MAX} jobs, the most it can`);
    if (!load.fits(costKib(request)))
      return failure('declined', `${own.record.name} has less than its headroom of memory left`);
    return verdict;
  }

  /** What has changed since the job was accepted, and what only the worker can see: where the client really comes from. */
  #grantRefusal(work: Work | undefined, source: Source): Failure | null {
    const { context } = this.#parts;
    if (work === undefined || work.grant === null) return null;
    const problem = context.policies.grantProblem(work.grant, this.#poolUnixMs()) ?? sourceProblem(work.grant, source);
    if (problem === null) return null;
    const refusal = failure('not-allowed', problem);
    noteSessionDenial(context.outbox, work.notice, { grant: work.grant, reason: problem });
    this.#finish(work, 'failed', { error: refusal, bytesIn: 0, bytesOut: 0 });
    return refusal;
  }

  /** Ends a session whose grant does not count any more, or whose time is over; what needs no client was allowed when it began. */
  #endForGrant(work: Work): void {
    if (work.grant === null || work.cancelling || isFinal(work.notice.state) || isUnattended(work.notice.kind)) return;
    const { policies, now } = this.#parts.context;
    const over = durationProblem(work, work.grant, now.atMs) ?? policies.grantProblem(work.grant, this.#poolUnixMs());
    if (over !== null) this.cancel(work.notice.jobId, over);
  }

  #finish(
    work: Work,
    state: Extract<JobState, 'succeeded' | 'failed' | 'cancelled'>,
    end: Pick<JobNotice, 'error' | 'bytesIn' | 'bytesOut'> & { readonly progress?: JobProgress },
  ): void {
    this.#release(work);
    this.#parts.board.step(work.notice.jobId, state, end.error?.message ?? '');
    const { error, bytesIn, bytesOut, progress = work.notice.progress } = end;
    this.#change(work, { state, endedUnixMs: this.#poolUnixMs(), error, bytesIn, bytesOut, progress });
  }

  #hold(work: Work): void {
    work.holds = true;
    this.#parts.load.reserve(work.notice.kind, work.costKib);
    if (!isLeaseWork(work)) this.#running += 1;
  }

  #release(work: Work): void {
    if (!work.holds) return;
    work.holds = false;
    this.#parts.load.release(work.notice.kind, work.costKib);
    if (!isLeaseWork(work)) this.#running -= 1;
  }

  #change(work: Work, change: Partial<JobNotice>): void {
    work.notice = { ...work.notice, ...change };
    this.#journal(work);
    this.#parts.board.tell(work.notice);
    this.#parts.onChange(work);
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
    const work = recalledWork(notice, deadlineUnixMs, this.#poolUnixMs());
    const ended = work.notice;
    this.#work.set(notice.jobId, work);
    if (ended !== notice && (isResumed(notice.kind) || isSession(notice))) this.#interrupted.add(work);
    this.#parts.board.tell(ended);
    if (ended !== notice) this.#journal(work);
  }

  #poolUnixMs(): number {
    return this.#parts.context.clock.poolUnixMs(this.#parts.context.now.unixMs);
  }
}
