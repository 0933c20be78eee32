import type { InstanceId } from '../../base/ids.ts';
import { JOB_NOTICES_MAX } from '../../wire/bounds.ts';
import type { JobNotice } from '../../wire/job.ts';
import { jobNewsSeal } from '../../wire/mesh-message.ts';
import { seal } from '../../wire/sealed.ts';
import { type CoreContext, wholeAudience } from '../core-context.ts';
import { isLive } from '../membership/member-table.ts';
import { JOB_NEWS_ASK_MS, JOB_NEWS_MS } from '../timing.ts';

/** Batches that can be told once more. */
const BATCHES_KEPT = 64;
/** Batches of one start of a process: numbers begin with the second of its start, times this. */
const BATCHES_OF_START = 2 ** 20;
/** A batch that is asked for so often in vain has been forgotten by its teller. */
const ASKED_MAX = 5;

/** What is known of another instance's news. */
interface Heard {
  /** Number of the last batch before which none is missing. */
  upTo: number;
  asked: number;
  askedAtMs: number;
}

/** The board, as far as news need it. */
export interface NewsBoard {
  get(jobId: string): JobNotice | undefined;
  heardFrom(teller: InstanceId, notices: readonly JobNotice[]): readonly JobNotice[];
}

/**
 * News of jobs, gathered for a moment. Where links lead to everybody they are told over these, in batches that are numbered: pulses tell the last number, and
 * whoever has missed a batch asks for it. Otherwise, and in large pools, they are published.
 */
export class JobNews {
  readonly #context: CoreContext;
  readonly #board: NewsBoard;
  readonly #news = new Set<string>();
  /** Jobs of the last batches, by number. */
  readonly #batches = new Map<number, readonly string[]>();
  readonly #heard = new Map<InstanceId, Heard>();
  /** When the oldest of the news came up. */
  #newsAtMs = 0;
  /** Of the last batch; of a later start always higher. */
  #number: number;

  /** Nothing to tell yet. */
  constructor(context: CoreContext, board: NewsBoard) {
    this.#context = context;
    this.#board = board;
    this.#number = Math.max(0, Math.floor(context.now.unixMs / 1000)) * BATCHES_OF_START;
  }

  /** Number of the last batch that was told. */
  get number(): number {
    return this.#number;
  }

  /** There is news of a job. */
  add(jobId: string): void {
    if (this.#news.size === 0) this.#newsAtMs = this.#context.now.atMs;
    this.#news.add(jobId);
  }

  /** The job is forgotten. */
  forget(jobId: string): void {
    this.#news.delete(jobId);
  }

  /** Tells news when there is some and it is time. */
  run(): void {
    const { now } = this.#context;
    if (this.#news.size === 0 || now.atMs < this.#newsAtMs + JOB_NEWS_MS) return;
    this.#newsAtMs = now.atMs;
    this.#tell();
  }

  /** Tells all news now. */
  flush(): void {
    while (this.#news.size > 0) this.#tell();
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    return this.#news.size === 0 ? undefined : this.#newsAtMs + JOB_NEWS_MS;
  }

  /** A member's batch. */
  told(from: InstanceId, number: number, notices: readonly JobNotice[]): void {
    this.#board.heardFrom(from, notices);
    const heard = this.#heardOf(from, number);
    if (number === heard.upTo + 1) {
      heard.upTo = number;
      heard.asked = 0;
    } else this.#askFor(from, number);
  }

  /** A member's pulse tells the number of its last batch. */
  pulsed(from: InstanceId, number: number): void {
    this.#heardOf(from, number);
    this.#askFor(from, number);
  }

  /** A member has missed batches from this number on. */
  wanted(from: InstanceId, number: number): void {
    const { outbox } = this.#context;
    for (const [told, jobIds] of this.#batches)
      if (told >= number) outbox.send(from, { kind: 'job-news', number: told, notices: this.#noticesOf(jobIds) });
  }

  #tell(): void {
    const { outbox, init, self } = this.#context;
    const jobIds = [...this.#news].slice(0, JOB_NOTICES_MAX);
    for (const jobId of jobIds) this.#news.delete(jobId);
    const notices = this.#noticesOf(jobIds);
    const audience = wholeAudience(this.#context);
    // With nobody there it is kept for those who come.
    if (audience.length === 0 && this.#context.table.live().length > 1)
      return outbox.publish({ kind: 'jobs', sealed: seal(jobNewsSeal, { teller: self, notices }, [init.identity]) });
    this.#number += 1;
    this.#batches.set(this.#number, jobIds);
    this.#batches.delete(this.#number - BATCHES_KEPT);
    outbox.sendAll(audience, { kind: 'job-news', number: this.#number, notices });
  }

  #noticesOf(jobIds: readonly string[]): readonly JobNotice[] {
    return jobIds.flatMap((jobId) => this.#board.get(jobId) ?? []);
  }

  /** Of a member first heard of, or that has started anew, all that it still has is missing; what is asked for in vain is not. */
  #heardOf(from: InstanceId, number: number): Heard {
    const known = this.#heard.get(from);
    const isGivenUp = known !== undefined && known.asked > ASKED_MAX;
    if (known !== undefined && number - known.upTo <= BATCHES_KEPT && !isGivenUp) return known;
    const ofStart = number % BATCHES_OF_START;
    const upTo = isGivenUp ? number : number - Math.min(ofStart, BATCHES_KEPT);
    const heard = { upTo, asked: 0, askedAtMs: Number.NEGATIVE_INFINITY };
    this.#heard.set(from, heard);
    this.#forgetGone();
    return heard;
  }

  #askFor(from: InstanceId, number: number): void {
    const { now, outbox } = this.#context;
    const heard = this.#heardOf(from, number);
    if (number <= heard.upTo || now.atMs < heard.askedAtMs + JOB_NEWS_ASK_MS) return;
    heard.asked += 1;
    heard.askedAtMs = now.atMs;
    outbox.send(from, { kind: 'job-news-want', number: heard.upTo + 1 });
  }

  #forgetGone(): void {
    for (const id of this.#heard.keys()) {
      const member = this.#context.table.get(id);
      if (member === undefined || !isLive(member)) this.#heard.delete(id);
    }
  }
}
