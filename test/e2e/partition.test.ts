/** A pool that is cut in two, grows on both sides, and heals. */

import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { recordFigure } from './harness/figures.ts';
import { type Network, useNetworks } from './harness/network.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { namespacesMissing } from './harness/requirements.ts';
import { scaled, timeFor } from './harness/scale.ts';

const createNetwork = useNetworks();
const createPool = usePools();
const missing = namespacesMissing();
const ROUNDS = scaled({ usual: 1, full: 20 });
const FIVE = ['a', 'b', 'c', 'd', 'e'];
const HEALED_MS = 10_000;

describe.skipIf(missing !== undefined)(
  `a pool of five that is split in two and three${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    it(
      'shows the same five within 10 s after healing: the two that came last on either side yield',
      timeFor(ROUNDS, 40_000),
      async () => {
        const network = createNetwork();
        const pool = createPool({ maxInstances: 5, bootstrap: FIVE, site: (name) => network.site(name) });
        const five = pool.startAll(FIVE);
        const before = await untilAgreed(five, { holders: FIVE, within: 30_000 });
        const took: number[] = [];
        for (let round = 0; round < ROUNDS; round++)
          took.push(await splitAndHeal({ pool, network, holders: before.holders }));
        expect(five.flatMap((instance) => instance.logged('draining'))).toEqual([]);
        const what = 'from healing until every view shows the same five and the two youngest are standby';
        const { max } = recordFigure({ file: 'partition', what, unit: 'ms', values: took, target: '10000 ms' });
        expect(max).toBeLessThan(HEALED_MS);
      },
    );
  },
);

interface Split {
  readonly pool: Pool;
  readonly network: Network;
  readonly holders: readonly string[];
}

/** The time from healing to agreement. */
async function splitAndHeal({ pool, network, holders }: Split): Promise<number> {
  const [a, b, c, d, e] = FIVE.map((name) => pool.started.find((instance) => instance.name === name));
  if (!a || !b || !c || !d || !e) throw new Error('five were started');
  for (const name of ['f', 'g']) pool.site(name);
  network.cut(['a', 'b', 'f'], ['c', 'd', 'e', 'g']);
  await Promise.all([
    untilAgreed([a, b], { holders: ['a', 'b'] }),
    untilAgreed([c, d, e], { holders: ['c', 'd', 'e'] }),
  ]);
  const [f, g] = [pool.start('f'), pool.start('g')];
  await Promise.all([
    untilAgreed([a, b, f], { holders: ['a', 'b', 'f'] }),
    untilAgreed([c, d, e, g], { holders: ['c', 'd', 'e', 'g'] }),
  ]);
  const healedAtMs = performance.now();
  network.heal();
  const after = await untilAgreed([a, b, c, d, e, f, g], { holders: FIVE, waiting: ['f', 'g'], within: 30_000 });
  const elapsedMs = performance.now() - healedAtMs;
  expect(after.holders).toEqual(holders);
  await Promise.all([f.stop(), g.stop()]);
  await untilAgreed([a, b, c, d, e], { holders: FIVE, waiting: [] });
  return elapsedMs;
}
