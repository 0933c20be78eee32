import { compareText } from '../../base/bytes.ts';
import type { InstanceId } from '../../base/ids.ts';
import { isFinal, type JobNotice, type TraceStep } from '../../wire/job.ts';
import { type Direct, TRACE_STEPS_MAX } from '../../wire/mesh-message.ts';
import { type CoreContext, liveOthers } from '../core-context.ts';
import { earliest } from '../earliest.ts';
import { failure } from '../effect.ts';
import type { Event, Ticket } from '../input.ts';
import { JOB_QUERY_MS } from '../timing.ts';
import { bestNotice, type JobBoard } from './job-board.ts';

/** Questions open at once; beyond it new ones are refused. */
const INQUIRIES_MAX = 1000;
/** Members asked about one job. */
const ASKED_MAX = 64;
/** How long a cancelled job is given to end before the answer says that it has not yet. */
const CANCEL_MS = 3000;

interface Inquiry {
  readonly ticket: Ticket;
  readonly jobId: string;
  readonly missing: Set<InstanceId>;
  readonly notices: JobNotice[];
  readonly steps: TraceStep[];
  readonly untilMs: number;
  /** Set for a cancellation: what is done once the job's worker is known. */
  readonly cancel: { readonly caller: string; readonly reason: string } | null;
}

interface Cancellation {
  readonly ticket: Ticket;
  readonly jobId: string;
  readonly untilMs: number;
}

/** Answers for any job of the pool, from any instance: asks everyone who might know and puts the answers together. */
export class Inquiries {
  readonly #context: CoreContext;
  readonly #board: JobBoard;
  readonly #cancelHere: (jobId: string, reason: string) => boolean;
  readonly #open = new Map<number, Inquiry>();
  readonly #cancellations = new Set<Cancellation>();
  #nonce = 0;

  /** `cancelHere` ends a job of this instance's own bench; false if it has none of that id. */
  constructor(context: CoreContext, board: JobBoard, cancelHere: (jobId: string, reason: string) => boolean) {
    this.#context = context;
    this.#board = board;
    this.#cancelHere = cancelHere;
  }

  /** A client asks for a job. */
  ask({ jobId, wantTrace, ticket }: Extract<Event, { kind: 'query-job' }>): void {
    const known = this.#board.get(jobId);
    if (!wantTrace && known !== undefined && isFinal(known.state) && known.state !== 'lost') {
      this.#context.outbox.reply(ticket, { kind: 'job', notice: known, steps: [] });
      return;
    }
    this.#inquire(jobId, wantTrace, ticket, null);
  }

  /** A client wants a job ended. */
  cancel({ jobId, caller, reason, ticket }: Extract<Event, { kind: 'cancel-job' }>): void {
    this.#inquire(jobId, false, ticket, { caller, reason });
  }

  /** A member asks what this instance knows. */
  asked(from: InstanceId, { nonce, jobId, wantTrace }: Extract<Direct, { kind: 'job-query' }>): void {
    const steps = wantTrace ? this.#board.trace(jobId).slice(0, TRACE_STEPS_MAX) : [];
    this.#context.outbox.send(from, { kind: 'job-answer', nonce, notice: this.#board.get(jobId) ?? null, steps });
  }

  /** A member answered. */
  answered(from: InstanceId, { nonce, notice, steps }: Extract<Direct, { kind: 'job-answer' }>): void {
    const inquiry = this.#open.get(nonce);
    if (inquiry === undefined || !inquiry.missing.delete(from)) return;
    if (notice !== null && notice.jobId === inquiry.jobId) inquiry.notices.push(notice);
    inquiry.steps.push(...steps.filter(({ instanceId }) => instanceId === from));
    if (inquiry.missing.size === 0) this.#conclude(nonce, inquiry);
  }

  /** Ends what has waited long enough or has got its answer. */
  run(): void {
    const { now, outbox } = this.#context;
    for (const [nonce, inquiry] of this.#open) if (inquiry.untilMs <= now.atMs) this.#conclude(nonce, inquiry);
    for (const cancellation of this.#cancellations) {
      const notice = this.#board.get(cancellation.jobId);
      const ended = notice !== undefined && isFinal(notice.state);
      if (!ended && cancellation.untilMs > now.atMs) continue;
      this.#cancellations.delete(cancellation);
      const message = `job ${cancellation.jobId} was told to end and is still ${notice?.state ?? 'unknown'}`;
      outbox.reply(
        cancellation.ticket,
        ended ? { kind: 'job', notice, steps: [] } : { kind: 'refused', failure: failure('timeout', message) },
      );
    }
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    let due: number | undefined;
    for (const { untilMs } of this.#open.values()) due = earliest(due, untilMs);
    for (const { untilMs } of this.#cancellations) due = earliest(due, untilMs);
    return due;
  }

  #inquire(jobId: string, wantTrace: boolean, ticket: Ticket, cancel: Inquiry['cancel']): void {
    const { outbox, now } = this.#context;
    if (this.#open.size >= INQUIRIES_MAX) {
      outbox.reply(ticket, {
        kind: 'refused',
        failure: failure('declined', `${INQUIRIES_MAX} questions are open, the most at once`),
      });
      return;
    }
    const known = this.#board.get(jobId);
    const tied = [known?.worker, known?.entry].filter(
      (id) => id !== undefined && id !== null && id !== this.#context.self,
    );
    const others = liveOthers(this.#context);
    const asked = new Set([...others.filter((id) => tied.includes(id)), ...others].slice(0, ASKED_MAX));
    this.#nonce = (this.#nonce % 0xffff_fffe) + 1;
    const inquiry: Inquiry = {
      ticket,
      jobId,
      missing: asked,
      notices: known === undefined ? [] : [known],
      steps: wantTrace ? [...this.#board.trace(jobId)] : [],
      untilMs: now.atMs + JOB_QUERY_MS,
      cancel,
    };
    this.#open.set(this.#nonce, inquiry);
    outbox.sendAll([...asked], { kind: 'job-query', nonce: this.#nonce, jobId, wantTrace });
    if (asked.size === 0) this.#conclude(this.#nonce, inquiry);
  }

  #conclude(nonce: number, inquiry: Inquiry): void {
    this.#open.delete(nonce);
    const notice = bestNotice(inquiry.notices);
    if (inquiry.cancel !== null) return this.#cancelFound(inquiry, notice, inquiry.cancel);
    const steps = inquiry.steps.sort((a, b) => a.atUnixMs - b.atUnixMs || compareText(a.instanceId, b.instanceId));
    this.#context.outbox.reply(inquiry.ticket, { kind: 'job', notice, steps });
  }

  #cancelFound(inquiry: Inquiry, notice: JobNotice | null, { caller, reason }: NonNullable<Inquiry['cancel']>): void {
    const { outbox, init, self, now } = this.#context;
    const { ticket, jobId } = inquiry;
    if (notice === null)
      return outbox.reply(ticket, { kind: 'refused', failure: failure('not-found', `no instance knows job ${jobId}`) });
    if (notice.caller !== caller && !init.gateway.adminKeys.includes(caller)) {
      return outbox.reply(ticket, {
        kind: 'refused',
        failure: failure('not-allowed', `job ${jobId} belongs to another caller`),
      });
    }
    if (isFinal(notice.state)) return outbox.reply(ticket, { kind: 'job', notice, steps: [] });
    if (notice.worker === self || notice.worker === null) this.#cancelHere(jobId, reason);
    else outbox.send(notice.worker, { kind: 'job-cancel', jobId, reason });
    this.#cancellations.add({ ticket, jobId, untilMs: now.atMs + CANCEL_MS });
  }
}
