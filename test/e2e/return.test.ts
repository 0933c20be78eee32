/** Processes that come back, and data directories that are used twice. */

import { cpSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { heldStart } from './harness/held-start.ts';
import type { Instance } from './harness/instance.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { PATIENTLY } from './harness/scale.ts';

const createPool = usePools();
const NAMES = ['a', 'b', 'c'];

interface Three {
  readonly pool: Pool;
  readonly a: Instance;
  readonly b: Instance;
  readonly c: Instance;
}

async function startThree(): Promise<Three> {
  const pool = createPool({ maxInstances: 3, bootstrap: NAMES });
  const [a, b, c] = pool.startAll(NAMES);
  if (a === undefined || b === undefined || c === undefined) throw new Error('three were started');
  await untilAgreed([a, b, c], { holders: NAMES });
  return { pool, a, b, c };
}

describe('a crashed instance', PATIENTLY, () => {
  it('that is back before it is declared dead resumes its seat', async () => {
    const { pool, a, b, c } = await startThree();
    const before = await untilAgreed([a, b, c], { holders: NAMES });
    // A waiting one would take any seat that fell free.
    const standby = pool.start('d', { args: ['--standby'] });
    await untilAgreed([a, b, c, standby], { holders: NAMES, waiting: ['d'] });
    // Loaded beforehand, so that it is back in time on a busy machine too.
    const again = pool.start('a', { env: heldStart() });
    await again.untilHeld(30_000);
    await a.kill();
    again.release();
    const after = await untilAgreed([again, b, c, standby], { holders: NAMES, waiting: ['d'] });
    for (const name of NAMES) expect([name, after.joinedAt[name]]).toEqual([name, before.joinedAt[name]]);
    expect(standby.logged('admitted')).toEqual([]);
  });

  it('that comes back later queues behind whoever took its seat', async () => {
    const { pool, a, b, c } = await startThree();
    const standby = pool.start('d', { args: ['--standby'] });
    await untilAgreed([a, b, c, standby], { holders: NAMES, waiting: ['d'] });
    await a.kill();
    await untilAgreed([b, c, standby], { holders: ['b', 'c', 'd'] });
    const ending = await pool.start('a').untilEnded(40_000);
    expect([ending.code, ending.lastLine]).toEqual([
      3,
      'Maximum instances reached: 3 of 3 (this instance would be rank 3)',
    ]);
    await untilAgreed([b, c, standby], { holders: ['b', 'c', 'd'] });
  });
});

describe('a data directory', PATIENTLY, () => {
  it('takes one process at a time', async () => {
    const pool = createPool({ maxInstances: 3, bootstrap: ['a'] });
    const first = pool.start('a');
    await first.untilLogged('admitted', { within: 40_000 });
    const second = pool.start('second', { dataDir: pool.dataDir('a') });
    const { code } = await second.untilEnded(40_000);
    expect(code).toBe(2);
    expect(second.lines.join('\n')).toContain(
      `data directory ${pool.dataDir('a')} is in use by process ${first.processId}`,
    );
    await untilAgreed([first], { holders: ['a'] });
  });

  it('that was copied stops the process that started later', async () => {
    const { pool, a, b, c } = await startThree();
    cpSync(pool.dataDir('a'), pool.dataDir('copy'), {
      recursive: true,
      filter: (path) => !/\.(?:sock|path)$/.test(path),
    });
    const copy = pool.start('copy');
    const { code, lastLine } = await copy.untilEnded(40_000);
    expect([code, lastLine]).toEqual([
      2,
      expect.stringMatching(/runs with this instance's identity \S+: the data directory was copied/),
    ]);
    const after = await untilAgreed([a, b, c], { holders: NAMES });
    expect(after.holders).toHaveLength(3);
    expect(a.isRunning).toBe(true);
  });
});
