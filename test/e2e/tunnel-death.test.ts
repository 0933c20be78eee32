import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { recordFigure } from './harness/figures.ts';
import type { Instance } from './harness/instance.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { addRecord } from './harness/records.ts';
import { scaled, timeFor } from './harness/scale.ts';
import { formPool } from './harness/shared-pool.ts';
import { type Tunnel, useTunnels } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { dialEcho, endOf } from './targets/socket.ts';
import { echo, startTarget, type Target } from './targets/target.ts';

const createPool = usePools();
const startTunnel = useTunnels();
const ROUNDS = scaled({ usual: 2, full: 20 });
/** Connections under way when the instance dies: some on each. */
const CONNECTIONS = 12;
const NEXT_MS_MAX = 2000;
const LOST_MS_MAX = 3000;

let target: Target;
beforeAll(async () => {
  target = await startTarget(echo);
});
afterAll(() => target.stop());

/** Jobs of the tunnel that this instance shows. */
async function jobsOf(instance: Instance, tunnelId: string) {
  const { jobs } = await instance.ask({ kind: 'jobs', most: 5000 });
  return jobs.filter(({ parent, jobId }) => parent === tunnelId || jobId === tunnelId);
}

/** Kills, and measures until the next connection works and until everybody shows its jobs as lost. */
async function die(
  pool: Pool,
  tunnel: Tunnel,
  victim: Instance,
): Promise<{ readonly nextMs: number; readonly lostMs: number }> {
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, number) => dialEcho(tunnel.port, `before ${number}`)),
  );
  const ends = sockets.map(endOf);
  const survivors = pool.started.filter((instance) => instance.isRunning && instance !== victim);
  const victimId = await victim.id();
  const doomed = await until('everybody knows of all connections', { within: 5000 }, async () => {
    const [jobs = [], ...others] = await Promise.all(survivors.map((instance) => jobsOf(instance, tunnel.ready.jobId)));
    const running = jobs.filter(({ state, parent }) => state === 'running' && parent !== null);
    needs(running.length === CONNECTIONS, `one knows of ${running.length}`);
    needs(
      others.every(
        (list) => list.filter(({ state, parent }) => state === 'running' && parent !== null).length === CONNECTIONS,
      ),
      'another one does not',
    );
    return running.filter(({ worker }) => worker === victimId).map(({ jobId }) => jobId);
  });
  expect(doomed.length).toBeGreaterThan(0);
  const beganAtMs = performance.now();
  victim.signal('SIGKILL');
  const next = connectAfter(tunnel, beganAtMs);
  const lost = until('every view shows the jobs as lost', { within: LOST_MS_MAX }, async () => {
    for (const instance of survivors) {
      const states = new Map((await jobsOf(instance, tunnel.ready.jobId)).map(({ jobId, state }) => [jobId, state]));
      for (const jobId of doomed)
        needs(states.get(jobId) === 'lost', `${instance.name} shows ${jobId} as ${states.get(jobId)}`);
    }
    return performance.now() - beganAtMs;
  });
  const [nextMs, lostMs] = await Promise.all([next, lost]);
  for (const socket of sockets) socket.destroy();
  await Promise.all(ends);
  return { nextMs, lostMs };
}

/** The time until a connection that is made now is through; the tunnel's own words if it is not. */
async function connectAfter(tunnel: Tunnel, sinceMs: number): Promise<number> {
  try {
    const socket = await dialEcho(tunnel.port, 'after', NEXT_MS_MAX);
    socket.destroy();
    return performance.now() - sinceMs;
  } catch (cause) {
    const afterMs = Math.round(performance.now() - sinceMs);
    await tunnel.untilFailed(1, 1000).catch(() => undefined);
    throw new Error(`the next connection failed after ${afterMs} ms: ${cause}; ${tunnel.said()}`, {
      cause,
    });
  }
}

async function instanceWithId(running: readonly Instance[], id: string): Promise<Instance | undefined> {
  for (const instance of running) if ((await instance.id()) === id) return instance;
  return undefined;
}

describe('kill -9 of an instance with connections on it', () => {
  const table = [
    ['another than the entry', async (running: readonly Instance[]) => running.find(({ name }) => name === 'c')],
    ['the entry itself', instanceWithId],
  ] as const;
  it.each(table)(
    '%s: the next one works within 2 s, and its jobs are lost in every view within 3 s',
    timeFor(ROUNDS, 12_000),
    async (which, choose) => {
      const pool = await formPool({ instances: 3 }, createPool);
      await addRecord(pool, 'echo', target);
      const figures: { readonly nextMs: number; readonly lostMs: number }[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const running = pool.started.filter(({ isRunning }) => isRunning);
        // Whichever of the two answers first is the entry.
        const tunnel = await startTunnel({ pool, record: 'echo', entries: ['a', 'b'] });
        const victim = await choose(running, tunnel.ready.entry);
        if (victim === undefined) throw new Error('the instance to be killed does not run');
        figures.push(await die(pool, tunnel, victim));
        await tunnel.stop();
        await victim.ended;
        await untilAgreed([...running.filter((instance) => instance !== victim), pool.start(victim.name)], {
          holders: ['a', 'b', 'c'],
        });
      }
      const next = figures.map(({ nextMs }) => nextMs);
      const lost = figures.map(({ lostMs }) => lostMs);
      recordFigure({
        file: 'tunnels',
        what: `kill -9 of ${which}: until the next connection works`,
        unit: 'ms',
        values: next,
        target: `${NEXT_MS_MAX} ms`,
      });
      recordFigure({
        file: 'tunnels',
        what: `kill -9 of ${which}: until every view shows its jobs as lost`,
        unit: 'ms',
        values: lost,
        target: `${LOST_MS_MAX} ms`,
      });
    },
  );
});
