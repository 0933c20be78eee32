import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../../../../base/errors.ts';
import { formatRandomId, RANDOM_ID_BYTES } from '../../../../../base/ids.ts';
import { type DiscoveryJob, LANES_MAX, OnwardParameter, onwardJob } from '../../../../../wire/discovery-onward.ts';
import {
  formatPart,
  partsOf,
  readScope,
  type Scope,
  ScopeParameter,
  scopeId,
  scopeOfPart,
} from '../../../../../wire/discovery-scope.ts';
import type { JobState, Parameter } from '../../../../../wire/job.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import type { Connected } from '../../../connection.ts';
import { liveMembers, readPool } from '../../../pool-view.ts';
import { assertSucceeded, watchJob } from '../../await-job.ts';
import { readOutput } from '../../job-output.ts';
import { type Findings, readFindings } from '../findings.ts';
import { mergeFindings } from './merge.ts';

/** A part that nobody goes on with is begun anew by whoever waits, so often. */
const BEGUN_MAX = 4;
/** What a submission fails with when its entry is lost. */
const ENTRY_LOST: ReadonlySet<string> = new Set(['outcome-unknown', 'unreachable', 'timeout']);
/** Between two lines of progress. */
const TELL_MS = 1000;

/** A discovery that was cut into parts. */
export interface CutDiscovery {
  /** The parts' parent, by which all instances know them. */
  readonly jobId: string;
  readonly findings: Findings;
}

/** How many instances would work on a range side by side; 1 where it is not worth cutting. */
export async function partsAtOnce({ client }: Connected, scope: Scope, signal: AbortSignal): Promise<number> {
  const parts = partsOf(scope);
  if (parts === 1) return 1;
  const serving = liveMembers(await readPool(client, signal)).filter(({ state }) => state === 'admitted').length;
  return Math.min(parts, serving, scope.ratePerSecond, LANES_MAX);
}

/** What is asked for. */
export interface PartsAsked {
  readonly parameters: readonly Parameter[];
  readonly atOnce: number;
}

/** Begins a discovery in parts, which the pool carries through by itself. Returns its id. */
export async function beginParts(connected: Connected, asked: PartsAsked, terminal: Terminal): Promise<string> {
  const run = new PartsRun(connected, asked, terminal);
  await run.begin();
  return run.jobId;
}

/**
 * Has a range discovered in parts, several at a time, each placed by the pool, together no faster than was asked for. The pool goes on by itself from part to
 * part, also where a worker is lost; whoever waits here takes in what each part has found as soon as it has ended, and begins a part anew that nobody goes on
 * with. Throws what a part throws.
 */
export async function runParts(connected: Connected, asked: PartsAsked, terminal: Terminal): Promise<CutDiscovery> {
  const run = new PartsRun(connected, asked, terminal);
  terminal.note(`discovery ${run.jobId}: ${run.of} parts, ${asked.atOnce} at a time`);
  return { jobId: run.jobId, findings: await run.all() };
}

class PartsRun {
  readonly jobId = formatRandomId(randomBytes(RANDOM_ID_BYTES));
  readonly of: number;
  readonly #connected: Connected;
  readonly #terminal: Terminal;
  readonly #atOnce: number;
  /** Those of every part. */
  readonly #parameters: readonly Parameter[];
  readonly #whole: Scope;
  readonly #done = new Map<string, Findings>();
  /** Of the parts under way. */
  readonly #perMille = new Map<string, number>();
  readonly #beganMs = performance.now();
  #toldAtMs = performance.now();

  constructor(connected: Connected, { parameters, atOnce }: PartsAsked, terminal: Terminal) {
    this.#connected = connected;
    this.#terminal = terminal;
    this.#atOnce = atOnce;
    this.#whole = readScope(parameters);
    this.of = partsOf(this.#whole);
    this.#parameters = [
      ...parameters.filter(({ name }) => name !== ScopeParameter.rate),
      { name: ScopeParameter.rate, value: String(Math.floor(this.#whole.ratePerSecond / atOnce)) },
      { name: OnwardParameter.lanes, value: String(atOnce) },
    ];
  }

  /** The first part of every lane. */
  begin(): Promise<readonly DiscoveryJob[]> {
    return Promise.all(Array.from({ length: this.#atOnce }, (_, index) => this.#submit(this.#jobOf(index))));
  }

  /** Every part once, so many at a time. */
  async all(): Promise<Findings> {
    await Promise.all(Array.from({ length: this.#atOnce }, (_, index) => this.#lane(index)));
    const places = Array.from({ length: this.of }, (_, index) => this.#jobOf(index).recordId);
    const merged = mergeFindings(places.flatMap((recordId) => this.#done.get(recordId) ?? []));
    return { ...merged, seconds: (performance.now() - this.#beganMs) / 1000 };
  }

  async #lane(index: number): Promise<void> {
    let job: DiscoveryJob | null = await this.#beginAnew(this.#jobOf(index));
    while (job !== null) job = onwardJob(this.#gatewayUid, await this.#part(job), 'next');
  }

  /** Follows a part until it is done and its findings are here; returns the job from which the pool goes on. */
  async #part(begun: DiscoveryJob): Promise<DiscoveryJob> {
    let job = begun;
    for (let anew = 1; ; ) {
      const { ended, findings, why } = await this.#watch(job);
      if (findings !== null) {
        this.#done.set(job.recordId, findings);
        return job;
      }
      const again = ended === 'lost' ? onwardJob(this.#gatewayUid, job, 'again') : null;
      this.#terminal.note(`part ${this.#place(job)} of ${this.of} goes on elsewhere: ${why}`);
      if (again !== null) {
        job = again;
        continue;
      }
      if (anew++ >= BEGUN_MAX)
        throw new GatewayError('outcome-unknown', `part ${this.#place(job)} was begun ${BEGUN_MAX} times: ${why}`);
      if (ended === 'succeeded') {
        // The pool has gone on from it; what it found is looked for once more, and nothing follows from that.
        this.#done.set(job.recordId, await this.#lookAgain(job));
        return job;
      }
      job = await this.#beginAnew(job);
    }
  }

  /** Findings of a part whose output was lost with its worker. */
  async #lookAgain(job: DiscoveryJob): Promise<Findings> {
    const parameters = job.parameters.filter(({ name }) => name !== OnwardParameter.lanes);
    const { findings, why } = await this.#watch(await this.#beginAnew({ ...job, parameters }));
    if (findings === null) throw new GatewayError('outcome-unknown', `part ${this.#place(job)}: ${why}`);
    return findings;
  }

  /** What becomes of one job; no findings, and why, where an instance was lost on the way. Throws for a part that has failed. */
  async #watch({ jobId, recordId }: DiscoveryJob): Promise<{
    readonly ended: JobState | null;
    readonly findings: Findings | null;
    readonly why: string;
  }> {
    const { client } = this.#connected;
    const { signal } = this.#terminal;
    try {
      const ended = await watchJob(client, jobId, signal, ({ progress }) => {
        this.#perMille.set(recordId, progress?.donePerMille ?? 0);
        this.#tell();
      });
      if (ended.state === 'lost')
        return { ended: 'lost', findings: null, why: `its worker ${ended.worker ?? '–'} was lost` };
      assertSucceeded(ended);
      const { output, outputMissing } = await readOutput(client, ended, signal);
      const findings = output === null ? null : readFindings(output);
      return { ended: 'succeeded', findings, why: outputMissing ?? 'it has no output' };
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'outcome-unknown')
        return { ended: null, findings: null, why: error.message };
      throw error;
    } finally {
      this.#perMille.delete(recordId);
    }
  }

  #jobOf(index: number): DiscoveryJob {
    const part = { index, of: this.of };
    return {
      jobId: formatRandomId(randomBytes(RANDOM_ID_BYTES)),
      recordId: scopeId(scopeOfPart({ ...this.#whole, part })),
      parent: this.jobId,
      parameters: [...this.#parameters, { name: ScopeParameter.part, value: formatPart(part) }],
    };
  }

  /** Begins a part under a new id. An entry that is lost on the way may have begun it: looking twice changes nothing. */
  async #beginAnew({ recordId, parameters }: DiscoveryJob): Promise<DiscoveryJob> {
    const passing: readonly string[] = [OnwardParameter.after, OnwardParameter.tries];
    const job = { recordId, parent: this.jobId, parameters: parameters.filter(({ name }) => !passing.includes(name)) };
    for (let tries = 1; ; tries++) {
      try {
        return await this.#submit(job);
      } catch (error) {
        const wasLost = error instanceof GatewayError && ENTRY_LOST.has(error.code);
        if (!wasLost || tries >= BEGUN_MAX) throw error;
        this.#terminal.note(`part ${this.#place(job)} of ${this.of} goes on elsewhere: ${error.message}`);
      }
    }
  }

  async #submit({ recordId, parameters }: Omit<DiscoveryJob, 'jobId'>): Promise<DiscoveryJob> {
    const job = { kind: 'discovery', recordId, parent: this.jobId, parameters } as const;
    const { jobId } = await this.#connected.client.submit(job, this.#terminal.signal);
    return { jobId, recordId, parent: this.jobId, parameters };
  }

  /** Counted from 1, for people. */
  #place({ parameters }: Pick<DiscoveryJob, 'parameters'>): number {
    return (readScope(parameters).part?.index ?? 0) + 1;
  }

  get #gatewayUid(): string {
    return this.#connected.profile.gateway.uid;
  }

  /** One line for all parts. */
  #tell(): void {
    const nowMs = performance.now();
    if (nowMs - this.#toldAtMs < TELL_MS) return;
    this.#toldAtMs = nowMs;
    const underWay = [...this.#perMille.values()].reduce((sum, perMille) => sum + perMille, 0) / 1000;
    const share = (this.#done.size + underWay) / this.of;
    const seconds = (nowMs - this.#beganMs) / 1000;
    const left = share === 0 ? '' : `, about ${Math.ceil((seconds * (1 - share)) / share)} s left`;
    const found = [...this.#done.values()].reduce((sum, part) => sum + part.found.length, 0);
    this.#terminal.note(
      `${(share * 100).toFixed(1)} %, ${this.#done.size} of ${this.of} parts done, ${found} services${left}`,
    );
  }
}
