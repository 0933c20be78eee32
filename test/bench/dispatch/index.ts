/** Dispatch of jobs beside NATS request–reply with a queue group, which has a broker, no signatures and no journal. */

import type { AccessClient } from '../../../src/access/client/index.ts';
import { GatewayError } from '../../../src/base/errors.ts';
import { ROLE_CONTROL, ROLE_PARAMETER } from '../../../src/wire/access-job.ts';
import { insist } from '../measure/insist.ts';
import type { Plot } from '../measure/plot.ts';
import { processorMs } from '../measure/process-tree.ts';
import { measureRounds, percentile, type Round, type Row, type RowInit, ratioAim, without } from '../measure/rows.ts';
import { type Bench, type Part, type PartReport, sized } from '../part.ts';
import { type ServingPool, startServingPool } from '../serving-pool.ts';
import { natsMissing, natsVersion, startNats } from './nats-pool.ts';

/** Part 2. */
export const dispatch: Part = {
  name: 'dispatch',
  title: 'Job dispatch: from submitted to running',
  run: measureDispatch,
};

/** Connections that the submitters share. */
const CLIENTS_MAX = 8;
const PLACE_MS = 30_000;
/** A job that runs at once and reaches no target: what is measured is the way to it. */
const LEASE = [{ name: ROLE_PARAMETER, value: ROLE_CONTROL }];
/** Nobody listens there, and nobody is asked to. */
const NO_PORT = 9;
const NATS = 'NATS';

async function measureDispatch(bench: Bench): Promise<PartReport> {
  const missing = natsMissing();
  const rows: Row[] = [];
  const notes = [missing ?? `NATS: ${natsVersion()}`];
  for (const instances of bench.isSmoke ? [2] : [1, 3, 8]) {
    const pool = await startServingPool(bench, instances, NO_PORT);
    const nats = missing === undefined ? await startNats(bench, instances) : undefined;
    for (const submitters of bench.isSmoke ? [1] : [1, 16, 256]) {
      bench.say(`  ${instances} instances, ${submitters} submitters`);
      const jobs = sized(bench, { full: Math.max(300, 2 * submitters), smoke: 30 });
      const load = { submitters, jobs };
      const rounds: Round[] = [await poolRound(pool, load)];
      if (nats !== undefined)
        rounds.push({ name: NATS, measure: () => natsRound(nats.request, load, nats.processIds) });
      try {
        rows.push(...(await measureRounds(rounds, bench.runs, measuresOf(instances, submitters))));
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        notes.push(`${instances} instances, ${submitters} submitters: not measured: ${error.message}`);
      }
    }
    await pool.pool.end();
  }
  return {
    plots: bench.isSmoke ? [] : [costPlot(rows)],
    rows: rows.filter(({ figures }) => figures.some(({ median }) => Number.isFinite(median))).map(tidy),
    notes,
  };
}

/** What a job costs as the pool grows: the share of one instance stays what it is if the curve stays flat. */
function costPlot(rows: readonly Row[]): Plot {
  const costs = rows.filter(({ unit, what }) => unit === 'ms/job' && what.includes(' 16 submitters'));
  const points = (name: string) =>
    costs.flatMap(({ what, figures }) => {
      const y = figures.find((figure) => figure.name === name)?.median;
      return y === undefined ? [] : [{ x: Number.parseInt(what, 10), y }];
    });
  const curves = ['pool', NATS].map((name) => ({ name, points: points(name) }));
  return {
    name: 'dispatch-cost',
    title: 'Processor time of a job, 16 submitters',
    x: 'instances',
    y: 'ms per job, all processes together',
    curves: curves.filter((curve) => curve.points.length > 0),
  };
}

/** Only we have an entry that may be the worker itself. */
function tidy(row: Row): Row {
  return row.what.includes('entry is worker') ? without(row, NATS) : row;
}

function measuresOf(instances: number, submitters: number): Readonly<Record<string, RowInit>> {
  const who = `${instances} instance${instances === 1 ? '' : 's'}, ${submitters} submitter${submitters === 1 ? '' : 's'}`;
  const rate = { what: `${who}: jobs per second`, unit: '/s' };
  const cost = { what: `${who}: processor time of the instances`, unit: 'ms/job' };
  if (submitters > 1) return { rate, cost };
  const forwarded = {
    p50: { what: `${who}: forwarded, p50`, unit: 'ms', aim: ratioAim(NATS, { below: 2 }) },
    p99: { what: `${who}: forwarded, p99`, unit: 'ms' },
  };
  return {
    ...(instances > 1 ? forwarded : {}),
    own50: { what: `${who}: entry is worker, p50`, unit: 'ms' },
    own99: { what: `${who}: entry is worker, p99`, unit: 'ms' },
    rate,
    cost,
  };
}

interface Load {
  readonly submitters: number;
  readonly jobs: number;
}

async function poolRound(pool: ServingPool, load: Load): Promise<Round> {
  const count = Math.min(load.submitters, CLIENTS_MAX);
  const clients = await Promise.all(Array.from({ length: count }, (_, number) => pool.connect(number)));
  const entries = await Promise.all(clients.map(async (client) => (await client.welcome(soon())).instanceId));
  const measure = async (): Promise<Readonly<Record<string, number>>> => {
    const times: Record<'own' | 'forwarded', number[]> = { own: [], forwarded: [] };
    const { rate, cost } = await underLoad(load, pool.processIds, async (submitter) => {
      const client = clients[submitter % count];
      if (client === undefined) return;
      const beganAtMs = performance.now();
      const worker = await runLease(client, pool.recordId);
      times[worker === entries[submitter % count] ? 'own' : 'forwarded'].push(performance.now() - beganAtMs);
    });
    return {
      rate,
      cost,
      ...percentilesOf(times.forwarded),
      own50: percentile(times.own, 0.5),
      own99: percentile(times.own, 0.99),
    };
  };
  return { name: 'pool', measure };
}

async function natsRound(
  request: () => Promise<void>,
  load: Load,
  processIds: readonly number[],
): Promise<Readonly<Record<string, number>>> {
  const times: number[] = [];
  const { rate, cost } = await underLoad(load, processIds, async () => {
    const beganAtMs = performance.now();
    await request();
    times.push(performance.now() - beganAtMs);
  });
  return { rate, cost, ...percentilesOf(times), own50: Number.NaN, own99: Number.NaN };
}

/** From the submission until the session runs; the worker. Its end is not waited for. */
async function runLease(client: AccessClient, recordId: string): Promise<string> {
  const { worker, stream } = await insist(() => client.place({ kind: 'tunnel', recordId, parameters: LEASE }, soon()));
  stream.close().catch((error: Error) => stream.abort(error));
  return worker;
}

async function underLoad(
  { submitters, jobs }: Load,
  processIds: readonly number[],
  once: (submitter: number) => Promise<void>,
): Promise<{ readonly rate: number; readonly cost: number }> {
  let begun = 0;
  const before = processorMs(processIds);
  const beganAtMs = performance.now();
  const work = async (submitter: number): Promise<void> => {
    while (begun < jobs) {
      begun += 1;
      await once(submitter);
    }
  };
  await Promise.all(Array.from({ length: submitters }, (_, submitter) => work(submitter)));
  const elapsedMs = performance.now() - beganAtMs;
  return { rate: (jobs / elapsedMs) * 1000, cost: (processorMs(processIds) - before) / jobs };
}

function percentilesOf(times: readonly number[]): { readonly p50: number; readonly p99: number } {
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

function soon(): AbortSignal {
  return AbortSignal.timeout(PLACE_MS);
}
