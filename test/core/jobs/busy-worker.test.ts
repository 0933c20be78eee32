/** A worker that lives and is slow to answer, as everybody is on a busy machine. */

import { expect, it } from 'vitest';
import { SmallPool } from './small-pool.ts';

const SLOW_MS = 3000;
const SETTLE_MS = 6000;

it('a forward is not given up while its worker is known to live: the job is accepted after three seconds', () => {
  const pool = new SmallPool({ instances: 3, budgetKib: [1, 1, 20_000] }).form();
  let isSlow = true;
  pool.fate = ({ kind }) => (kind === 'forward' && isSlow ? 'drop' : 'deliver');
  pool.after(SLOW_MS, () => {
    isSlow = false;
  });
  const answers = pool.submit(pool.at(0), pool.request(pool.at(0)).sealed);
  pool.run(SETTLE_MS);
  expect(answers).toMatchObject([{ kind: 'accepted', worker: pool.at(2).key.id }]);
});
