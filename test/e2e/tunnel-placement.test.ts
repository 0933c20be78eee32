import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { burnsFromSignal } from './harness/burner.ts';
import { closeBurst, openBurst, untilIdle } from './harness/burst.ts';
import { recordFigure } from './harness/figures.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { addRecord, untilRecordHeld } from './harness/records.ts';
import { scaled, timeFor } from './harness/scale.ts';
import { formPool } from './harness/shared-pool.ts';
import { type Tunnel, useTunnels } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { dialEcho, endOfDial } from './targets/socket.ts';
import { echo, startTarget, type Target } from './targets/target.ts';

const createPool = usePools();
const startTunnel = useTunnels();
const BURST = 60;
const SPREAD = 3;
const BURST_MS = 900;

let target: Target;
beforeAll(async () => {
  target = await startTarget(echo);
});
afterAll(() => target.stop());

/** One tunnel for each of these entries, bound to it. */
function startTunnels(pool: Pool, entries: readonly string[]): Promise<readonly Tunnel[]> {
  return Promise.all(entries.map((entry) => startTunnel({ pool, record: 'echo', entries: [entry] })));
}

describe('connections that come within a second', () => {
  const table = [
    { instances: 3, rounds: scaled({ usual: 2, full: 20 }) },
    { instances: 5, rounds: scaled({ usual: 1, full: 20 }) },
  ];
  const limits = timeFor(2 * scaled({ usual: 2, full: 20 }), 10_000);
  it.each(table)('are spread evenly over $instances idle instances', limits, async ({ instances, rounds }) => {
    const pool = await formPool({ instances }, createPool);
    await addRecord(pool, 'echo', target);
    const tunnels = await startTunnels(pool, ['a', 'b', 'c']);
    for (const [which, used] of [
      ['one entry', tunnels.slice(0, 1)],
      ['three entries', tunnels],
    ] as const) {
      const found = await measureBursts(pool, used, { rounds, which: `${instances} instances, ${which}` });
      expect(Math.max(...found), which).toBeLessThanOrEqual(BURST / instances + SPREAD);
      expect(Math.min(...found), which).toBeGreaterThanOrEqual(BURST / instances - SPREAD);
    }
  });
});

/** What each instance got of each of several bursts. */
async function measureBursts(
  pool: Pool,
  tunnels: readonly Tunnel[],
  { rounds, which }: { readonly rounds: number; readonly which: string },
): Promise<readonly number[]> {
  const found: number[] = [];
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await untilIdle(pool.started);
    const burst = await openBurst(pool, tunnels, BURST, { withinMs: BURST_MS });
    found.push(...burst.counts);
    times.push(burst.elapsedMs);
    await closeBurst(pool, burst);
  }
  const what = `${BURST} connections within a second, ${which}`;
  const target = `${BURST / pool.started.length} ± ${SPREAD}`;
  recordFigure({ file: 'tunnels', what: `${what}: on each instance`, unit: 'connections', values: found, target });
  recordFigure({ file: 'tunnels', what: `${what}: until all are through`, unit: 'ms', values: times });
  return found;
}

describe('an instance that has enough to do', () => {
  it('with its processor gets visibly fewer connections', async () => {
    const busy = (name: string) => (name === 'c' ? { env: burnsFromSignal(920) } : {});
    const pool = await formPool({ instances: 3, start: busy }, createPool);
    await addRecord(pool, 'echo', target);
    const tunnels = await startTunnels(pool, ['a', 'b']);
    await untilIdle(pool.started);
    pool.started[2]?.signal('SIGUSR2');
    await until('everybody has heard that c is busy', { within: 20_000 }, async () => {
      for (const { instances } of await Promise.all(pool.started.map((instance) => instance.ask({ kind: 'load' })))) {
        needs(
          instances.some(({ name, busyPerMille }) => name === 'c' && busyPerMille >= 900),
          'somebody has not',
        );
      }
    });
    const { counts } = await openBurst(pool, tunnels, BURST);
    recordFigure({
      file: 'tunnels',
      what: `${BURST} connections at once, the last of three instances has 90 % of its processor taken`,
      unit: 'connections',
      values: counts,
    });
    const [a = 0, b = 0, c = 0] = counts;
    expect(c).toBeLessThan(Math.min(a, b) / 2);
  });

  it('with sessions gets as many fewer', async () => {
    const pool = createPool({ maxInstances: 3, bootstrap: ['a', 'b', 'c'] });
    const a = pool.start('a');
    await untilAgreed([a], { holders: ['a'] });
    await addRecord(pool, 'echo', target);
    const [tunnel] = await startTunnels(pool, ['a']);
    if (tunnel === undefined) throw new Error('no tunnel');
    const before = await openBurst(pool, [tunnel], 30);
    expect(before.counts).toEqual([30]);
    await untilAgreed([a, ...pool.startAll(['b', 'c'])], { holders: ['a', 'b', 'c'] });
    await untilRecordHeld(pool, ['b', 'c'], 'echo');
    await untilIdle(pool.started);
    const { counts } = await openBurst(pool, [tunnel], BURST);
    recordFigure({
      file: 'tunnels',
      what: `${BURST} more connections at once, the first of three instances has 30 already: in all`,
      unit: 'connections',
      values: counts,
      target: `30 ± ${SPREAD}`,
    });
    expect(Math.max(...counts)).toBeLessThanOrEqual(30 + SPREAD);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(30 - SPREAD);
  });
});

describe('a pool that is filled to its last place', () => {
  /** What 64 MB hold with 15 % of them kept free, at 1 MiB for each. */
  const PLACES = 54;

  it('takes every connection up to that one: a worker that declines costs a second try, no error', async () => {
    const pool = await formPool({ instances: 3, start: () => ({ args: ['--memory-budget-mb', '64'] }) }, createPool);
    await addRecord(pool, 'echo', target);
    const tunnels = await startTunnels(pool, ['a', 'b', 'c']);
    const burst = await openBurst(pool, tunnels, 3 * PLACES);
    expect(burst.counts).toEqual([PLACES, PLACES, PLACES]);
    expect(tunnels.flatMap(({ failures }) => failures)).toEqual([]);
    recordFigure({
      file: 'tunnels',
      what: `times a worker declined while ${3 * PLACES} connections took the last places`,
      unit: 'declines',
      values: [await countDeclines(pool)],
    });
    const [tunnel] = tunnels;
    if (tunnel === undefined) throw new Error('no tunnel');
    expect(await endOfDial(tunnel.port)).toBe('ECONNRESET');
    const [failure] = await tunnel.untilFailed(1, 2000);
    expect(failure).toMatch(/^connection failed: no-worker: no serving instance can take the job/);
    burst.sockets[0]?.end();
    const next = await dialEcho(tunnel.port, 'now there is room');
    next.destroy();
  });
});

/** Declines in the traces of all jobs. */
async function countDeclines({ started }: Pool): Promise<number> {
  const [a] = started;
  if (a === undefined) return Number.NaN;
  const { jobs } = await a.ask({ kind: 'jobs', most: 1000 });
  let declines = 0;
  for (const { jobId } of jobs) {
    const { steps } = await a.ask({ kind: 'trace', jobId });
    declines += steps.filter(({ what }) => what === 'declined').length;
  }
  return declines;
}
