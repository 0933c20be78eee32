/** One pool for all tests of a file: they look at it without changing who is there. */

import { afterAll, afterEach } from 'vitest';
import { untilAgreed } from './agreement.ts';
import { Pool, type PoolInit, type StartInit } from './pool.ts';

/** A pool of so many instances, called `a`, `b`, `c`, …, each of which the configuration names. */
export const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;

/** How a formed pool begins. */
export interface FormInit {
  readonly instances: number;
  readonly pool?: Partial<PoolInit>;
  readonly start?: (name: string) => StartInit;
}

/** Makes a pool and waits until all its instances serve and agree. */
export async function formPool(
  { instances, pool: init, start }: FormInit,
  make = (given: PoolInit) => new Pool(given),
): Promise<Pool> {
  const names = NAMES.slice(0, instances);
  const pool = make({ maxInstances: instances, bootstrap: names, ...init });
  const started = names.map((name) => pool.start(name, start?.(name)));
  await untilAgreed(started, { holders: names });
  return pool;
}

/** Ends with the file what is made in it; logs are shown when a test fails. */
export function useSharedPools(): (init: FormInit) => Promise<Pool> {
  const pools = new Set<Pool>();
  process.on('exit', () => {
    for (const pool of pools) pool.endNow();
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') for (const pool of pools) process.stderr.write(`${pool.tails()}\n`);
  });
  afterAll(async () => {
    for (const pool of pools) await pool.end();
    pools.clear();
  });
  return (init) =>
    formPool(init, (given) => {
      const pool = new Pool(given);
      pools.add(pool);
      return pool;
    });
}
