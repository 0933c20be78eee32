import type { Event, Reply } from '../../src/core/index.ts';
import { type JobRequest, type JobState, jobRequestSeal } from '../../src/wire/job.ts';
import { seal } from '../../src/wire/sealed.ts';
import { GATEWAY_UID, RECORD_ID } from './operator.ts';
import type { Act } from './plan.ts';
import type { Random } from './random.ts';
import type { SimProcess } from './sim-process.ts';
import type { Answer, World } from './world.ts';

/** Everything that is known, from outside, of one job. */
export interface JobFate {
  readonly jobId: string;
  readonly request: JobRequest;
  readonly durationMs: number;
  /** Where it was carried out: more than one is a violation. */
  readonly runs: { readonly process: SimProcess; readonly atMs: number; ended: JobState | null }[];
  readonly replies: Reply[];
  worker: string | null;
  acceptedAtMs: number | null;
}

/** Jobs that a plan asks for. */
export type JobsAct = Extract<Act, { kind: 'jobs' }>;

const DEADLINE_MS = 30_000;
const RETRY_MS = 2000;
const RETRIES_MAX = 4;
const OPEN_MS = 15;

/** The clients: they ask for jobs, open their sessions and retry like an impatient program. */
export class Clients {
  readonly jobs = new Map<string, JobFate>();
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Asks for the jobs of one act. */
  begin(act: JobsAct): void {
    const fates: JobFate[] = [];
    for (const checker of this.#world.checkers) checker.burst?.(fates, act);
    for (let index = 0; index < act.count; index++) {
      this.#world.after(index * act.spacingMs, () => this.#ask(act, fates));
    }
  }

  /** Sessions under way. */
  running(): number {
    let running = 0;
    for (const { runs } of this.jobs.values())
      for (const run of runs) if (run.ended === null && run.process.running) running += 1;
    return running;
  }

  /** The worker was told to end the job. */
  cancelled(process: SimProcess, jobId: string): void {
    this.#world.after(5, () => this.#end(process, jobId, 'cancelled'));
  }

  /** A process is gone, and its sessions with it. */
  workerEnded(process: SimProcess): void {
    for (const { runs } of this.jobs.values()) {
      if (runs.some((run) => run.process === process && run.ended === null))
        this.#world.faults.count('worker-died-with-job');
    }
  }

  #ask(act: JobsAct, burst: JobFate[]): void {
    const entry = this.#world.host(act.entry).process;
    if (entry === undefined) return;
    const { faults } = this.#world;
    const jobId = Buffer.from(this.#random.bytes(16)).toString('base64url');
    const request = this.#request(jobId, entry);
    const sealed = seal(jobRequestSeal, request, [this.#world.operator.key]);
    const fate: JobFate = {
      jobId,
      request,
      durationMs: act.durationMs,
      runs: [],
      replies: [],
      worker: null,
      acceptedAtMs: null,
    };
    this.jobs.set(jobId, fate);
    burst.push(fate);
    const other = this.#random.pick(this.#world.live().filter((process) => process !== entry));
    const rerouted = act.twist === 'reroute' && other !== undefined;
    if (rerouted) faults.count('job-rerouted');
    this.#submit(fate, sealed, rerouted ? other : entry, 0);
    if (act.twist === 'duplicate') {
      faults.count('job-duplicated');
      this.#submit(fate, sealed, other ?? entry, 0);
      this.#world.after(this.#random.below(200), () => this.#submit(fate, sealed, entry, 0));
    }
    if (act.twist === 'cancel') this.#world.after(act.durationMs / 2, () => this.#cancel(fate));
  }

  #request(jobId: string, entry: SimProcess): JobRequest {
    return {
      gatewayUid: GATEWAY_UID,
      jobId,
      kind: 'tunnel',
      recordId: RECORD_ID,
      parent: null,
      parameters: [],
      entry: entry.id,
      entryStartId: entry.startId,
      caller: this.#world.operator.key.id,
      deadlineUnixMs: entry.clock.unixMs(this.#world.now()) + DEADLINE_MS,
      grant: null,
    };
  }

  #submit(fate: JobFate, request: Uint8Array, to: SimProcess, tries: number): void {
    if (!to.running) return;
    let answered = false;
    this.#world.ask(
      to,
      (ticket): Event => ({ kind: 'submit', request, source: '192.0.2.99', ticket }),
      (answer) => {
        answered = true;
        if (answer.kind !== 'run') fate.replies.push(answer);
        if (answer.kind === 'accepted') this.#accepted(fate, answer.worker);
      },
    );
    this.#world.after(RETRY_MS, () => {
      if (answered || tries >= RETRIES_MAX) return;
      const again = this.#random.pick(this.#world.live());
      if (again !== undefined) this.#submit(fate, request, again, tries + 1);
    });
  }

  #accepted(fate: JobFate, worker: string): void {
    fate.worker = worker;
    fate.acceptedAtMs ??= this.#world.now();
    this.#world.after(OPEN_MS, () => {
      const process = this.#world.live().find(({ id }) => id === worker);
      if (process === undefined) return;
      this.#world.ask(
        process,
        (ticket): Event => ({
          ...{ kind: 'open-session', jobId: fate.jobId, caller: fate.request.caller },
          source: null,
          ticket,
        }),
        (answer) => this.#opened(fate, process, answer),
      );
    });
  }

  #opened(fate: JobFate, process: SimProcess, answer: Answer): void {
    if (answer.kind !== 'run') return;
    fate.runs.push({ process, atMs: this.#world.now(), ended: null });
    this.#world.after(fate.durationMs, () => this.#end(process, fate.jobId, 'succeeded'));
  }

  #end(process: SimProcess, jobId: string, state: 'succeeded' | 'cancelled'): void {
    const run = this.jobs.get(jobId)?.runs.find((one) => one.process === process);
    if (run === undefined || run.ended !== null || !process.running) return;
    run.ended = state;
    process.receive({ kind: 'job-ended', jobId, state, error: null, bytesIn: 1, bytesOut: 1 });
  }

  #cancel(fate: JobFate): void {
    const process = this.#random.pick(this.#world.live());
    if (process === undefined) return;
    this.#world.faults.count('job-cancelled');
    this.#world.ask(
      process,
      (ticket): Event => ({
        kind: 'cancel-job',
        jobId: fate.jobId,
        caller: fate.request.caller,
        reason: 'no longer wanted',
        ticket,
      }),
      () => {},
    );
  }
}
