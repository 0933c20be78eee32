/** Tunnels beside `ssh -L` and beside no tunnel at all, between the same two processes. */

import { processorMs } from '../measure/process-tree.ts';
import { measurePaired, measureRounds, percentile, type Row, ratioAim, without } from '../measure/rows.ts';
import { type Bench, type Part, type PartReport, sized } from '../part.ts';
import { type Direction, roundTrips, setUpRate, setUps, throughput } from './caller.ts';
import { sshMissing, sshVersion } from './ssh-forward.ts';
import { poolWay, sshWay, startEndpoint, type Way } from './ways.ts';

const MB = 1_000_000;

/** Part 1. */
export const tunnel: Part = {
  name: 'tunnel',
  title: 'Tunnel: throughput, round trip, set-up',
  run: measureTunnels,
};

async function measureTunnels(bench: Bench): Promise<PartReport> {
  const target = await startEndpoint(bench);
  const pool = await poolWay(bench, target, 1);
  const missing = sshMissing();
  const peers = [
    ...(missing === undefined ? [await sshWay(bench, target)] : []),
    { name: 'direct', port: target, processIds: [] },
  ];
  const ways = [pool, ...peers];
  const rows: Row[] = [];
  for (const connections of bench.isSmoke ? [1, 8] : [1, 8, 64]) {
    for (const direction of ['up', 'down'] as const)
      rows.push(...(await measureThroughput(bench, ways, { direction, connections })));
  }
  rows.push(...(await measureRoundTrips(bench, ways)));
  rows.push(...(await measureSetUps(bench, ways)));
  if (!bench.isSmoke) rows.push(...(await measureSetUps(bench, [await poolWay(bench, target, 3), ...peers])));
  return { rows, notes: [missing ?? `ssh -L: ${sshVersion()}, its own defaults`] };
}

/** Megabytes per second, and what a gigabyte costs the processes on the way. */
async function measureThroughput(
  bench: Bench,
  ways: readonly Way[],
  { direction, connections }: { readonly direction: Direction; readonly connections: number },
): Promise<readonly Row[]> {
  const bytes = sized(bench, { full: 256, smoke: 8 }) * MB;
  const what = `${direction}, ${connections} connection${connections === 1 ? '' : 's'}`;
  bench.say(`  ${what}`);
  const rounds = ways.map(({ name, port, processIds }) => ({
    name,
    measure: async () => {
      const before = processorMs(processIds);
      const speed = await throughput(port, { direction, bytes, connections });
      return { speed, cost: (processorMs(processIds) - before) / (bytes / MB / 1000) };
    },
  }));
  const rows = await measureRounds(rounds, bench.runs, {
    speed: { what, unit: 'MB/s', aim: ratioAim('ssh -L', { atLeast: 1 }) },
    cost: { what: `${what}: processor time on the way`, unit: 'ms/GB' },
  });
  const [speed, cost] = rows;
  return speed === undefined || cost === undefined ? rows : [speed, without(cost, 'direct')];
}

function measureRoundTrips(bench: Bench, ways: readonly Way[]): Promise<readonly Row[]> {
  bench.say('  round trips');
  const count = sized(bench, { full: 5000, smoke: 200 });
  const rounds = ways.map(({ name, port }) => ({
    name,
    measure: async () => percentiles(await roundTrips(port, count)),
  }));
  return measureRounds(rounds, bench.runs, {
    p50: { what: 'round trip of 100 bytes, p50', unit: 'ms', aim: ratioAim('ssh -L', { atMost: 1 }) },
    p99: { what: 'round trip of 100 bytes, p99', unit: 'ms' },
    p999: { what: 'round trip of 100 bytes, p99.9', unit: 'ms' },
  });
}

async function measureSetUps(bench: Bench, ways: readonly Way[]): Promise<readonly Row[]> {
  const [ours] = ways;
  const through = ours?.name ?? '';
  bench.say(`  set-up through the ${through}`);
  const count = sized(bench, { full: 200, smoke: 20 });
  const atOnce = sized(bench, { full: 16, smoke: 4 });
  const times = await measureRounds(
    ways.map(({ name, port }) => ({ name, measure: async () => percentiles(await setUps(port, count)) })),
    bench.runs,
    {
      p50: { what: `${through}: connection set-up to the first byte back, p50`, unit: 'ms' },
      p99: { what: `${through}: connection set-up to the first byte back, p99`, unit: 'ms' },
    },
  );
  const rate = await measurePaired(
    ways.map(({ name, port }) => ({ name, measure: () => setUpRate(port, { count: 2 * count, atOnce }) })),
    bench.runs,
    { what: `${through}: connections per second, ${atOnce} at a time`, unit: '/s' },
  );
  return [...times, rate];
}

function percentiles(times: readonly number[]): Readonly<Record<'p50' | 'p99' | 'p999', number>> {
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), p999: percentile(times, 0.999) };
}
