import type { InstanceId } from '../../base/ids.ts';
import type { Direct } from '../../wire/mesh-message.ts';
import type { CoreContext } from '../core-context.ts';
import { earliest } from '../earliest.ts';
import { failure } from '../effect.ts';
import type { Event, OutputPage, Ticket } from '../input.ts';
import { isLive } from '../membership/member-table.ts';
import { OUTPUT_QUERY_MS } from '../timing.ts';
import type { JobBoard } from './job-board.ts';

/** Pages that are being read or waited for at once; beyond it new questions are refused. */
const OUTPUTS_OPEN_MAX = 256;

type Asker = { readonly ticket: Ticket } | { readonly peer: InstanceId; readonly nonce: number };

interface Waiting {
  readonly ticket: Ticket;
  readonly jobId: string;
  readonly worker: InstanceId;
  readonly untilMs: number;
}

/** The outputs of jobs: each is kept by its worker alone, and told from there through whichever instance is asked. */
export class Outputs {
  readonly #context: CoreContext;
  readonly #board: JobBoard;
  readonly #loading = new Map<number, Asker>();
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;

  /** Looks up on the board who the worker is. */
  constructor(context: CoreContext, board: JobBoard) {
    this.#context = context;
    this.#board = board;
  }

  /** A client asks. */
  ask({ jobId, offset, ticket }: Extract<Event, { kind: 'query-output' }>): void {
    const { outbox, self, table, now } = this.#context;
    const worker = this.#board.get(jobId)?.worker ?? null;
    if (worker === null) return this.#refuse(ticket, 'not-found', `no instance keeps an output of job ${jobId}`);
    if (this.#loading.size + this.#waiting.size >= OUTPUTS_OPEN_MAX)
      return this.#refuse(ticket, 'declined', `${OUTPUTS_OPEN_MAX} outputs are being read, the most at once`);
    if (worker === self) return this.#load({ ticket }, jobId, offset);
    const member = table.get(worker);
    if (member === undefined || !isLive(member)) return this.#refuse(ticket, 'unreachable', keptBy(jobId, worker));
    const nonce = this.#next();
    this.#waiting.set(nonce, { ticket, jobId, worker, untilMs: now.atMs + OUTPUT_QUERY_MS });
    outbox.send(worker, { kind: 'output-query', nonce, jobId, offset });
  }

  /** A member asks; beyond the bound it is told nothing and waits in vain. */
  asked(peer: InstanceId, { nonce, jobId, offset }: Extract<Direct, { kind: 'output-query' }>): void {
    if (this.#loading.size < OUTPUTS_OPEN_MAX) this.#load({ peer, nonce }, jobId, offset);
  }

  /** The disk has answered. */
  loaded({ number, page }: Extract<Event, { kind: 'output-loaded' }>): void {
    const asker = this.#loading.get(number);
    this.#loading.delete(number);
    if (asker === undefined) return;
    if ('ticket' in asker) return this.#reply(asker.ticket, page);
    const { peer, nonce } = asker;
    const [totalBytes, bytes] = [page?.totalBytes ?? 0, page?.bytes ?? null];
    this.#context.outbox.send(peer, { kind: 'output-answer', nonce, totalBytes, page: bytes });
  }

  /** A worker has answered. */
  answered(from: InstanceId, { nonce, totalBytes, page }: Extract<Direct, { kind: 'output-answer' }>): void {
    const waiting = this.#waiting.get(nonce);
    if (waiting === undefined || waiting.worker !== from) return;
    this.#waiting.delete(nonce);
    this.#reply(waiting.ticket, page === null ? null : { totalBytes, bytes: page });
  }

  /** Gives up what has waited too long. */
  run(): void {
    for (const [nonce, { ticket, jobId, worker, untilMs }] of this.#waiting) {
      if (untilMs > this.#context.now.atMs) continue;
      this.#waiting.delete(nonce);
      this.#refuse(ticket, 'unreachable', keptBy(jobId, worker));
    }
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    let due: number | undefined;
    for (const { untilMs } of this.#waiting.values()) due = earliest(due, untilMs);
    return due;
  }

  #load(asker: Asker, jobId: string, offset: number): void {
    const number = this.#next();
    this.#loading.set(number, asker);
    this.#context.outbox.push({ kind: 'load-output', number, jobId, offset });
  }

  #reply(ticket: Ticket, page: OutputPage | null): void {
    if (page === null) return this.#refuse(ticket, 'not-found', 'the job has no output, or it is not kept any more');
    this.#context.outbox.reply(ticket, { kind: 'output', totalBytes: page.totalBytes, page: page.bytes });
  }

  #refuse(ticket: Ticket, code: 'not-found' | 'unreachable' | 'declined', message: string): void {
    this.#context.outbox.reply(ticket, { kind: 'refused', failure: failure(code, message) });
  }

  #next(): number {
    this.#number = (this.#number % 0xffff_fffe) + 1;
    return this.#number;
  }
}

function keptBy(jobId: string, worker: InstanceId): string {
  return `the output of job ${jobId} is kept by instance ${worker}, which does not answer`;
}
