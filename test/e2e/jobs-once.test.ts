import { setTimeout as delay } from 'node:timers/promises';
import type { Stream } from '@libp2p/interface';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isFinal } from '../../src/wire/job.ts';
import { Random } from '../simulator/random.ts';
import { makeChaos } from './harness/chaos.ts';
import { recordFigure } from './harness/figures.ts';
import { InsistentClient, type SignedJob } from './harness/insistent-client.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { addRecord, untilRecordHeld } from './harness/records.ts';
import { scaled, timeFor } from './harness/scale.ts';
import { formPool, NAMES } from './harness/shared-pool.ts';
import { needs, until } from './harness/until.ts';
import { type CountingTarget, startCountingTarget } from './targets/counting.ts';

const createPool = usePools();
const SEED = Number(process.env['PAM_TEST_SEED'] ?? 2026);
const SUBMISSIONS = scaled({ usual: 150, full: 1000 });
/** Between two new jobs. */
const PACE_MS = 80;
const CHAOS_MS = 2500;
const INSTANCES = NAMES.slice(0, 4);
/** A job that nobody claims is given up after 15 s; what follows is the time to tell everybody. */
const SETTLE_MS = 25_000;

let target: CountingTarget;
beforeAll(async () => {
  target = await startCountingTarget();
});
afterAll(() => target.stop());

/** Everything that the client does with one job, and with an older one on the way. */
class Insistence {
  readonly jobs: SignedJob[] = [];
  readonly accepted = new Map<string, Set<string>>();
  opened = 0;
  readonly #client: InsistentClient;
  readonly #random: Random;
  readonly #names: ReadonlyMap<string, string>;

  constructor(client: InsistentClient, random: Random, names: ReadonlyMap<string, string>) {
    this.#client = client;
    this.#random = random;
    this.#names = names;
  }

  /** A new job, handed in several times at several instances, at once and later. */
  async begin(recordId: string): Promise<void> {
    const job = await this.#client.sign(this.#anybody(), recordId).catch(() => undefined);
    // That instance is away; the next job finds another one.
    if (job === undefined) return;
    this.jobs.push(job);
    const older = this.#random.pick(this.jobs) ?? job;
    const times = [0, 0, this.#random.below(50), this.#random.below(500), this.#random.below(5000)];
    await Promise.all([...times.map((ms) => this.#submit(job, ms)), this.#submit(older, this.#random.below(1000))]);
  }

  async #submit(job: SignedJob, afterMs: number): Promise<void> {
    const to = this.#anybody();
    await delay(afterMs);
    const answer = await this.#client.submit(to, job).catch(() => undefined);
    // Who passes on what became of it says also of a job that was given up which worker it was meant for.
    if (answer?.kind !== 'accepted' || isFinal(answer.notice.state)) return;
    const { worker } = answer;
    this.accepted.set(job.jobId, (this.accepted.get(job.jobId) ?? new Set()).add(worker));
    const over = [this.#names.get(worker) ?? this.#anybody(), this.#anybody()];
    await Promise.all(over.map((name) => this.#claim(name, job.jobId, worker)));
  }

  async #claim(over: string, jobId: string, worker: Parameters<InsistentClient['claim']>[2]): Promise<void> {
    const stream = await this.#client.claim(over, jobId, worker).catch(() => undefined);
    if (stream === undefined) return;
    this.opened += 1;
    await carryId(stream, jobId);
  }

  #anybody(): string {
    return this.#random.pick(INSTANCES) ?? '';
  }
}

/** Tells the target which job this is, and closes when it has been counted or the worker is gone. */
async function carryId(stream: Stream, jobId: string): Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  for (const event of ['end', 'close', 'remoteCloseWrite'] as const) stream.addEventListener(event, () => resolve());
  stream.addEventListener('message', () => undefined);
  if (stream.status !== 'open') return;
  if (stream.readStatus === 'paused') stream.resume();
  stream.send(Buffer.from(jobId, 'ascii'));
  await Promise.race([ended, delay(5000)]);
  await stream.close().catch(() => undefined);
}

/** Every instance's answer about every job; each must have reached an end, and all must name the same worker. */
async function untilSettled(client: InsistentClient, jobIds: readonly string[]): Promise<readonly string[]> {
  const states: string[] = [];
  for (const jobId of jobIds) {
    const notices = await until(
      `all instances know how job ${jobId} ended`,
      { within: SETTLE_MS, every: 200 },
      async () => {
        const answers = await Promise.all(INSTANCES.map((name) => client.ask(name, jobId)));
        for (const answer of answers)
          needs(answer !== null && isFinal(answer.state), () => `they say ${answers.map((one) => one?.state)}`);
        return answers.flatMap((answer) => (answer === null ? [] : [answer]));
      },
    );
    expect(new Set(notices.map(({ worker }) => worker)).size, `workers of ${jobId}`).toBe(1);
    states.push(notices[0]?.state ?? '');
  }
  return states;
}

async function namesOf(pool: Pool): Promise<ReadonlyMap<string, string>> {
  return new Map(
    await Promise.all(pool.started.map(async (instance) => [await instance.id(), instance.name] as const)),
  );
}

it(
  `no job runs twice, whatever is repeated, passed on, killed and restarted (seed ${SEED})`,
  timeFor(SUBMISSIONS, 500),
  async () => {
    const pool = await formPool({ instances: INSTANCES.length }, createPool);
    const recordId = await addRecord(pool, 'counter', target);
    await untilRecordHeld(pool, INSTANCES, 'counter');
    const client = await InsistentClient.start(pool);
    const random = new Random(SEED);
    const insistence = new Insistence(client, random.fork(1), await namesOf(pool));
    const over = new AbortController();
    const chaos = makeChaos({ pool, random: random.fork(2), names: INSTANCES, everyMs: CHAOS_MS, signal: over.signal });
    const begun: Promise<void>[] = [];
    while (insistence.jobs.length < SUBMISSIONS) {
      begun.push(insistence.begin(recordId));
      await delay(PACE_MS);
    }
    await Promise.all(begun);
    over.abort();
    const counts = await chaos;
    const states = await untilSettled(client, [...insistence.accepted.keys()]);
    await client.stop();
    const tally = Object.entries(Object.groupBy(states, (state) => state)).map(
      ([state, list]) => `${list?.length} ${state}`,
    );
    const did = `${counts.killed} killed, ${counts.hung} hung, ${counts.stopped} stopped; ${insistence.opened} sessions; ${tally.join(', ')}`;
    const what = `executions of each of ${insistence.jobs.length} jobs, each handed in 6 times and claimed at each acceptance (${did})`;
    const executions = insistence.jobs.map(({ jobId }) => target.executions.get(jobId) ?? 0);
    recordFigure({ file: 'tunnels', what, unit: 'executions', values: executions, target: 'at most 1' });
    expect(executions.filter((count) => count > 1)).toEqual([]);
    // Otherwise nothing was tried: most jobs are through between two faults.
    expect(executions.filter((count) => count === 1).length).toBeGreaterThan(SUBMISSIONS / 3);
    expect(counts.killed).toBeGreaterThan(0);
  },
);
