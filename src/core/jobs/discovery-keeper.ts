import type { InstanceId } from '../../base/ids.ts';
import { POLICY_BYTES_MAX } from '../../wire/bounds.ts';
import { type DiscoveryJob, type Onward, onwardJob } from '../../wire/discovery-onward.ts';
import { isScopeId, readScope, scopeId, scopeOfPart } from '../../wire/discovery-scope.ts';
import { isFinal, type JobNotice, type JobRequest, jobRequestSeal } from '../../wire/job.ts';
import type { Direct } from '../../wire/mesh-message.ts';
import { open } from '../../wire/sealed.ts';
import type { CoreContext } from '../core-context.ts';
import { isLive } from '../membership/member-table.ts';
import { ownerOf } from '../schedules/owner.ts';
import { JOB_KEEP_LOOK_MS, JOB_KEEP_MS } from '../timing.ts';
import { runIdOf } from './discovery-order.ts';
import type { JobBoard } from './job-board.ts';

/** Jobs of others that an instance keeps; beyond it no further ones are kept. */
const KEPT_MAX = 1000;
/** A worker that is alive tells of its job again before that. */
const KEPT_MS = 12 * JOB_KEEP_MS;
/** How long one that is no longer the keeper waits for the one that is. */
const OTHER_KEEPER_MS = 5000;

/** A job and the signed request that began its discovery. */
export interface CarriedJob extends DiscoveryJob {
  readonly origin: Uint8Array;
}

interface Own {
  readonly job: CarriedJob;
  /** Who keeps it, and when it was told last. */
  keeper: InstanceId | undefined;
  toldAtMs: number;
}

interface Kept {
  readonly job: CarriedJob;
  readonly worker: InstanceId;
  heardAtMs: number;
  /** Since when it does not go on where it should. */
  endedAtMs: number | undefined;
}

/** What the keeper is built with. */
export interface DiscoveryKeeperParts {
  readonly context: CoreContext;
  readonly board: JobBoard;
  /** Has a job done that this instance asks for. */
  readonly order: (job: CarriedJob) => void;
}

/**
 * Discoveries of ranges go on without whoever asked for them. The worker that has done a part asks for the next one; while it works, another instance keeps the
 * signed request, and asks for the same part again should the worker be lost. Two that ask for the same by different views look twice at the same addresses,
 * which changes nothing.
 */
export class DiscoveryKeeper {
  readonly #parts: DiscoveryKeeperParts;
  readonly #own = new Map<string, Own>();
  readonly #kept = new Map<string, Kept>();
  #lookAtMs = 0;

  /** Knows nothing yet. */
  constructor(parts: DiscoveryKeeperParts) {
    this.#parts = parts;
  }

  /** A job of this worker has changed. `origin`: the signed request that began it. */
  changed(notice: JobNotice, request: JobRequest | null, origin: Uint8Array | null): void {
    if (notice.kind !== 'discovery' || request === null || origin === null || !isScopeId(notice.recordId)) return;
    // What a request can't carry along goes no further than its client.
    if (origin.length > POLICY_BYTES_MAX) return;
    const { jobId, recordId, parent, parameters } = request;
    const job = { jobId, recordId, parent, parameters, origin };
    if (!isFinal(notice.state)) {
      if (!this.#own.has(jobId)) this.#own.set(jobId, { job, keeper: undefined, toldAtMs: 0 });
      return this.#tell();
    }
    this.#own.delete(jobId);
    if (notice.state === 'succeeded') this.#goOn(job, 'next');
  }

  /** A worker has its job kept here. */
  keep(from: InstanceId, { jobId, parameters, origin }: Extract<Direct, { kind: 'job-keep' }>): void {
    const { context } = this.#parts;
    const known = this.#kept.get(jobId);
    if (known !== undefined && known.worker === from) {
      known.heardAtMs = context.now.atMs;
      return;
    }
    if (known !== undefined || this.#kept.size >= KEPT_MAX) return;
    const { value } = open(jobRequestSeal, origin, context.init.verify);
    const parent = jobId === value.jobId ? value.parent : runIdOf(value);
    const recordId = scopeId(scopeOfPart(readScope(parameters)));
    const job = { jobId, recordId, parent, parameters, origin };
    this.#kept.set(jobId, { job, worker: from, heardAtMs: context.now.atMs, endedAtMs: undefined });
  }

  /** Tells of own jobs, and looks what has become of those kept for others. */
  run(): void {
    const { now } = this.#parts.context;
    if (now.atMs < this.#lookAtMs) return;
    this.#lookAtMs = now.atMs + JOB_KEEP_LOOK_MS;
    this.#tell();
    for (const kept of this.#kept.values()) if (this.#isSettled(kept)) this.#kept.delete(kept.job.jobId);
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    return this.#own.size + this.#kept.size === 0 ? undefined : this.#lookAtMs;
  }

  #tell(): void {
    const { now, self, outbox } = this.#parts.context;
    for (const own of this.#own.values()) {
      const { jobId, parameters, origin } = own.job;
      const keeper = this.#keeperOf(jobId, self);
      if (keeper === undefined || (keeper === own.keeper && now.atMs - own.toldAtMs < JOB_KEEP_MS)) continue;
      own.keeper = keeper;
      own.toldAtMs = now.atMs;
      outbox.send(keeper, { kind: 'job-keep', jobId, parameters, origin });
    }
  }

  /** Who keeps the job of this worker. */
  #keeperOf(jobId: string, worker: InstanceId): InstanceId | undefined {
    const { table } = this.#parts.context;
    return ownerOf(jobId, { live: () => table.live().filter(({ record }) => record.instanceId !== worker) });
  }

  /** True once nothing more is to be done about it here. */
  #isSettled(kept: Kept): boolean {
    const { board, context } = this.#parts;
    const { job, worker, heardAtMs } = kept;
    const state = board.get(job.jobId)?.state;
    const member = context.table.get(worker);
    const isGone = member === undefined || !isLive(member);
    if (state === 'failed' || state === 'cancelled') return true;
    const how = state === 'succeeded' ? 'next' : 'again';
    const onward = onwardJob(context.init.gateway.uid, job, how);
    if (onward === null && (state === 'succeeded' || state === 'lost')) return true;
    if (onward !== null && board.get(onward.jobId) !== undefined) return true;
    if (state !== 'lost' && !isGone) return context.now.atMs - heardAtMs > KEPT_MS;
    kept.endedAtMs ??= context.now.atMs;
    const isKeeper = this.#keeperOf(job.jobId, worker) === context.self;
    if (!isKeeper && context.now.atMs - kept.endedAtMs < OTHER_KEEPER_MS) return false;
    this.#goOn(job, how);
    return true;
  }

  #goOn(job: CarriedJob, how: Onward): void {
    const { context, order } = this.#parts;
    const onward = onwardJob(context.init.gateway.uid, job, how);
    if (onward === null) return;
    context.outbox.note('info', 'discovery-goes-on', { jobId: onward.jobId, after: job.jobId, how });
    order({ ...onward, origin: job.origin });
  }
}
