/** Balance: how even the load is and how long jobs wait, beside choosers that know nothing, little and everything. */

import { closeBurst, openBurst } from '../../e2e/harness/burst.ts';
import { Tunnel } from '../../e2e/harness/tunnel.ts';
import { echo, startTarget } from '../../e2e/targets/target.ts';
import { Random } from '../../simulator/random.ts';
import { type Row, type RowInit, ratioAim, rowOf } from '../measure/rows.ts';
import { type Bench, type Part, type PartReport, sized } from '../part.ts';
import { startServingPool } from '../serving-pool.ts';
import { CHOOSERS, runChooser } from './choosers.ts';
import type { FarmFigures, Manner } from './farm.ts';
import { runMachines } from './machines.ts';
import { drawTrace, type TraceInit } from './trace.ts';

/** Part 3. */
export const balance: Part = {
  name: 'balance',
  title: 'Balance: placement beside other choosers',
  run: measureBalance,
};

const WORKERS = 8;
/** Within so much of the all-knowing chooser. */
const AIM = ratioAim('all-knowing', { atMost: 1.1 });
const CONCURRENT = 400;
const BUSY_PER_MILLE = 800;

async function measureBalance(bench: Bench): Promise<PartReport> {
  const jobs = sized(bench, { full: 2000, smoke: 100 });
  const rows = [
    simulate(bench, jobs, {
      level: { concurrent: CONCURRENT },
      manner: 'together',
      row: { what: `simulated sessions, ${CONCURRENT} at a time: most loaded over mean`, unit: '', aim: AIM },
      of: ({ maxOverMean }) => maxOverMean,
    }),
    simulate(bench, jobs, {
      level: { busyPerMille: BUSY_PER_MILLE },
      manner: 'in-turn',
      row: { what: `simulated queues, ${BUSY_PER_MILLE / 10} % busy: wait, p99`, unit: 'ms', aim: AIM },
      of: ({ waitP99Ms }) => waitP99Ms,
    }),
    ...(bench.isSmoke ? [] : [await measureProcesses(bench)]),
  ];
  const notes = [
    `simulated: the machines of ${WORKERS} instances, 20 ms between any two, ${jobs} jobs of 1, 16 and 64 MiB in each of ${bench.runs} runs; "two choices" and "least told" see loads of up to 1 s of age`,
  ];
  return { rows, notes };
}

interface Scenario {
  readonly level: TraceInit['level'];
  readonly manner: Manner;
  readonly row: RowInit;
  readonly of: (figures: FarmFigures) => number;
}

/** One seed per run; all choosers get the same jobs. */
function simulate({ runs, say }: Bench, jobs: number, { level, manner, row, of }: Scenario): Row {
  say(`  ${row.what}`);
  const seeds = Array.from({ length: runs }, (_, run) => run + 1);
  const traces = seeds.map((seed) => drawTrace({ random: new Random(seed, 1), jobs, instances: WORKERS, level }));
  const ours = traces.map((trace, run) => of(runMachines(trace, { workers: WORKERS, manner, seed: run + 1 })));
  const others = Object.entries(CHOOSERS).map(([name, choose]) => ({
    name,
    values: traces.map((trace, run) =>
      of(runChooser(choose, trace, { workers: WORKERS, manner, random: new Random(run + 1, 2) })),
    ),
  }));
  return rowOf(row, [{ name: 'pool', values: ours }, ...others]);
}

/** A burst of connections through real processes: where they land. The others are counted out for as many. */
async function measureProcesses(bench: Bench): Promise<Row> {
  const instances = 5;
  const connections = instances * 20;
  bench.say(`  ${connections} connections on ${instances} processes`);
  const target = await startTarget(echo);
  bench.defer(() => target.stop());
  const { pool, record, names } = await startServingPool(bench, instances, target.port);
  const tunnels: Tunnel[] = [];
  for (const name of names) {
    const tunnel = await Tunnel.start({ pool, record, entries: [name] });
    bench.defer(() => tunnel.stop());
    tunnels.push(tunnel);
  }
  const ours: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    const burst = await openBurst(pool, tunnels, connections, { withinMs: BURST_MS });
    ours.push(Math.max(...burst.counts) / (connections / instances));
    await closeBurst(pool, burst);
  }
  const random = new Random(7);
  const drawn = ours.map(() => drawnSpread(random, instances, connections));
  const init = {
    what: `${instances} processes, ${connections} connections within a second through all: most loaded over mean`,
    unit: '',
    aim: AIM,
  };
  return rowOf(init, [
    { name: 'pool', values: ours },
    { name: 'all-knowing', values: ours.map(() => 1) },
    { name: 'random', values: drawn },
  ]);
}

/** Bursts come within a second, as people's do. */
const BURST_MS = 1000;

function drawnSpread(random: Random, instances: number, connections: number): number {
  const counts = Array.from({ length: instances }, () => 0);
  for (let connection = 0; connection < connections; connection++) {
    const worker = random.below(instances);
    counts[worker] = (counts[worker] ?? 0) + 1;
  }
  return Math.max(...counts) / (connections / instances);
}
