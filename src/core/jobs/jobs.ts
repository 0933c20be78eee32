import type { InstanceId } from '../../base/ids.ts';
import { jobRequestSeal } from '../../wire/job.ts';
import type { Direct } from '../../wire/mesh-message.ts';
import { open } from '../../wire/sealed.ts';
import type { SessionsInHand } from '../admission/seat-keeper.ts';
import type { CoreContext } from '../core-context.ts';
import { earliest } from '../earliest.ts';
import { failure, type Reply } from '../effect.ts';
import type { Event } from '../input.ts';
import type { OwnLoad } from '../load/own-load.ts';
import { isLive } from '../membership/member-table.ts';
import type { RecordShelf } from '../records/record-shelf.ts';
import { Scheduler } from '../schedules/scheduler.ts';
import { FORWARD_RETRY_MS, JOB_QUERY_MS } from '../timing.ts';
import type { AuthorityQuestion } from './authority.ts';
import { sourceOf } from './conditions.ts';
import { DiscoveryKeeper } from './discovery-keeper.ts';
import { EntryDesk } from './entry-desk.ts';
import { Inquiries } from './inquiries.ts';
import { JobBoard } from './job-board.ts';
import { Outputs } from './outputs.ts';
import { OwnOrders } from './own-orders.ts';
import type { BenchAnswer } from './work.ts';
import { WorkerBench } from './worker-bench.ts';

/** A request that names another entry may be passed on so many times. */
export const HOPS_MAX = 2;
/** Requests passed on and not answered yet. */
const RESUBMITS_MAX = 10_000;
/** How long a passed-on request waits for its entry's answer: longer than the entry's own tries take. */
const RESUBMIT_MS = FORWARD_RETRY_MS * 20 + JOB_QUERY_MS;

interface Submission {
  readonly sealed: Uint8Array;
  readonly hops: number;
  /** The client's address, as seen by the instance it talks to; null from a version that does not tell. */
  readonly source: string | null;
}

interface Resubmit {
  readonly jobId: string;
  readonly to: InstanceId;
  readonly answer: (reply: Reply) => void;
  readonly untilMs: number;
}

/** Everything about jobs on one instance: the entry's desk, the worker's bench, the board and the questions, joined. */
export class Jobs implements SessionsInHand {
  readonly board: JobBoard;
  readonly bench: WorkerBench;
  readonly desk: EntryDesk;
  readonly inquiries: Inquiries;
  readonly outputs: Outputs;
  readonly schedules: Scheduler;
  readonly discoveries: DiscoveryKeeper;
  readonly #context: CoreContext;
  readonly #load: OwnLoad;
  /** Each has something to do at a time of its own. */
  readonly #parts: readonly { run(): void; dueAtMs(): number | undefined }[];
  readonly #resubmits = new Map<number, Resubmit>();
  #nonce = 0;

  /** Built over the context; takes over what the journal remembers. */
  constructor(context: CoreContext, load: OwnLoad, shelf: RecordShelf) {
    this.#context = context;
    this.#load = load;
    this.board = new JobBoard(context);
    const orders = new OwnOrders({
      context,
      shelf,
      board: this.board,
      desk: () => this.desk,
      dues: () => this.schedules.book,
    });
    this.schedules = new Scheduler({ context, shelf, board: this.board, order: (job) => orders.place(job) });
    const orderProblem: AuthorityQuestion['orderProblem'] = (request, origin) => orders.problem(request, origin);
    this.discoveries = new DiscoveryKeeper({
      context,
      board: this.board,
      order: ({ origin, ...job }) => orders.place(job, { kind: 'discovery', grant: origin }),
    });
    this.bench = new WorkerBench({
      context,
      board: this.board,
      load,
      shelf,
      orderProblem,
      onAnswer: (jobId, entry, answer) => this.#benchAnswered(jobId, entry, answer),
      onChange: ({ notice, entry, request, origin }) => {
        orders.changed(notice);
        this.discoveries.changed(notice, request, origin);
        if (entry !== context.self) context.outbox.send(entry, { kind: 'job-update', notice });
      },
    });
    this.desk = new EntryDesk({
      context,
      board: this.board,
      shelf,
      load,
      orderProblem,
      offerOwn: (request, { submittedUnixMs, sealed, source }) =>
        this.bench.offer(request, { entry: context.self, submittedUnixMs, sealed, source: sourceOf(source ?? '') }),
    });
    this.inquiries = new Inquiries(context, this.board, (jobId, reason) => this.bench.cancel(jobId, reason));
    this.outputs = new Outputs(context, this.board);
    this.#parts = [
      this.bench,
      this.desk,
      this.inquiries,
      this.outputs,
      this.board.news,
      this.schedules,
      this.discoveries,
    ];
  }

  /** Sessions that a drain waits for. */
  running(): number {
    return this.bench.running;
  }

  /** A drain begins: leases are taken up elsewhere at once. */
  draining(): void {
    this.bench.cancelAll('leases', 'the instance is draining');
  }

  /** The drain's time is over. */
  cancelAll(reason: string): void {
    this.bench.cancelAll('everything', reason);
  }

  /** The instance leaves: news that waited for their batch go out. */
  leaving(): void {
    this.schedules.leaving();
    this.board.news.flush();
  }

  /** A write is on disk. True if it was one of these. */
  stored(write: number): boolean {
    return this.bench.stored(write) || this.schedules.stored(write);
  }

  /** A write failed. */
  storeFailed(write: number, reason: string): void {
    if (!this.bench.storeFailed(write, reason)) this.schedules.storeFailed(write);
  }

  /** A client's request: dispatched here if it names this instance, passed on if it names another. */
  submit({ request, source, ticket }: Extract<Event, { kind: 'submit' }>): void {
    this.#route({ sealed: request, hops: 0, source }, (reply) => this.#context.outbox.reply(ticket, reply));
  }

  /** A job message of another member; the machine has checked that it is a member. */
  message(from: InstanceId, message: JobMessage): void {
    const { outbox } = this.#context;
    switch (message.kind) {
      case 'forward':
        return this.#forwarded(from, message);
      case 'forward-accepted':
        return this.desk.accepted(from, message.jobId, message.load);
      case 'forward-declined':
        return this.desk.declined(from, message.jobId, message.failure, message.load);
      case 'job-update':
        if (message.notice.worker === from) this.board.hear(message.notice, from);
        return;
      case 'job-news':
        return this.board.news.told(from, message.number, message.notices);
      case 'job-news-want':
        return this.board.news.wanted(from, message.number);
      case 'load-query':
        return outbox.send(from, { kind: 'load-answer', nonce: message.nonce, load: this.#load.sample() });
      case 'load-answer':
        return this.desk.loadAnswered(from, message.nonce, message.load);
      case 'resubmit':
        return this.#route({ sealed: message.request, hops: message.hops + 1, source: message.source }, (reply) =>
          this.#answerResubmit(from, message.nonce, reply),
        );
      case 'resubmit-answer':
        return this.#resubmitAnswered(from, message);
      case 'job-query':
        return this.inquiries.asked(from, message);
      case 'job-answer':
        return this.inquiries.answered(from, message);
      case 'output-query':
        return this.outputs.asked(from, message);
      case 'output-answer':
        return this.outputs.answered(from, message);
      case 'due-claim':
        return this.schedules.claimed(from, message);
      case 'due-answer':
        return this.schedules.answered(from, message);
      case 'dues-told':
        return this.schedules.told(message.dues);
      case 'job-keep':
        return this.discoveries.keep(from, message);
      case 'job-cancel':
        this.bench.cancel(message.jobId, message.reason);
        return;
    }
  }

  /** A member died or left: what it had not ended is lost. */
  memberGone(gone: InstanceId): void {
    for (const { jobId } of this.board.memberGone(gone))
      this.#context.outbox.note('warn', 'job-lost', { jobId, worker: gone });
    this.desk.workerGone(gone);
  }

  /** Carries on what is due. */
  run(): void {
    for (const part of this.#parts) part.run();
    for (const [nonce, { untilMs, answer, to }] of this.#resubmits) {
      if (untilMs > this.#context.now.atMs) continue;
      this.#resubmits.delete(nonce);
      answer({ kind: 'refused', failure: failure('outcome-unknown', `entry ${to} did not answer in time`) });
    }
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    let due: number | undefined;
    for (const part of this.#parts) due = earliest(due, part.dueAtMs());
    for (const { untilMs } of this.#resubmits.values()) due = earliest(due, untilMs);
    return due;
  }

  #route({ sealed, hops, source }: Submission, answer: (reply: Reply) => void): void {
    const { self, table, outbox, now, init } = this.#context;
    const opened = open(jobRequestSeal, sealed, init.verify);
    const { entry, jobId } = opened.value;
    if (entry === self) return this.desk.submit({ opened, source }, answer);
    const known = this.board.get(jobId);
    const member = table.get(entry);
    const passable =
      member !== undefined &&
      isLive(member) &&
      member.linked &&
      hops < HOPS_MAX &&
      this.#resubmits.size < RESUBMITS_MAX;
    if (!passable) {
      if (known?.worker) return answer({ kind: 'accepted', notice: known, worker: known.worker });
      const message = `job ${jobId} was made for entry ${entry}, which cannot be asked from here; ask job-info, then submit under a new id`;
      return answer({ kind: 'refused', failure: failure('outcome-unknown', message) });
    }
    this.#nonce = (this.#nonce % 0xffff_fffe) + 1;
    this.#resubmits.set(this.#nonce, { jobId, to: entry, answer, untilMs: now.atMs + RESUBMIT_MS });
    outbox.send(entry, { kind: 'resubmit', nonce: this.#nonce, hops, request: sealed, source });
  }

  #answerResubmit(to: InstanceId, nonce: number, reply: Reply): void {
    const notice = reply.kind === 'accepted' ? reply.notice : null;
    const why = reply.kind === 'refused' ? reply.failure : null;
    this.#context.outbox.send(to, { kind: 'resubmit-answer', nonce, notice, failure: why });
  }

  #resubmitAnswered(
    from: InstanceId,
    { nonce, notice, failure: why }: Extract<Direct, { kind: 'resubmit-answer' }>,
  ): void {
    const resubmit = this.#resubmits.get(nonce);
    if (resubmit === undefined || resubmit.to !== from) return;
    this.#resubmits.delete(nonce);
    if (notice !== null && notice.worker !== null)
      return resubmit.answer({ kind: 'accepted', notice, worker: notice.worker });
    resubmit.answer({ kind: 'refused', failure: why ?? failure('bad-message', `entry ${from} gave no answer`) });
  }

  #forwarded(
    from: InstanceId,
    { request: sealed, workerStartId, submittedUnixMs, source }: Extract<Direct, { kind: 'forward' }>,
  ): void {
    const { init } = this.#context;
    const { value: request, signers } = open(jobRequestSeal, sealed, init.verify);
    const wrong =
      workerStartId !== init.startId
        ? failure('declined', 'the job was meant for an earlier start of this worker')
        : request.entry !== from
          ? failure('not-allowed', `job ${request.jobId} names another entry`)
          : !signers.includes(request.caller) || request.gatewayUid !== init.gateway.uid
            ? failure('not-allowed', `job ${request.jobId} is not signed by its caller for this gateway`)
            : null;
    if (wrong !== null) return this.#benchAnswered(request.jobId, from, { kind: 'declined', failure: wrong });
    this.bench.offer(request, { entry: from, submittedUnixMs, sealed, source: sourceOf(source ?? '') });
  }

  #benchAnswered(jobId: string, entry: InstanceId, answer: BenchAnswer): void {
    const { self, outbox } = this.#context;
    const load = this.#load.sample();
    if (answer.kind === 'accepted') {
      if (entry === self) this.desk.accepted(self, jobId, null);
      else outbox.send(entry, { kind: 'forward-accepted', jobId, load });
    } else if (entry === self) this.desk.declined(self, jobId, answer.failure, null);
    else outbox.send(entry, { kind: 'forward-declined', jobId, failure: answer.failure, load });
  }
}

/** Direct messages that concern jobs. */
export type JobMessage = Extract<
  Direct,
  {
    kind:
      | 'forward'
      | 'forward-accepted'
      | 'forward-declined'
      | 'job-update'
      | 'job-news'
      | 'job-news-want'
      | 'load-query'
      | 'load-answer'
      | 'resubmit'
      | 'resubmit-answer'
      | 'job-query'
      | 'job-answer'
      | 'output-query'
      | 'output-answer'
      | 'job-cancel'
      | 'job-keep'
      | 'due-claim'
      | 'due-answer'
      | 'dues-told';
  }
>;
