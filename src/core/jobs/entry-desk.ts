import { equalBytes } from '../../base/bytes.ts';
import type { InstanceId } from '../../base/ids.ts';
import type { Grant } from '../../wire/grant.ts';
import type { Failure, JobNotice, JobRequest } from '../../wire/job.ts';
import { isFinal, jobRequestSeal } from '../../wire/job.ts';
import type { Direct } from '../../wire/mesh-message.ts';
import type { LoadSample } from '../../wire/pulse.ts';
import { type Opened, open } from '../../wire/sealed.ts';
import type { CoreContext } from '../core-context.ts';
import { failure, type Reply } from '../effect.ts';
import { rankWorkers, type Worker } from '../load/choose.ts';
import { costKib } from '../load/cost.ts';
import type { OwnLoad } from '../load/own-load.ts';
import { takeLoad } from '../membership/pulses.ts';
import type { RecordShelf } from '../records/record-shelf.ts';
import { FORWARD_RETRY_MS, JOB_DEADLINE_MS_MAX, LOAD_QUERY_MS } from '../timing.ts';
import { type AuthorityQuestion, beneficiary, judge, noteDenial } from './authority.ts';
import { sourceOf } from './conditions.ts';
import type { JobBoard } from './job-board.ts';
import { subjectOf } from './unattended.ts';

/** Dispatches remembered; ids are bounded by their deadlines, this bounds their rate. */
const DISPATCHES_MAX = 100_000;
/** Unanswered tries at one worker before its answer is called unknown: the client hears of it and asks anew. */
const FORWARD_TRIES_MAX = 4;
/** The same while the worker is known to live: it is busy then, and everybody else may be as well. The tries beyond are a second apart. */
const FORWARD_TRIES_ALIVE_MAX = 7;
const FORWARD_BUSY_RETRY_MS = 1000;
/** Pool size from which the best few are asked for their present load before the choice (DESIGN §5.5). */
const ASK_FROM_MEMBERS = 10;
/** How many of the best are asked. */
const ASKED_MAX = 3;

/** Who wants to know what becomes of a job: tickets of this instance's clients, and entries that passed the request on. */
export type Answerable = (reply: Reply) => void;

interface Dispatch {
  readonly request: JobRequest;
  readonly sealed: Uint8Array;
  readonly costKib: number;
  readonly submittedUnixMs: number;
  /** The client's address as it was seen; the worker judges by it too. */
  readonly source: string | null;
  readonly tried: Set<InstanceId>;
  readonly waiting: Answerable[];
  outcome: Reply | null;
  worker: InstanceId | null;
  sentAtMs: number;
  tries: number;
  lastFailure: Failure | null;
  /** The best few were asked for their load until then. */
  askingUntilMs: number | null;
  asked: InstanceId[];
}

/** What the desk is built with. */
export interface EntryDeskParts {
  readonly context: CoreContext;
  readonly board: JobBoard;
  readonly shelf: RecordShelf;
  readonly load: OwnLoad;
  readonly orderProblem: AuthorityQuestion['orderProblem'];
  /** Offers a job to this instance's own bench. */
  readonly offerOwn: (
    request: JobRequest,
    submitted: { readonly submittedUnixMs: number; readonly sealed: Uint8Array; readonly source: string | null },
  ) => void;
}

/**
 * The entry's side of jobs: each id that names this instance and this start of it is dispatched at most once. A worker that declines is
 * followed by the next best within the same dispatch; one that may have begun is never followed by another under the same id.
 */
export class EntryDesk {
  readonly #parts: EntryDeskParts;
  readonly #dispatches = new Map<string, Dispatch>();
  readonly #open = new Set<Dispatch>();
  readonly #loadNonces = new Map<number, InstanceId>();
  #nonce = 0;
  #prunedAtMs = 0;

  /** A desk without dispatches. */
  constructor(parts: EntryDeskParts) {
    this.#parts = parts;
  }

  /** Takes in a request that names this instance; `answer` is called exactly once. */
  submit(
    { opened, source }: { readonly opened: Opened<JobRequest>; readonly source: string | null },
    answer: Answerable,
  ): void {
    const { value: request, signers, payload, sealed } = opened;
    const { context, board } = this.#parts;
    const known = this.#dispatches.get(request.jobId);
    if (known !== undefined && equalBytes(open(jobRequestSeal, known.sealed, context.init.verify).payload, payload)) {
      if (known.outcome === null) known.waiting.push(answer);
      else answer(known.outcome);
      return;
    }
    const refusal =
      known === undefined
        ? this.#refusal(request, { signers, source })
        : failure('already-exists', `job id ${request.jobId} was used before`);
    if (refusal !== null) return answer({ kind: 'refused', failure: refusal });
    const submittedUnixMs = this.#poolUnixMs();
    const dispatch: Dispatch = {
      request,
      sealed,
      costKib: costKib(request),
      submittedUnixMs,
      source,
      tried: new Set(),
      waiting: [answer],
      outcome: null,
      worker: null,
      sentAtMs: context.now.atMs,
      tries: 0,
      lastFailure: null,
      askingUntilMs: null,
      asked: [],
    };
    this.#dispatches.set(request.jobId, dispatch);
    this.#open.add(dispatch);
    board.step(request.jobId, 'submitted', `${request.kind} on ${request.recordId}`);
    this.#place(dispatch);
  }

  /** A worker took the job. */
  accepted(from: InstanceId, jobId: string, load: LoadSample | null): void {
    this.#learn(from, load);
    const dispatch = this.#dispatches.get(jobId);
    if (dispatch === undefined || dispatch.worker !== from) return;
    if (dispatch.outcome !== null) {
      // The client was told that the outcome is unknown and will not come: free the worker.
      if (dispatch.outcome.kind === 'refused')
        this.#parts.context.outbox.send(from, { kind: 'job-cancel', jobId, reason: 'the client gave up' });
      return;
    }
    this.#parts.board.step(jobId, 'forwarded', `accepted by ${from}`);
    this.#settle(dispatch, { kind: 'accepted', notice: this.#notice(dispatch, 'accepted'), worker: from });
  }

  /** A worker declined: the next best is asked. */
  declined(from: InstanceId, jobId: string, why: Failure, load: LoadSample | null): void {
    this.#learn(from, load);
    const dispatch = this.#dispatches.get(jobId);
    if (dispatch === undefined || dispatch.worker !== from || dispatch.outcome !== null) return;
    this.#parts.board.step(jobId, 'declined', `by ${from}: ${why.message}`);
    dispatch.lastFailure = why;
    dispatch.worker = null;
    dispatch.tried.add(from);
    if (why.code === 'not-allowed' || why.code === 'deadline-passed') return this.#fail(dispatch, why);
    this.#place(dispatch);
  }

  /** A member told its present load. */
  loadAnswered(from: InstanceId, nonce: number, load: LoadSample): void {
    if (this.#loadNonces.get(nonce) !== from) return;
    this.#loadNonces.delete(nonce);
    this.#learn(from, load);
    for (const dispatch of this.#open) {
      if (dispatch.askingUntilMs === null) continue;
      dispatch.asked = dispatch.asked.filter((id) => id !== from);
      if (dispatch.asked.length === 0) this.#choose(dispatch);
    }
  }

  /** The link to a worker closed or the worker died: its open answers will not come. */
  workerGone(peer: InstanceId): void {
    for (const dispatch of [...this.#open]) if (dispatch.worker === peer) this.#giveUp(dispatch);
  }

  /** Sends again what was not answered, and forgets what nobody can ask for again. */
  run(): void {
    const { now } = this.#parts.context;
    for (const dispatch of [...this.#open]) {
      if (dispatch.askingUntilMs !== null) {
        if (dispatch.askingUntilMs <= now.atMs) this.#choose(dispatch);
      } else if (
        dispatch.worker !== null &&
        dispatch.worker !== this.#parts.context.self &&
        now.atMs - dispatch.sentAtMs >= forwardRetryMs(dispatch)
      ) {
        const isAlive = this.#parts.context.table.get(dispatch.worker)?.opinion === 'alive';
        if (dispatch.tries >= (isAlive ? FORWARD_TRIES_ALIVE_MAX : FORWARD_TRIES_MAX)) this.#giveUp(dispatch);
        else this.#forward(dispatch, dispatch.worker);
      }
    }
    if (now.atMs - this.#prunedAtMs < 1000) return;
    this.#prunedAtMs = now.atMs;
    if (this.#loadNonces.size > 1000) this.#loadNonces.clear();
    for (const [jobId, { request, outcome }] of this.#dispatches) {
      if (outcome !== null && request.deadlineUnixMs < this.#poolUnixMs()) this.#dispatches.delete(jobId);
    }
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    let due = this.#dispatches.size > 0 ? this.#prunedAtMs + 1000 : undefined;
    for (const dispatch of this.#open) {
      const at = dispatch.askingUntilMs ?? dispatch.sentAtMs + forwardRetryMs(dispatch);
      due = due === undefined ? at : Math.min(due, at);
    }
    return due;
  }

  #refusal(
    request: JobRequest,
    { signers, source }: { readonly signers: readonly string[]; readonly source: string | null },
  ): Failure | null {
    const { context, shelf } = this.#parts;
    const { init, own } = context;
    const { jobId } = request;
    if (!signers.includes(request.caller)) return failure('not-allowed', `job ${jobId} is not signed by its caller`);
    if (request.gatewayUid !== init.gateway.uid)
      return failure('not-allowed', `job ${jobId} is for gateway ${request.gatewayUid}`);
    if (request.entryStartId !== init.startId)
      return failure(
        'outcome-unknown',
        `the entry has restarted since job ${jobId} was made; ask job-info, then submit under a new id`,
      );
    if (own.record.state === 'candidate' || own.record.state === 'left')
      return failure('declined', `${own.record.name} is ${own.record.state} and takes no requests`);
    const poolUnixMs = this.#poolUnixMs();
    if (request.deadlineUnixMs <= poolUnixMs) return failure('deadline-passed', `job ${jobId} came after its deadline`);
    if (request.deadlineUnixMs > poolUnixMs + JOB_DEADLINE_MS_MAX)
      return failure('bad-message', `the deadline of job ${jobId} is more than ${JOB_DEADLINE_MS_MAX / 1000} s ahead`);
    const record = subjectOf(request, shelf);
    if (record === undefined) return failure('not-found', `no record ${request.recordId} in this pool`);
    if (this.#dispatches.size >= DISPATCHES_MAX)
      return failure('declined', `${DISPATCHES_MAX} jobs are remembered here, the most an entry can`);
    const revocation = (grant: Grant): string | null => context.policies.revocation(grant);
    const { orderProblem } = this.#parts;
    const question = {
      gateway: init.gateway,
      verify: init.verify,
      request,
      record,
      poolUnixMs,
      revocation,
      orderProblem,
    };
    // Whoever passed the request on without telling the client's address makes a grant that needs one worthless.
    const verdict = judge({ ...question, source: sourceOf(source ?? '') });
    if (verdict.kind === 'allowed') return null;
    noteDenial(context.outbox, { request, record }, verdict);
    return verdict.failure;
  }

  #place(dispatch: Dispatch): void {
    const { context } = this.#parts;
    const ranked = this.#ranked(dispatch);
    if (ranked.length === 0) return this.#noWorker(dispatch);
    if (context.table.live().length < ASK_FROM_MEMBERS || dispatch.askingUntilMs !== null)
      return this.#sendTo(dispatch, ranked[0]);
    dispatch.askingUntilMs = context.now.atMs + LOAD_QUERY_MS;
    dispatch.asked = ranked
      .slice(0, ASKED_MAX)
      .flatMap(({ instanceId }) => (instanceId === context.self ? [] : [instanceId]));
    if (dispatch.asked.length === 0) return this.#choose(dispatch);
    for (const peer of dispatch.asked) {
      this.#nonce = (this.#nonce % 0xffff_fffe) + 1;
      this.#loadNonces.set(this.#nonce, peer);
      context.outbox.send(peer, { kind: 'load-query', nonce: this.#nonce });
    }
  }

  #choose(dispatch: Dispatch): void {
    const ranked = this.#ranked(dispatch);
    dispatch.askingUntilMs = null;
    if (ranked.length === 0) this.#noWorker(dispatch);
    else this.#sendTo(dispatch, ranked[0]);
  }

  #ranked(dispatch: Dispatch): readonly Worker[] {
    const { context, load } = this.#parts;
    const pending = this.#pendingKib();
    const workers: Worker[] = [];
    for (const { record, opinion, load: sample, linked } of context.table.live()) {
      const isSelf = record.instanceId === context.self;
      const known = isSelf ? load.sample() : sample;
      const reachable = isSelf || (linked && opinion === 'alive');
      if (record.state !== 'admitted' || !reachable || known === null || dispatch.tried.has(record.instanceId))
        continue;
      if (!record.capabilities.includes(dispatch.request.kind)) continue;
      workers.push({ instanceId: record.instanceId, load: known, pendingKib: pending.get(record.instanceId) ?? 0 });
    }
    return rankWorkers(workers, dispatch.costKib, context.init.random);
  }

  /** Memory of jobs sent and not answered yet: the answer's load sample contains them. */
  #pendingKib(): ReadonlyMap<InstanceId, number> {
    const pending = new Map<InstanceId, number>();
    for (const { worker, costKib: cost } of this.#open) {
      if (worker !== null && worker !== this.#parts.context.self)
        pending.set(worker, (pending.get(worker) ?? 0) + cost);
    }
    return pending;
  }

  #sendTo(dispatch: Dispatch, worker: Worker | undefined): void {
    if (worker === undefined) return this.#noWorker(dispatch);
    const { context, board, offerOwn } = this.#parts;
    dispatch.worker = worker.instanceId;
    dispatch.tries = 0;
    board.step(
      dispatch.request.jobId,
      'placed',
      worker.instanceId === context.self ? 'on this instance' : `on ${worker.instanceId}`,
    );
    if (worker.instanceId === context.self) offerOwn(dispatch.request, dispatch);
    else this.#forward(dispatch, worker.instanceId);
  }

  #forward(dispatch: Dispatch, worker: InstanceId): void {
    const { context } = this.#parts;
    const workerStartId = context.table.get(worker)?.record.startId;
    if (workerStartId === undefined) return this.#giveUp(dispatch);
    dispatch.tries += 1;
    dispatch.sentAtMs = context.now.atMs;
    const message: Direct = {
      kind: 'forward',
      request: dispatch.sealed,
      workerStartId,
      submittedUnixMs: dispatch.submittedUnixMs,
      source: dispatch.source,
    };
    context.outbox.send(worker, message);
  }

  #giveUp(dispatch: Dispatch): void {
    const why = failure(
      'outcome-unknown',
      `instance ${dispatch.worker} does not answer; whether it took job ${dispatch.request.jobId} is unknown`,
    );
    this.#parts.board.step(dispatch.request.jobId, 'unanswered', why.message);
    const notice = { ...this.#notice(dispatch, 'lost'), endedUnixMs: this.#poolUnixMs(), error: why };
    const known = this.#parts.board.get(dispatch.request.jobId);
    if (known === undefined || !isFinal(known.state)) this.#parts.board.tell(notice);
    this.#settle(dispatch, { kind: 'refused', failure: why });
  }

  #noWorker(dispatch: Dispatch): void {
    const because = dispatch.lastFailure === null ? '' : `; the last one asked said: ${dispatch.lastFailure.message}`;
    const message = `no serving instance can take the job (${dispatch.request.kind}, ${dispatch.costKib} KiB, ${dispatch.tried.size} asked)${because}`;
    this.#fail(dispatch, failure('no-worker', message));
  }

  #fail(dispatch: Dispatch, why: Failure): void {
    this.#parts.board.step(dispatch.request.jobId, 'failed', why.message);
    this.#parts.board.tell({
      ...this.#notice(dispatch, 'failed'),
      worker: null,
      endedUnixMs: this.#poolUnixMs(),
      error: why,
    });
    this.#settle(dispatch, { kind: 'refused', failure: why });
  }

  #settle(dispatch: Dispatch, outcome: Reply): void {
    dispatch.outcome = outcome;
    this.#open.delete(dispatch);
    for (const answer of dispatch.waiting.splice(0)) answer(outcome);
  }

  #learn(from: InstanceId, load: LoadSample | null): void {
    const member = this.#parts.context.table.get(from);
    if (member !== undefined && load !== null) takeLoad(member, load);
  }

  #notice({ request, worker, submittedUnixMs }: Dispatch, state: JobNotice['state']): JobNotice {
    const { jobId, kind, recordId, parent, entry } = request;
    const caller = beneficiary(request, this.#parts.context.init.verify);
    const ends = { startedUnixMs: null, endedUnixMs: null, error: null, bytesIn: 0, bytesOut: 0, progress: null };
    return { jobId, kind, recordId, parent, caller, state, entry, worker, submittedUnixMs, ...ends };
  }

  #poolUnixMs(): number {
    return this.#parts.context.clock.poolUnixMs(this.#parts.context.now.unixMs);
  }
}

function forwardRetryMs({ tries }: Dispatch): number {
  return tries < FORWARD_TRIES_MAX ? FORWARD_RETRY_MS : FORWARD_BUSY_RETRY_MS;
}
