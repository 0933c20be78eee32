import { perform } from './acts.ts';
import { CALM } from './conditions.ts';
import type { Act, Plan } from './plan.ts';
import type { SimProcess } from './sim-process.ts';
import { World } from './world.ts';

/** What one size of pool costs. */
export interface ScaleRow {
  readonly instances: number;
  /** At rest, each hop and its transport overhead counted. */
  readonly traffic: { readonly meanBytesPerS: number; readonly maxBytesPerS: number; readonly messagesPerS: number };
  /** From the start of a newcomer, the offer of a limit and a power cut until the others know, each of them. */
  readonly join: Spread;
  readonly limit: Spread;
  readonly death: Spread;
  readonly falseDeaths: number;
  /** Jobs on the fullest instance against the mean, after two for each asked at three entries within a second. */
  readonly imbalance: number;
}

/** How long it took until an instance knew: half of them, all but a hundredth, all. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Instances that join at the same time while the pool grows. */
const JOINING_MAX = 4;
const JOIN_MS_MAX = 10_000;
const REST_MS = 20_000;
const WATCH_MS = 15_000;
const LOOK_MS = 50;

/** Grows a pool to its size, lets it rest, and measures. */
export function measureScale({
  instances,
  lossPerMille,
}: {
  readonly instances: number;
  readonly lossPerMille: number;
}): ScaleRow {
  const plan: Plan = {
    seed: instances,
    maxInstances: instances + 1,
    bootstrap: 'all',
    conditions: { ...CALM, lossPerMille, delayLeastMs: 0.5, delayMeanMs: 2 },
    chaosMs: Number.MAX_SAFE_INTEGER,
    quietMs: 0,
    steps: Array.from({ length: instances + 1 }, (_, host) => ({ atMs: 0, ...startOf(host) })),
  };
  let falseDeaths = 0;
  const world: World = new World({
    plan,
    bootstrapMost: 8,
    checkers: [
      (there) => ({
        effect: (_, effect) => {
          if (effect.kind !== 'note' || effect.note.event !== 'member-dead') return;
          if (there.processes.some(({ id, running }) => id === effect.note.detail['instance'] && running))
            falseDeaths += 1;
        },
      }),
    ],
  });
  grow(world, instances);
  const traffic = restTraffic(world);
  const limit = news(world, () => {
    perform(world, { kind: 'set-limit', maxInstances: instances + 2, host: 0, expiresInMs: null, offsetMs: 0 });
    return ({ sight }) => sight.limit.version === 2;
  });
  const join = news(world, () => {
    perform(world, startOf(instances));
    const joiner = world.host(instances).process;
    return (process) => joiner !== undefined && stateOf(world, process, joiner) !== undefined;
  });
  const imbalance = burst(world);
  const death = news(world, () => {
    const victim = world.host(Math.floor(instances / 2)).process;
    if (victim !== undefined) world.crash(victim, false);
    return (process) => victim !== undefined && stateOf(world, process, victim) === 'dead';
  });
  return { instances, traffic, join, limit, death, falseDeaths, imbalance };
}

function startOf(host: number): Act {
  return { kind: 'start', host, standby: false, offsetMs: 0, driftPpm: 0, replaces: null };
}

/** Starts one after the other, a few at a time, until everybody is admitted; then the pool rests. */
function grow(world: World, instances: number): void {
  const untilMs = instances * JOIN_MS_MAX;
  for (let started = 0, admitted = 0; admitted < instances; ) {
    while (started < instances && started - admitted < JOINING_MAX) perform(world, startOf(started++));
    world.runUntil(world.now() + LOOK_MS);
    admitted = world.live().filter(({ sight }) => sight.state === 'admitted').length;
    if (world.now() > untilMs)
      throw new Error(`only ${admitted} of ${instances} are admitted after ${untilMs / 1000} s`);
  }
  world.runUntil(world.now() + REST_MS);
}

function restTraffic(world: World): ScaleRow['traffic'] {
  const before = world.live().map((process) => ({ process, ...process.traffic }));
  world.runUntil(world.now() + REST_MS);
  const seconds = REST_MS / 1000;
  const bytes = before.map(({ process, sentBytes }) => (process.traffic.sentBytes - sentBytes) / seconds);
  const messages = before.map(({ process, sentMessages }) => (process.traffic.sentMessages - sentMessages) / seconds);
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  return { meanBytesPerS: mean(bytes), maxBytesPerS: Math.max(...bytes), messagesPerS: mean(messages) };
}

/** Makes something happen and looks when everybody else knows of it. */
function news(world: World, happen: () => (process: SimProcess) => boolean): Spread {
  const startedMs = world.now();
  const others = new Set(world.live());
  const knows = happen();
  const delays: number[] = [];
  while (others.size > 0 && world.now() < startedMs + WATCH_MS) {
    world.runUntil(world.now() + LOOK_MS);
    for (const process of others) {
      if (process.running && !knows(process)) continue;
      others.delete(process);
      if (process.running) delays.push(world.now() - startedMs);
    }
  }
  for (const _ of others) delays.push(Number.POSITIVE_INFINITY);
  delays.sort((a, b) => a - b);
  const at = (share: number): number => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function stateOf(world: World, process: SimProcess, other: SimProcess): string | undefined {
  const { members } = process.machine.view({ atMs: process.clock.atMs(world.now()) });
  return members.find(({ record }) => record.instanceId === other.id)?.state;
}

/** Two jobs for each instance within a second, asked at three entries. */
function burst(world: World): number {
  const serving = world.live().filter(({ sight }) => sight.state === 'admitted');
  const jobs = 2 * serving.length;
  for (let entry = 0; entry < 3; entry++) {
    const count = Math.ceil(jobs / 3);
    perform(world, { kind: 'jobs', entry, count, spacingMs: 1000 / count, durationMs: 60_000, twist: 'none' });
  }
  world.runUntil(world.now() + 4000);
  const counts = new Map<SimProcess, number>();
  for (const { runs } of world.clients.jobs.values())
    for (const { process } of runs) counts.set(process, (counts.get(process) ?? 0) + 1);
  const total = [...counts.values()].reduce((sum, value) => sum + value, 0);
  return (Math.max(0, ...counts.values()) * serving.length) / Math.max(1, total);
}
