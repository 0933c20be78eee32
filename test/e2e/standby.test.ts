/** An instance that waits beyond the limit: how soon it has the seat that falls free. */

import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { recordFigure } from './harness/figures.ts';
import type { Instance } from './harness/instance.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { scaled, timeFor } from './harness/scale.ts';

const createPool = usePools();
const ROUNDS = scaled({ usual: 3, full: 20 });
const HOLDERS = ['a', 'b', 'c'];
const DEADLINE_MS = 30_000;

describe('a standby', () => {
  it('takes the seat within 2 s after a clean stop of a holder', timeFor(ROUNDS, 15_000), async () => {
    const took = await takeSeats((holder) => void holder.signal('SIGTERM'));
    const figure = {
      file: 'standby',
      what: 'standby admitted after SIGTERM of a holder',
      unit: 'ms',
      target: '2000 ms',
    };
    expect(recordFigure({ ...figure, values: took }).max).toBeLessThan(2000);
  });

  it('takes the seat within 6 s after kill -9 of a holder', timeFor(ROUNDS, 20_000), async () => {
    const took = await takeSeats((holder) => void holder.signal('SIGKILL'));
    const figure = {
      file: 'standby',
      what: 'standby admitted after kill -9 of a holder',
      unit: 'ms',
      target: '6000 ms',
    };
    expect(recordFigure({ ...figure, values: took }).max).toBeLessThan(6000);
  });
});

/** Ends one holder after the other, oldest first; whoever was ended comes back as the standby of the next round. */
async function takeSeats(end: (holder: Instance) => void): Promise<readonly number[]> {
  const pool = createPool({ maxInstances: HOLDERS.length, bootstrap: HOLDERS });
  const holders = [...pool.startAll(HOLDERS)];
  await untilAgreed(holders, { holders: HOLDERS });
  let standby = await startStandby(pool, holders, 'd');
  const took: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const leaving = holders.shift();
    if (leaving === undefined) throw new Error('there are always three holders');
    const endedUnixMs = Date.now();
    end(leaving);
    const admitted = await standby.untilLogged('admitted', { within: DEADLINE_MS, sinceUnixMs: endedUnixMs });
    took.push(admitted.unixMs - endedUnixMs);
    await leaving.untilEnded(DEADLINE_MS);
    holders.push(standby);
    standby = await startStandby(pool, holders, leaving.name);
  }
  return took;
}

async function startStandby(pool: Pool, holders: readonly Instance[], name: string): Promise<Instance> {
  const standby = pool.start(name, { args: ['--standby'] });
  await untilAgreed([...holders, standby], { holders: holders.map((holder) => holder.name), waiting: [name] });
  return standby;
}
