/** Instances that die, hang and return at moments that a seed decides. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../simulator/random.ts';
import type { Instance } from './instance.ts';
import type { Pool } from './pool.ts';
import { needs, until } from './until.ts';

/** What may happen, how often and to how many at once. */
export interface ChaosInit {
  readonly pool: Pool;
  readonly random: Random;
  readonly names: readonly string[];
  /** Between two faults, on average, in milliseconds. */
  readonly everyMs: number;
  readonly signal: AbortSignal;
}

/** How often each thing was done. */
export interface ChaosCounts {
  killed: number;
  hung: number;
  stopped: number;
}

const HANG_MS_MAX = 3000;
const AWAY_MS_MAX = 2000;
const RETURN_MS = 30_000;

/** Hurts one instance after the other until the signal comes; then all of them run again and serve. */
export async function makeChaos({ pool, random, names, everyMs, signal }: ChaosInit): Promise<ChaosCounts> {
  const counts: ChaosCounts = { killed: 0, hung: 0, stopped: 0 };
  while (!signal.aborted) {
    await delay(random.between(everyMs / 2, (everyMs * 3) / 2), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const victim = runningOf(pool, random.pick(names) ?? '');
    if (victim === undefined) continue;
    if (random.chance(350)) {
      counts.hung += 1;
      await hang(victim, random.between(300, HANG_MS_MAX));
      continue;
    }
    const orderly = random.chance(200);
    counts[orderly ? 'stopped' : 'killed'] += 1;
    await (orderly ? victim.stop() : victim.kill());
    await delay(random.below(AWAY_MS_MAX));
    pool.start(victim.name);
    // The next fault does not wait for it: two may be away at once.
  }
  await Promise.all(names.map((name) => untilServing(pool, name)));
  return counts;
}

async function hang(victim: Instance, forMs: number): Promise<void> {
  victim.signal('SIGSTOP');
  await delay(forMs);
  victim.signal('SIGCONT');
}

/** Waits until the instance of this name serves; one that was found dead by others and could not go on is started anew. */
function untilServing(pool: Pool, name: string): Promise<void> {
  return until(`${name} serves again`, { within: RETURN_MS, every: 200 }, async () => {
    const instance = runningOf(pool, name) ?? pool.start(name);
    const { state } = await instance.ask({ kind: 'status' });
    needs(state === 'admitted', `it is ${state}`);
  });
}

function runningOf(pool: Pool, name: string): Instance | undefined {
  return pool.started.findLast((instance) => instance.name === name && instance.isRunning);
}
