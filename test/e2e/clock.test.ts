/** Instances whose clock is wrong: nobody gains a place by it. */

import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { clockAhead } from './harness/clock.ts';
import { usePools } from './harness/pool.ts';
import { PATIENTLY } from './harness/scale.ts';

const createPool = usePools();
const HOUR_MS = 3_600_000;

describe('an instance with a wrong clock', PATIENTLY, () => {
  it('one hour behind joins last and displaces nobody', async () => {
    const pool = createPool({ maxInstances: 3, bootstrap: ['a', 'b'] });
    const [a, b] = pool.startAll(['a', 'b']);
    if (a === undefined || b === undefined) throw new Error('two were started');
    const before = await untilAgreed([a, b], { holders: ['a', 'b'] });
    const late = pool.start('late', { env: clockAhead(-HOUR_MS) });
    const joined = await untilAgreed([a, b, late], { holders: ['a', 'b', 'late'] });
    expect(joined.holders).toEqual([...before.holders, 'late']);
    expect(Date.parse(joined.joinedAt['late'] ?? '')).toBeGreaterThan(Date.now() - 60_000);

    const full = pool.start('full', { env: clockAhead(-HOUR_MS) });
    const ending = await full.untilEnded(40_000);
    expect([ending.code, ending.lastLine]).toEqual([
      3,
      'Maximum instances reached: 3 of 3 (this instance would be rank 3)',
    ]);
    const after = await untilAgreed([a, b, late], { holders: joined.holders });
    expect(after.joinedAt).toEqual(joined.joinedAt);
    expect([a, b, late].flatMap((instance) => instance.logged('draining'))).toEqual([]);
  });

  it('one hour ahead is refused with its offset named and exit code 2', async () => {
    const pool = createPool({ maxInstances: 3, bootstrap: ['a', 'b'] });
    const instances = pool.startAll(['a', 'b']);
    const before = await untilAgreed(instances, { holders: ['a', 'b'] });
    const early = pool.start('early', { env: clockAhead(HOUR_MS) });
    const { code, lastLine } = await early.untilEnded(40_000);
    const seconds = /^this server's clock is (\d+\.\d) s ahead of the pool's; at most 10 s are allowed/.exec(
      lastLine,
    )?.[1];
    expect([code, lastLine]).toEqual([2, expect.stringContaining('set the clock (NTP) and start again')]);
    expect(Math.abs(Number(seconds) - HOUR_MS / 1000)).toBeLessThan(5);
    const after = await untilAgreed(instances, { holders: ['a', 'b'] });
    expect(after.joinedAt).toEqual(before.joinedAt);
  });
});
