/**
 * Rotations whose worker is killed at a random instant, and taken up by the next process. `PAM_KILLED_ROTATIONS` says how many; a failure prints the
 * instant.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayError } from '../../../src/base/errors.ts';
import type { CredentialChange, CredentialSet } from '../../../src/vault/index.ts';
import type { JobState } from '../../../src/wire/job.ts';
import type { TargetRecord } from '../../../src/wire/record.ts';
import { targetOf } from '../../../src/workloads/rotation/targets.ts';
import { type PostgresServer, postgresMissing, startPostgres } from '../../e2e/targets/postgres-server.ts';
import { NEVER, newJobId, passwordCredential, RotationBench } from './rotation-bench.ts';
import { type FromWorker, type PlainSet, plain, type ToWorker, wrapped } from './rotation-process.ts';

const ROTATIONS = Number(process.env['PAM_KILLED_ROTATIONS'] ?? 20);
/** Accounts that are rotated side by side. */
const LANES = 2;
const FIRST = 'The-first-passw0rd';
const PROGRAM = fileURLToPath(new URL('rotation-process.ts', import.meta.url));

interface Tally {
  /** Killed before it had ended. */
  killed: number;
  /** Of these: nothing had been staged; staged and carried through; committed already. */
  untouched: number;
  finished: number;
}

describe.skipIf(postgresMissing() !== undefined)('a worker that is killed at any instant of a rotation', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  it(`leaves a credential that works and nothing staged, ${ROTATIONS} times`, {
    timeout: 40_000 + ROTATIONS * 4000,
  }, async () => {
    const tally: Tally = { killed: 0, untouched: 0, finished: 0 };
    const records: TargetRecord[] = [];
    const bench = new RotationBench();
    for (let lane = 0; lane < LANES; lane++) {
      await server.addRole({ name: `lane-${lane}`, password: FIRST, authentication: 'scram-sha-256' });
      records.push(bench.add({ protocol: 'postgres', port: server.port }, passwordCredential(`lane-${lane}`, FIRST)));
    }
    await Promise.all(records.map((record) => runLane({ bench, record, rotations: ROTATIONS / LANES, tally })));
    console.log(`${ROTATIONS} rotations: ${JSON.stringify(tally)}`);
    expect(tally.killed).toBeGreaterThan(ROTATIONS / 4);
    expect(tally.finished).toBeGreaterThan(0);
  });
});

interface Lane {
  readonly bench: RotationBench;
  readonly record: TargetRecord;
  readonly rotations: number;
  readonly tally: Tally;
}

async function runLane({ bench, record, rotations, tally }: Lane): Promise<void> {
  let worker = await Worker.start(bench);
  let usualMs = (await worker.measure(record)) * 1.1;
  for (let round = 0; round < rotations; round++) {
    const before = await bench.active(record);
    const jobId = newJobId();
    const killAtMs = Math.random() * usualMs;
    const next = Worker.start(bench);
    const ended = await worker.rotateAndKill({ record, jobId, killAtMs });
    worker = await next;
    const state = ended ?? (await worker.rotate({ record, jobId, resumed: true }));
    const after = await bench.active(record);
    const where = `killed after ${killAtMs.toFixed(1)} ms of ${usualMs.toFixed(1)}: ${state}`;
    expect(await bench.versions(record, 'pending'), where).toEqual([]);
    await targetOf(record, after, '').login({ record, user: after.user ?? '' }, after, AbortSignal.timeout(20_000));
    expect(bench.stagedBy(jobId), where).toBeLessThanOrEqual(1);
    expect(after === before, where).toBe(state !== 'succeeded');
    if (ended !== null) usualMs *= 0.98;
    else tally.killed += 1;
    if (ended === null && state === 'succeeded') tally.finished += 1;
    if (ended === null && state !== 'succeeded') tally.untouched += 1;
  }
  worker.stop();
}

/** A process that rotates. */
class Worker {
  readonly #child: ChildProcess;
  readonly #bench: RotationBench;
  #ended = Promise.withResolvers<JobState>();

  private constructor(child: ChildProcess, bench: RotationBench) {
    this.#child = child;
    this.#bench = bench;
    child.on('message', (message: FromWorker) => void this.#heard(message));
  }

  static async start(bench: RotationBench): Promise<Worker> {
    const child = fork(PROGRAM, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const worker = new Worker(child, bench);
    const gone = once(child, 'exit').then(() => {
      throw new Error('the worker ended before it was ready');
    });
    await Promise.race([once(child, 'message'), gone]);
    gone.catch(() => undefined);
    return worker;
  }

  /** How long a rotation takes that nobody disturbs. */
  async measure(record: TargetRecord): Promise<number> {
    await this.rotate({ record, jobId: newJobId(), resumed: false });
    const beganMs = performance.now();
    await this.rotate({ record, jobId: newJobId(), resumed: false });
    return performance.now() - beganMs;
  }

  rotate(ask: { readonly record: TargetRecord; readonly jobId: string; readonly resumed: boolean }): Promise<JobState> {
    const { record, jobId, resumed } = ask;
    this.#ended = Promise.withResolvers();
    const notice = this.#bench.setJob(jobId, record, 'running');
    this.#tell({ kind: 'rotate', task: { notice, record, resumed } });
    return this.#ended.promise;
  }

  /** The state it ended in, or null if it was killed before. */
  async rotateAndKill(ask: {
    readonly record: TargetRecord;
    readonly jobId: string;
    readonly killAtMs: number;
  }): Promise<JobState | null> {
    const { promise: killed, resolve } = Promise.withResolvers<null>();
    const ended = this.rotate({ ...ask, resumed: false });
    setTimeout(() => {
      this.#child.kill('SIGKILL');
      resolve(null);
    }, ask.killAtMs);
    const first = await Promise.race([ended, killed]);
    await killed;
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    return first;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  async #heard(message: FromWorker): Promise<void> {
    if (message.kind === 'ended') return this.#ended.resolve(message.state as JobState);
    if (message.kind !== 'ask') return;
    const { number, call, args } = message;
    try {
      this.#tell({ kind: 'answer', number, set: plainSet(await this.#serve(call, args)), error: null });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#tell({ kind: 'answer', number, set: null, error: error.message });
    }
  }

  #serve(call: 'read' | 'change', args: readonly unknown[]): Promise<CredentialSet> {
    const { vault } = this.#bench;
    if (call === 'read') return vault.read(args[0] as string, NEVER);
    const change = args[1] as CredentialChange;
    const asked = change.kind === 'stage' ? { ...change, credential: wrapped(change.credential as never) } : change;
    if (asked.kind === 'stage') this.#bench.noteStaged(asked.jobId);
    return vault.change(args[0] as { recordId: string; revision: string }, asked, NEVER);
  }

  #tell(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message);
  }
}

function plainSet(set: CredentialSet): PlainSet {
  return { ...set, versions: set.versions.map((version) => ({ ...version, credential: plain(version.credential) })) };
}
