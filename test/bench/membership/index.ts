/** Membership beside Serf: how soon everybody knows of a join, a limit and a death, and what an idle instance costs. */

import type { Instance } from '../../e2e/harness/instance.ts';
import { residentMib } from '../../e2e/harness/memory.ts';
import { needs, until } from '../../e2e/harness/until.ts';
import type { Plot } from '../measure/plot.ts';
import { processorMs } from '../measure/process-tree.ts';
import { figureAim, median, type Row, rowOf } from '../measure/rows.ts';
import { type Bench, type Part, type PartReport, sized } from '../part.ts';
import { type ServingPool, startServingPool } from '../serving-pool.ts';
import { type SerfAgent, serfMissing, serfVersion, startSerf, untilAllKnow } from './serf-pool.ts';

/** Part 4. */
export const membership: Part = {
  name: 'membership',
  title: 'Membership: join, limit, death, idle cost',
  run: measureMembership,
};

const KNOWN_MS = 60_000;
const LOOK_EVERY_MS = 50;
const DEATH_KNOWN_MS_MAX = 2000;
const IDLE_PERCENT_MAX = 1;
/** Nobody listens there, and nobody is asked to. */
const NO_PORT = 9;

type Measure = 'join' | 'limit' | 'death' | 'memory' | 'processor';

/** One size of pool, several times over. */
type Taken = Readonly<Record<Measure, number[]>>;

async function measureMembership(bench: Bench): Promise<PartReport> {
  const missing = serfMissing();
  const rows: Row[] = [];
  const notes = [
    missing ??
      `serf: ${serfVersion()}, profile "local"; its members are asked with the serf command, which takes some ms`,
  ];
  const growth = new Map<number, { readonly ours: Taken; readonly theirs: Taken }>();
  for (const instances of bench.isSmoke ? [2] : [3, 10, 30]) {
    bench.say(`  ${instances} instances`);
    const ours = await takePool(bench, instances);
    // A peer that does not form leaves our own figures as they are.
    const theirs = await (missing === undefined ? takeSerf(bench, instances) : Promise.resolve(nothing())).catch(
      (error: Error) => {
        notes.push(`${instances} agents of serf: not measured: ${error.message}`);
        return nothing();
      },
    );
    growth.set(instances, { ours, theirs });
    rows.push(...rowsOf(instances, ours, theirs));
  }
  return { rows, plots: bench.isSmoke ? [] : plotsOf(growth), notes };
}

/** Each death costs an instance, so larger pools give more of them from one start; all runs are of one pool. */
async function takePool(bench: Bench, instances: number): Promise<Taken> {
  const taken = nothing();
  const serving = await startServingPool(bench, instances, NO_PORT);
  await takeIdle(bench, taken, serving.processIds);
  let limit = instances;
  for (let run = 0; run < bench.runs; run++) {
    limit += 1;
    taken.limit.push(await limitKnown(serving, limit));
    const { joiner, joinedMs } = await joinKnown(serving, run);
    taken.join.push(joinedMs);
    taken.death.push(await deathKnown(serving, joiner));
  }
  await serving.pool.end();
  return taken;
}

async function limitKnown({ pool }: ServingPool, limit: number): Promise<number> {
  const { code, stdout, stderr } = await pool.pam([
    'gateway',
    'set-max-instances',
    '-g',
    pool.uid,
    '-m',
    String(limit),
    '--json',
  ]);
  if (code !== 0) throw new Error(`set-max-instances ended with ${code}: ${stderr}`);
  const answer: { readonly elapsed_ms: number } = JSON.parse(stdout);
  return answer.elapsed_ms;
}

/** From the moment in which the new instance itself says that it listens until all others see it. */
async function joinKnown(
  { pool, names }: ServingPool,
  run: number,
): Promise<{ readonly joiner: Instance; readonly joinedMs: number }> {
  const name = `joiner-${run}`;
  const joiner = pool.start(name, { args: ['--peer', pool.site(names[0] ?? '').mesh] });
  const { unixMs: beganUnixMs } = await joiner.untilLogged('listening', { within: KNOWN_MS });
  const others = running(pool.started).filter((instance) => instance !== joiner);
  return { joiner, joinedMs: await lastLogged(others, { event: 'member-met', id: await joiner.id(), beganUnixMs }) };
}

async function deathKnown({ pool }: ServingPool, victim: Instance): Promise<number> {
  const id = await victim.id();
  const beganUnixMs = Date.now();
  await victim.kill();
  return lastLogged(running(pool.started), { event: 'member-dead', id, beganUnixMs });
}

function running(instances: readonly Instance[]): readonly Instance[] {
  return instances.filter(({ isRunning }) => isRunning);
}

/** Milliseconds until the last of them has said this of a member, by its own log: asking them all the time would be a load of its own. */
async function lastLogged(
  instances: readonly Instance[],
  { event, id, beganUnixMs }: { readonly event: string; readonly id: string; readonly beganUnixMs: number },
): Promise<number> {
  const times = await Promise.all(
    instances.map((instance) =>
      until(`${instance.name} logs ${event} of ${id}`, { within: KNOWN_MS, every: LOOK_EVERY_MS }, () => {
        const entry = instance.logged(event).find(({ fields }) => fields['instance'] === id);
        needs(entry !== undefined, 'not yet');
        return entry.unixMs;
      }),
    ),
  );
  return Math.max(...times) - beganUnixMs;
}

async function takeSerf(bench: Bench, instances: number): Promise<Taken> {
  const taken = nothing();
  let agents = await startSerf(bench, instances);
  await takeIdle(
    bench,
    taken,
    agents.map(({ processId }) => processId),
  );
  // Deaths of distinct agents; some must be left to know of them.
  for (let run = 0; run < Math.min(bench.runs, instances - 2); run++) {
    const beganAtMs = performance.now();
    const victim: SerfAgent | undefined = agents.at(-1);
    victim?.kill();
    agents = agents.slice(0, -1);
    await untilAllKnow(
      agents,
      agents.map(({ name }) => name),
    );
    taken.death.push(performance.now() - beganAtMs);
  }
  for (const agent of agents) agent.kill();
  return taken;
}

/** Memory and processor time with nothing to do, per process. */
async function takeIdle(bench: Bench, taken: Taken, processIds: readonly number[]): Promise<void> {
  const settleMs = sized(bench, { full: 10_000, smoke: 500 });
  const lookMs = sized(bench, { full: 3000, smoke: 1000 });
  await untilPassed(settleMs);
  for (let look = 0; look < bench.runs; look++) {
    const before = processorMs(processIds);
    const beganAtMs = performance.now();
    await untilPassed(lookMs);
    const share = (processorMs(processIds) - before) / (performance.now() - beganAtMs);
    taken.processor.push((share * 100) / processIds.length);
    taken.memory.push(median(processIds.map(residentMib)));
  }
}

/** What is measured is time that passes with nothing to do. */
function untilPassed(durationMs: number): Promise<void> {
  const beganAtMs = performance.now();
  return until('the time has passed', { within: durationMs + 10_000, every: 100 }, () => {
    needs(performance.now() - beganAtMs >= durationMs, 'not yet');
  });
}

function rowsOf(instances: number, ours: Taken, theirs: Taken): readonly Row[] {
  const measures: Readonly<Record<Measure, Parameters<typeof rowOf>[0]>> = {
    join: { what: `${instances}: join known to all, after it listens`, unit: 'ms' },
    limit: { what: `${instances}: limit held by all, as the command sees it`, unit: 'ms' },
    death: { what: `${instances}: kill known to all`, unit: 'ms', aim: figureAim({ below: DEATH_KNOWN_MS_MAX }, 'ms') },
    memory: { what: `${instances}: resident when idle`, unit: 'MiB' },
    processor: {
      what: `${instances}: of a processor when idle`,
      unit: '%',
      ...(instances === 10 ? { aim: figureAim({ below: IDLE_PERCENT_MAX }, '%') } : {}),
    },
  };
  return Object.entries(measures).map(([measure, init]) => {
    const theirValues = theirs[measure as Measure];
    const peer = theirValues.length === 0 ? [] : [{ name: 'serf', values: theirValues }];
    return rowOf(init, [{ name: 'pool', values: ours[measure as Measure] }, ...peer]);
  });
}

function plotsOf(growth: ReadonlyMap<number, { readonly ours: Taken; readonly theirs: Taken }>): readonly Plot[] {
  const curve = (name: string, of: (at: { readonly ours: Taken; readonly theirs: Taken }) => readonly number[]) => ({
    name,
    points: [...growth].map(([x, at]) => ({ x, y: median(of(at)) })).filter(({ y }) => Number.isFinite(y)),
  });
  return [
    {
      name: 'membership-death',
      title: 'Kill known to all',
      x: 'instances',
      y: 'ms',
      curves: [curve('pool', ({ ours }) => ours.death), curve('serf', ({ theirs }) => theirs.death)],
    },
    {
      name: 'membership-idle',
      title: 'Processor time of an idle instance',
      x: 'instances',
      y: '% of a processor',
      curves: [curve('pool', ({ ours }) => ours.processor), curve('serf', ({ theirs }) => theirs.processor)],
    },
  ];
}

function nothing(): Taken {
  return { join: [], limit: [], death: [], memory: [], processor: [] };
}
