/** Ways to die, and how soon everybody knows; and that nobody is declared dead who only has to wait for a processor. */

import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { useBurners } from './harness/burners.ts';
import { recordFigure } from './harness/figures.ts';
import type { Instance } from './harness/instance.ts';
import { type Network, useNetworks } from './harness/network.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { namespacesMissing } from './harness/requirements.ts';
import { scaled, timeFor } from './harness/scale.ts';
import { needs, until } from './harness/until.ts';

const createNetwork = useNetworks();
const createPool = usePools();
const burn = useBurners();
const missing = namespacesMissing();
const FIVE = ['a', 'b', 'c', 'd', 'e'];
const ROUNDS = scaled({ usual: 3, full: 20 });
const KNOWN_MS = 3000;

interface World {
  readonly pool: Pool;
  readonly network: Network;
}

/** A way to die, and the way back. */
interface Death {
  readonly what: string;
  die(world: World, victim: Instance): void;
  /** The instance of that name afterwards. */
  revive(world: World, victim: Instance): Instance;
}

const DEATHS: readonly Death[] = [
  {
    what: 'kill -9',
    die: (_, victim) => victim.signal('SIGKILL'),
    revive: ({ pool }, { name }) => pool.start(name),
  },
  {
    what: 'SIGSTOP',
    die: (_, victim) => victim.signal('SIGSTOP'),
    revive: (_, victim) => {
      victim.signal('SIGCONT');
      return victim;
    },
  },
  {
    what: 'silent loss of all packets',
    die: ({ network }, { name }) => network.silence(name),
    revive: ({ network }, victim) => {
      network.heal();
      return victim;
    },
  },
];

describe.skipIf(missing !== undefined)(`in a pool of five${missing === undefined ? '' : ` (${missing})`}`, () => {
  for (const death of DEATHS) {
    it(`a death by ${death.what} is known to all within 3 s`, timeFor(ROUNDS, 30_000), async () => {
      const network = createNetwork();
      const pool = createPool({ maxInstances: 5, bootstrap: FIVE, site: (name) => network.site(name) });
      let instances = [...pool.startAll(FIVE)];
      const knownMs: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        await untilAgreed(instances, { holders: FIVE });
        const victim = instances[round % instances.length];
        if (victim === undefined) throw new Error('there are five');
        knownMs.push(await measureDeath(instances, victim, () => death.die({ pool, network }, victim)));
        const revived = death.revive({ pool, network }, victim);
        instances = instances.map((instance) => (instance === victim ? revived : instance));
      }
      const what = `${death.what}: known to all four others`;
      const { p99 } = recordFigure({ file: 'death', what, unit: 'ms', values: knownMs, target: 'p99 3000 ms' });
      expect(p99).toBeLessThanOrEqual(KNOWN_MS);
    });
  }
});

describe('with every processor busy', () => {
  const idleMs = scaled({ usual: 20_000, full: 600_000 });
  it(`nobody of five is declared dead in ${idleMs / 1000} s`, { timeout: 90_000 + idleMs }, async () => {
    const pool = createPool({ maxInstances: 5, bootstrap: FIVE });
    const instances = pool.startAll(FIVE);
    await untilAgreed(instances, { holders: FIVE });
    burn(8);
    const beganAtMs = performance.now();
    const sinceUnixMs = Date.now();
    await until('the time is over', { within: idleMs + 60_000, every: 500 }, () => {
      expect(deadSince(instances, sinceUnixMs)).toEqual([]);
      expect(instances.filter(({ isRunning }) => !isRunning)).toEqual([]);
      needs(performance.now() - beganAtMs >= idleMs, 'not yet');
    });
    await untilAgreed(instances, { holders: FIVE });
    expect(deadSince(instances, sinceUnixMs)).toEqual([]);
    const suspected = instances.map(
      (instance) => instance.logged('member-suspect').filter(({ unixMs }) => unixMs >= sinceUnixMs).length,
    );
    const what = `${idleMs / 1000} s with 8 processes burning: suspicions per instance, all refuted, nobody declared dead`;
    recordFigure({ file: 'death', what, unit: 'suspicions', values: suspected });
  });
});

/** From the death to the moment at which the last of the others has declared it. */
async function measureDeath(instances: readonly Instance[], victim: Instance, die: () => void): Promise<number> {
  const id = await victim.id();
  const others = instances.filter((instance) => instance !== victim);
  const diedUnixMs = Date.now();
  die();
  const times = await until(`all know that ${victim.name} is dead`, { within: 20_000 }, () => {
    const known = others.flatMap((other) =>
      deadSince([other], diedUnixMs)
        .filter(({ instance }) => instance === id)
        .slice(0, 1),
    );
    needs(known.length === others.length, `${known.length} of ${others.length} do`);
    return known.map(({ unixMs }) => unixMs);
  });
  return Math.max(...times) - diedUnixMs;
}

interface Declared {
  readonly by: string;
  readonly instance: unknown;
  readonly unixMs: number;
}

function deadSince(instances: readonly Instance[], sinceUnixMs: number): readonly Declared[] {
  return instances.flatMap((instance) =>
    instance
      .logged('member-dead')
      .filter(({ unixMs }) => unixMs >= sinceUnixMs)
      .map(({ fields, unixMs }) => ({ by: instance.name, instance: fields['instance'], unixMs })),
  );
}
