import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../../../../base/errors.ts';
import { formatRandomId, RANDOM_ID_BYTES } from '../../../../../base/ids.ts';
import {
  formatPart,
  partsOf,
  readScope,
  type Scope,
  ScopeParameter,
  scopeId,
  scopeOfPart,
} from '../../../../../wire/discovery-scope.ts';
import type { Parameter } from '../../../../../wire/job.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import type { Connected } from '../../../connection.ts';
import { liveMembers, readPool } from '../../../pool-view.ts';
import { assertSucceeded, watchJob } from '../../await-job.ts';
import { readOutput } from '../../job-output.ts';
import { type Findings, readFindings } from '../findings.ts';
import { mergeFindings } from './merge.ts';

/** A part whose worker is lost begins anew elsewhere so often. */
const TRIES_MAX = 4;
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
  return Math.min(parts, serving, scope.ratePerSecond);
}

/**
 * Has a range discovered in parts, several at a time, each placed by the pool, together no faster than was asked for. What a part has found is taken in as
 * soon as it has ended; a part whose worker is lost goes on elsewhere, and what was finished before is not looked at again. Throws what a part throws,
 * and then begins no further ones.
 */
export async function runParts(
  connected: Connected,
  asked: { readonly parameters: readonly Parameter[]; readonly atOnce: number },
  terminal: Terminal,
): Promise<CutDiscovery> {
  const run = new PartsRun(connected, asked, terminal);
  terminal.note(`discovery ${run.jobId}: ${run.of} parts, ${asked.atOnce} at a time`);
  return { jobId: run.jobId, findings: await run.all(asked.atOnce) };
}

class PartsRun {
  readonly jobId = formatRandomId(randomBytes(RANDOM_ID_BYTES));
  readonly of: number;
  readonly #connected: Connected;
  readonly #parameters: readonly Parameter[];
  readonly #whole: Scope;
  readonly #terminal: Terminal;
  readonly #rate: number;
  readonly #done = new Map<number, Findings>();
  /** Of the parts under way. */
  readonly #perMille = new Map<number, number>();
  readonly #beganMs = performance.now();
  #toldAtMs = performance.now();
  #next = 0;
  #isOver = false;

  constructor(
    connected: Connected,
    { parameters, atOnce }: { readonly parameters: readonly Parameter[]; readonly atOnce: number },
    terminal: Terminal,
  ) {
    this.#connected = connected;
    this.#parameters = parameters.filter(({ name }) => name !== ScopeParameter.rate);
    this.#whole = readScope(parameters);
    this.of = partsOf(this.#whole);
    this.#rate = Math.floor(this.#whole.ratePerSecond / atOnce);
    this.#terminal = terminal;
  }

  /** Every part once, so many at a time. */
  async all(atOnce: number): Promise<Findings> {
    await Promise.all(Array.from({ length: atOnce }, () => this.#oneAfterTheOther()));
    const merged = mergeFindings([...this.#done.entries()].sort(([a], [b]) => a - b).map(([, part]) => part));
    return { ...merged, seconds: (performance.now() - this.#beganMs) / 1000 };
  }

  async #oneAfterTheOther(): Promise<void> {
    while (this.#next < this.of && !this.#isOver) {
      const index = this.#next++;
      try {
        this.#done.set(index, await this.#part(index));
      } catch (error) {
        this.#isOver = true;
        throw error;
      } finally {
        this.#perMille.delete(index);
      }
    }
  }

  /** A part until it has ended and its findings are here: an instance may die at any moment before that. */
  async #part(index: number): Promise<Findings> {
    for (let tries = 1; ; tries++) {
      const { findings, why } = await this.#once(index);
      if (findings !== null) return findings;
      if (tries >= TRIES_MAX)
        throw new GatewayError('outcome-unknown', `part ${index + 1} was begun ${TRIES_MAX} times: ${why}`);
      this.#terminal.note(`part ${index + 1} of ${this.of} goes on elsewhere: ${why}`);
    }
  }

  /** One job for a part; no findings, and why, where an instance was lost on the way. Throws for a part that has failed. */
  async #once(index: number): Promise<{ readonly findings: Findings | null; readonly why: string }> {
    const { client } = this.#connected;
    const { signal } = this.#terminal;
    const jobId = await this.#submit(index).catch((error: unknown) => {
      // Whether an entry that was lost had it begun does not matter: looking twice changes nothing.
      if (error instanceof GatewayError && ENTRY_LOST.has(error.code)) return error;
      throw error;
    });
    if (typeof jobId !== 'string') return { findings: null, why: jobId.message };
    const ended = await watchJob(client, jobId, signal, ({ progress }) => {
      this.#perMille.set(index, progress?.donePerMille ?? 0);
      this.#tell();
    });
    if (ended.state === 'lost') return { findings: null, why: `its worker ${ended.worker ?? '–'} was lost` };
    assertSucceeded(ended);
    const { output, outputMissing } = await readOutput(client, ended, signal);
    return { findings: output === null ? null : readFindings(output), why: outputMissing ?? 'it has no output' };
  }

  async #submit(index: number): Promise<string> {
    const part = { index, of: this.of };
    const parameters = [
      ...this.#parameters,
      { name: ScopeParameter.rate, value: String(this.#rate) },
      { name: ScopeParameter.part, value: formatPart(part) },
    ];
    const recordId = scopeId(scopeOfPart({ ...this.#whole, part }));
    const job = { kind: 'discovery', recordId, parent: this.jobId, parameters } as const;
    return (await this.#connected.client.submit(job, this.#terminal.signal)).jobId;
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
