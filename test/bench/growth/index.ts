/** Growth: what one instance costs, and how long a new connection takes, as sessions and records become many. */

import type { Socket } from 'node:net';
import { untilIdle } from '../../e2e/harness/burst.ts';
import { residentMib } from '../../e2e/harness/memory.ts';
import { Tunnel } from '../../e2e/harness/tunnel.ts';
import type { Plot } from '../measure/plot.ts';
import { processorMs } from '../measure/process-tree.ts';
import { median, percentile, type Row, rowOf } from '../measure/rows.ts';
import { type Bench, type Part, type PartReport, sized } from '../part.ts';
import { type ServingPool, startServingPool } from '../serving-pool.ts';
import { openEcho, setUps } from '../tunnel/caller.ts';
import { startEndpoint } from '../tunnel/ways.ts';
import { RecordMaker } from './record-maker.ts';

/** Part 6, as far as the other parts do not draw their own curves. */
export const growth: Part = {
  name: 'growth',
  title: 'Growth: sessions and records on one instance',
  run: measureGrowth,
};

/** Memory for 5,000 sessions with room to spare, whatever the machine has: they are idle. */
const BUDGET = { args: ['--memory-budget-mb', '16384'] };
const OPEN_AT_ONCE = 32;

interface Step {
  readonly size: number;
  readonly memoryMib: number[];
  readonly setUpMs: number[];
  readonly idlePercent: number[];
}

async function measureGrowth(bench: Bench): Promise<PartReport> {
  const target = await startEndpoint(bench);
  const serving = await startServingPool(bench, 1, target, BUDGET);
  const tunnel = await Tunnel.start({ pool: serving.pool, record: serving.record });
  bench.defer(() => tunnel.stop());
  await setUps(tunnel.port, sized(bench, { full: 200, smoke: 5 }));
  const sessions = await growSessions(bench, serving, tunnel.port);
  const records = await growRecords(bench, serving, tunnel.port);
  return {
    rows: [...rowsOf('sessions', sessions), ...rowsOf('records', records)],
    plots: [...plotsOf('sessions', sessions), ...plotsOf('records', records)],
  };
}

async function growSessions(bench: Bench, serving: ServingPool, port: number): Promise<readonly Step[]> {
  const steps: Step[] = [];
  const open: Socket[] = [];
  try {
    for (const size of bench.isSmoke ? [1, 20] : [1, 100, 1000, 5000]) {
      bench.say(`  ${size} sessions`);
      await openUpTo(open, size, port);
      steps.push(await look(bench, serving, { size, port }));
    }
  } finally {
    for (const socket of open) socket.destroy();
    await untilIdle(serving.pool.started, { sessionsMax: 0 });
  }
  return steps;
}

async function openUpTo(open: Socket[], size: number, port: number): Promise<void> {
  const work = async (): Promise<void> => {
    while (open.length + opening < size) {
      opening += 1;
      const socket = await openEcho(port);
      opening -= 1;
      open.push(socket);
    }
  };
  let opening = 0;
  await Promise.all(Array.from({ length: OPEN_AT_ONCE }, work));
}

async function growRecords(bench: Bench, serving: ServingPool, port: number): Promise<readonly Step[]> {
  const maker = new RecordMaker(serving.pool, await serving.connect(0));
  const steps: Step[] = [];
  for (const size of bench.isSmoke ? [1, 20] : [1, 100, 1000, 5000]) {
    bench.say(`  ${size} records`);
    await maker.makeUpTo(size);
    steps.push(await look(bench, serving, { size, port }));
  }
  return steps;
}

/** Several looks at one size. */
async function look(
  bench: Bench,
  { processIds }: ServingPool,
  { size, port }: { readonly size: number; readonly port: number },
): Promise<Step> {
  const step: Step = { size, memoryMib: [], setUpMs: [], idlePercent: [] };
  for (let run = 0; run < bench.runs; run++) {
    step.setUpMs.push(percentile(await setUps(port, sized(bench, { full: 40, smoke: 5 })), 0.5));
    step.idlePercent.push(await idlePercent(processIds, sized(bench, { full: 1000, smoke: 100 })));
    step.memoryMib.push(residentMib(processIds[0] ?? 0));
  }
  return step;
}

async function idlePercent(processIds: readonly number[], lookMs: number): Promise<number> {
  const before = processorMs(processIds);
  const beganAtMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, lookMs));
  return ((processorMs(processIds) - before) * 100) / (performance.now() - beganAtMs);
}

const MEASURES = [
  {
    of: (step: Step) => step.setUpMs,
    name: 'set-up',
    title: 'A new connection to its first byte back, p50',
    unit: 'ms',
  },
  { of: (step: Step) => step.memoryMib, name: 'memory', title: 'Resident memory of the instance', unit: 'MiB' },
  { of: (step: Step) => step.idlePercent, name: 'idle', title: 'Processor time with nothing to carry', unit: '%' },
] as const;

function rowsOf(what: string, steps: readonly Step[]): readonly Row[] {
  return MEASURES.flatMap(({ of, title, unit }) =>
    steps.map((step) =>
      rowOf({ what: `${step.size} ${what}: ${title.toLowerCase()}`, unit }, [{ name: 'pool', values: of(step) }]),
    ),
  );
}

function plotsOf(what: string, steps: readonly Step[]): readonly Plot[] {
  return MEASURES.map(({ of, name, title, unit }) => ({
    name: `growth-${what}-${name}`,
    title,
    x: what,
    y: unit,
    curves: [{ name: 'pool', points: steps.map((step) => ({ x: step.size, y: median(of(step)) })) }],
  }));
}
