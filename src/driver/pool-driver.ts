import { performance } from 'node:perf_hooks';
import { type ExitCode, GatewayError } from '../base/errors.ts';
import type { InstanceId } from '../base/ids.ts';
import type {
  CredentialsView,
  Effect,
  Event,
  JobsView,
  Note,
  OutputPage,
  PoolMachine,
  PoolView,
  RecordsView,
  Reply,
  SchedulesView,
  Stored,
} from '../core/index.ts';
import type { PoolPort, SessionAnswer, SessionEnd, SessionOpening, Submitted } from '../pool-port.ts';
import type { Grant } from '../wire/grant.ts';
import { TICKETS_MAX } from './bounds.ts';

/** What the driver joins. */
export interface DriverInit {
  readonly instanceId: InstanceId;
  readonly startId: string;
  readonly gateway: Pick<PoolPort['gateway'], 'uid' | 'name'>;
  readonly machine: PoolMachine;
  /** Carries a direct message; false if there is no link. */
  send(to: InstanceId, bytes: Uint8Array): boolean;
  publish(bytes: Uint8Array): void;
  disconnect(peer: InstanceId): void;
  /** Why this must not be written now, or null. What depends on it then does not happen. */
  refuse(what: Stored): string | null;
  /** Makes a batch durable; throws if it cannot. */
  write(batch: readonly Stored[]): void;
  /** Carries out a job that needs no client; ends with `jobEnded`. */
  onBegin(begin: Extract<Effect, { readonly kind: 'begin' }>, cancelled: AbortSignal): void;
  /** Reads a page of a job's output from disk. */
  readOutput(jobId: string, offset: number): OutputPage | undefined;
  onNote(note: Note): void;
  onExit(code: ExitCode, lines: readonly string[]): void;
  onUnlinked(peer: InstanceId): void;
}

interface Waiting {
  readonly resolve: (answer: Reply | SessionAnswer) => void;
  readonly done: () => void;
}

/** Whole milliseconds of the monotonic clock. */
export function monotonicMs(): number {
  return Math.floor(performance.now());
}

/**
 * The one loop of an instance: events queue, one at a time steps the machine, effects are carried out in order. Writes of all steps that one turn of
 * the event loop brings go to disk together.
 */
export class PoolDriver implements PoolPort {
  readonly instanceId: string;
  readonly startId: string;
  readonly #init: DriverInit;
  readonly #queue: Event[] = [];
  readonly #waiting = new Map<number, Waiting>();
  readonly #running = new Map<string, AbortController>();
  #writes: { readonly write: number; readonly what: Stored }[] = [];
  #stepping = false;
  #flushing = false;
  #stopped = false;
  #ticket = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  /** A driver whose machine has not started yet. */
  constructor(init: DriverInit) {
    this.#init = init;
    this.instanceId = init.instanceId;
    this.startId = init.startId;
  }

  /** Hands an event to the machine. */
  feed(event: Event): void {
    if (this.#stopped) return;
    this.#queue.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#step(next);
    } finally {
      this.#stepping = false;
    }
    this.#setTimer();
  }

  /** Writes what is left; nothing is stepped any more. Sessions under way are cancelled, open requests answered. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const controller of this.#running.values())
      controller.abort(new GatewayError('cancelled', 'the instance is stopping'));
    const stopping: Reply = { kind: 'refused', failure: { code: 'unreachable', message: 'the instance is stopping' } };
    for (const { resolve, done } of [...this.#waiting.values()]) {
      done();
      resolve(stopping);
    }
    this.#flush();
  }

  /** See PoolPort. */
  get gateway(): PoolPort['gateway'] {
    return { ...this.#init.gateway, ...this.#init.machine.policy.authority };
  }

  /** The pool's clock, in milliseconds. */
  unixMs(): number {
    return this.#init.machine.poolUnixMs(Date.now());
  }

  /** What this instance believes at this moment. */
  view(): PoolView {
    return this.#init.machine.view({ atMs: monotonicMs() });
  }

  /** Jobs this instance knows of. */
  get jobs(): JobsView {
    return this.#init.machine.jobs;
  }

  /** Credentials this instance holds, sealed. */
  get credentials(): CredentialsView {
    return this.#init.machine.credentials;
  }

  /** Due times, as this instance sees them. */
  get schedules(): SchedulesView {
    return this.#init.machine.schedules;
  }

  /** Records this instance holds. */
  get records(): RecordsView {
    return this.#init.machine.records;
  }

  /** See PoolPort. */
  submit({ request, source }: Submitted, signal: AbortSignal): Promise<Reply> {
    return this.#ask((ticket) => ({ kind: 'submit', request, source, ticket }), signal);
  }

  /** See PoolPort. */
  async openSession(opening: SessionOpening, signal: AbortSignal): Promise<SessionAnswer> {
    const answer = await this.#request((ticket) => ({ kind: 'open-session', ...opening, ticket }), signal);
    if (answer.kind === 'run' || answer.kind === 'refused') return answer;
    throw new GatewayError('bad-message', `unexpected answer ${answer.kind} to a session`);
  }

  /** See PoolPort. */
  jobProgress(jobId: string, bytesIn: number, bytesOut: number): void {
    this.feed({ kind: 'job-progress', jobId, bytesIn, bytesOut });
  }

  /** See PoolPort. */
  jobReport(jobId: string, message: string, donePerMille: number): void {
    this.feed({ kind: 'job-report', jobId, message, donePerMille });
  }

  /** See PoolPort. */
  jobEnded(end: SessionEnd): void {
    this.#running.delete(end.jobId);
    this.feed({ kind: 'job-ended', ...end });
  }

  /** See PoolPort. */
  queryJob(jobId: string, wantTrace: boolean, signal: AbortSignal): Promise<Reply> {
    return this.#ask((ticket) => ({ kind: 'query-job', jobId, wantTrace, ticket }), signal);
  }

  /** See PoolPort. */
  queryOutput(jobId: string, offset: number, signal: AbortSignal): Promise<Reply> {
    return this.#ask((ticket) => ({ kind: 'query-output', jobId, offset, ticket }), signal);
  }

  /** See PoolPort. */
  cancelJob(jobId: string, caller: string, reason: string, signal: AbortSignal): Promise<Reply> {
    return this.#ask((ticket) => ({ kind: 'cancel-job', jobId, caller, reason, ticket }), signal);
  }

  /** See PoolPort. */
  offerLimit(sealed: Uint8Array, signal: AbortSignal): Promise<Reply> {
    return this.#ask((ticket) => ({ kind: 'offer-limit', sealed, ticket }), signal);
  }

  /** See PoolPort. */
  offerPolicy(sealed: Uint8Array, signal: AbortSignal): Promise<Reply> {
    return this.#ask((ticket) => ({ kind: 'offer-policy', sealed, ticket }), signal);
  }

  /** See PoolPort. */
  get policies(): readonly Uint8Array[] {
    return this.#init.machine.policy.chain;
  }

  /** See PoolPort. */
  grantProblem(grant: Grant): string | null {
    return this.#init.machine.policy.grantProblem(grant, this.unixMs());
  }

  /** See PoolPort. */
  offerRecord(sealed: Uint8Array, signal: AbortSignal): Promise<Reply> {
    return this.#ask((ticket) => ({ kind: 'offer-record', sealed, ticket }), signal);
  }

  /** See PoolPort. */
  offerEdition(sealed: Uint8Array, signal: AbortSignal): Promise<Reply> {
    return this.#ask((ticket) => ({ kind: 'offer-edition', sealed, ticket }), signal);
  }

  /** See PoolPort. */
  drainMember(command: Uint8Array, signal: AbortSignal): Promise<Reply> {
    return this.#ask((ticket) => ({ kind: 'drain-member', command, ticket }), signal);
  }

  async #ask(event: (ticket: number) => Event, signal: AbortSignal): Promise<Reply> {
    const answer = await this.#request(event, signal);
    if (answer.kind === 'run') throw new GatewayError('bad-message', 'unexpected answer run to a request');
    return answer;
  }

  #request(event: (ticket: number) => Event, signal: AbortSignal): Promise<Reply | SessionAnswer> {
    signal.throwIfAborted();
    const busy = this.#stopped ? 'the instance is stopping' : `${TICKETS_MAX} requests are open, the most at once`;
    if (this.#stopped || this.#waiting.size >= TICKETS_MAX) {
      return Promise.resolve({ kind: 'refused', failure: { code: 'declined', message: busy } });
    }
    const ticket = ++this.#ticket;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(ticket);
        reject(signal.reason instanceof Error ? signal.reason : new GatewayError('cancelled', 'given up'));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(ticket, { resolve, done: () => signal.removeEventListener('abort', onAbort) });
      this.feed(event(ticket));
    });
  }

  #step(event: Event): void {
    const effects = this.#init.machine.step({ ...event, atMs: monotonicMs(), unixMs: Date.now() });
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        if (!this.#init.send(effect.to, effect.bytes)) this.#init.onUnlinked(effect.to);
        return;
      case 'publish':
        return this.#init.publish(effect.bytes);
      case 'disconnect':
        return this.#init.disconnect(effect.peer);
      case 'store':
        this.#writes.push({ write: effect.write, what: effect.what });
        this.#flushSoon();
        return;
      case 'reply':
        return this.#answer(effect.ticket, effect.reply);
      case 'run': {
        const controller = new AbortController();
        this.#running.set(effect.request.jobId, controller);
        const { request, record, grant } = effect;
        return this.#answer(effect.ticket, { kind: 'run', request, record, grant, cancelled: controller.signal });
      }
      case 'begin': {
        const controller = new AbortController();
        this.#running.set(effect.notice.jobId, controller);
        return this.#init.onBegin(effect, controller.signal);
      }
      case 'load-output':
        return this.#loadOutput(effect.number, effect.jobId, effect.offset);
      case 'cancel':
        this.#running.get(effect.jobId)?.abort(new GatewayError('cancelled', effect.reason));
        return;
      case 'note':
        return this.#init.onNote(effect.note);
      case 'exit':
        return this.#init.onExit(effect.code, effect.lines);
    }
  }

  #loadOutput(number: number, jobId: string, offset: number): void {
    this.feed({ kind: 'output-loaded', number, page: this.#init.readOutput(jobId, offset) ?? null });
  }

  #answer(ticket: number, answer: Reply | SessionAnswer): void {
    const waiting = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    if (waiting !== undefined) {
      waiting.done();
      waiting.resolve(answer);
      return;
    }
    // Whoever opened the session has gone meanwhile: it ends before it began.
    if (answer.kind !== 'run') return;
    const error = { code: 'cancelled', message: 'the client went away before the session began' } as const;
    this.jobEnded({ jobId: answer.request.jobId, state: 'cancelled', error, bytesIn: 0, bytesOut: 0 });
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    const asked = this.#writes.map((each) => ({ ...each, refusal: this.#init.refuse(each.what) }));
    this.#writes = [];
    for (const { write, refusal } of asked)
      if (refusal !== null) this.feed({ kind: 'store-failed', write, reason: refusal });
    const batch = asked.filter(({ refusal }) => refusal === null);
    if (batch.length === 0) return;
    try {
      this.#init.write(batch.map(({ what }) => what));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      for (const { write } of batch) this.feed({ kind: 'store-failed', write, reason });
      return;
    }
    for (const { write } of batch) this.feed({ kind: 'stored', write });
  }

  #setTimer(): void {
    const dueAtMs = this.#init.machine.nextWakeupAtMs() ?? Number.POSITIVE_INFINITY;
    if (dueAtMs === this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = dueAtMs;
    if (dueAtMs === Number.POSITIVE_INFINITY || this.#stopped) return;
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.feed({ kind: 'wakeup' });
      },
      Math.max(0, dueAtMs - performance.now()),
    );
  }
}
