/** How instances find each other, whatever comes up first. */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import type { Instance } from './harness/instance.ts';
import { useNetworks } from './harness/network.ts';
import { usePools } from './harness/pool.ts';
import { namespacesMissing } from './harness/requirements.ts';
import { PATIENTLY } from './harness/scale.ts';
import { needs, until } from './harness/until.ts';

const createNetwork = useNetworks();
const createPool = usePools();
const missing = namespacesMissing();

async function untilAdmitted(instance: Instance): Promise<void> {
  await instance.untilLogged('admitted', { within: 40_000 });
}

describe('instances find each other', PATIENTLY, () => {
  it('when all know one address and who listens there comes up last', async () => {
    const pool = createPool({ maxInstances: 3, bootstrap: ['last'] });
    const early = pool.startAll(['b', 'c']);
    await Promise.all(early.map(untilAdmitted));
    const last = pool.start('last');
    await untilAgreed([...early, last], { holders: ['b', 'c', 'last'] });
  });

  for (const order of [
    ['a', 'b', 'c'],
    ['c', 'b', 'a'],
  ]) {
    it(`when they start as ${order.join(', ')} and only the addresses of a and b are configured`, async () => {
      const pool = createPool({ maxInstances: 3, bootstrap: ['a', 'b'] });
      const instances: Instance[] = [];
      for (const name of order) {
        const instance = pool.start(name);
        instances.push(instance);
        await instance.untilLogged('listening', { within: 40_000 });
      }
      await untilAgreed(instances, { holders: order });
    });
  }

  it('when the peers of the first are down at first: it starts alone, and they join it', async () => {
    const pool = createPool({ maxInstances: 3 });
    const alone = pool.start('alone', { args: ['--peer', pool.site('b').mesh, '--peer', pool.site('c').mesh] });
    const { holders } = await untilAgreed([alone], { holders: ['alone'] });
    expect(holders).toEqual(['alone']);
    const joining = pool.startAll(['b', 'c']);
    const agreed = await untilAgreed([alone, ...joining], { holders: ['alone', 'b', 'c'] });
    expect(agreed.maxInstances).toBe(3);
  });

  it('when one knows a single member: it learns the others from that one', async () => {
    const pool = createPool({ maxInstances: 3 });
    const a = pool.start('a');
    await untilAdmitted(a);
    const b = pool.start('b', { args: ['--peer', pool.site('a').mesh] });
    await untilAdmitted(b);
    const c = pool.start('c', { args: ['--peer', pool.site('b').mesh] });
    await untilAgreed([a, b, c], { holders: ['a', 'b', 'c'] });
    await until('c has a link to a', { within: 5000 }, async () => {
      const { members } = await c.ask({ kind: 'members' });
      needs(members.find(({ name }) => name === 'a')?.linked === true, 'it has none');
    });
  });

  it('when one starts again without --peer: it remembers the addresses', async () => {
    const pool = createPool({ maxInstances: 3 });
    const a = pool.start('a');
    await untilAdmitted(a);
    const first = pool.start('b', { args: ['--peer', pool.site('a').mesh] });
    await untilAgreed([a, first], { holders: ['a', 'b'] });
    await until('b has remembered where a is', { within: 20_000, every: 200 }, () => {
      needs(rememberedAddresses(first.dataDir).length > 0, 'its store has no address');
    });
    await first.stop();
    const again = pool.start('b');
    await untilAgreed([a, again], { holders: ['a', 'b'] });
  });

  it.skipIf(missing !== undefined)(
    `when they share a network and know no address, by local discovery${missing === undefined ? '' : ` (${missing})`}`,
    async () => {
      const network = createNetwork();
      const pool = createPool({ maxInstances: 3, site: (name) => network.site(name) });
      const instances = pool.startAll(['a', 'b', 'c'], { args: ['--mdns'] });
      await untilAgreed(instances, { holders: ['a', 'b', 'c'] });
    },
  );
});

/** As the instance's own file has them. */
function rememberedAddresses(dataDir: string): readonly unknown[] {
  const database = new DatabaseSync(join(dataDir, 'store.sqlite'), { readOnly: true });
  try {
    return database.prepare('SELECT address FROM addresses').all();
  } finally {
    database.close();
  }
}
