/** Looks at every view of a pool again and again while something happens, and remembers what it saw. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Instance } from './instance.ts';

const LOOK_MS = 15;

/** One look at one view. */
export interface SeatSample {
  /** Whose view it is. */
  readonly view: string;
  readonly seatsHeld: number;
  /** Names of those shown as admitted or draining. */
  readonly serving: readonly string[];
}

/** Does something and tells what every one of the instances saw meanwhile. */
export async function watchSeats(
  instances: () => readonly Instance[],
  during: () => Promise<void>,
): Promise<readonly SeatSample[]> {
  const samples: SeatSample[] = [];
  const over = new AbortController();
  const watching = watch(instances, samples, over.signal);
  try {
    await during();
  } finally {
    over.abort();
    await watching;
  }
  return samples;
}

async function watch(instances: () => readonly Instance[], samples: SeatSample[], over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const running = instances().filter(({ isRunning }) => isRunning);
    const seen = await Promise.all(running.map(look));
    samples.push(...seen.filter((sample) => sample !== undefined));
    await delay(LOOK_MS);
  }
}

/** Undefined where an instance is starting or ending. */
async function look(instance: Instance): Promise<SeatSample | undefined> {
  try {
    const { seatsHeld, order } = await instance.ask({ kind: 'admission' });
    const serving = order.filter(({ state }) => state === 'admitted' || state === 'draining').map(({ name }) => name);
    return { view: instance.name, seatsHeld, serving };
  } catch {
    return undefined;
  }
}
