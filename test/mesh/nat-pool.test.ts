import { describe, expect, it } from 'vitest';
import { relayOf } from '../../src/mesh/address.ts';
import { untilAgreed } from '../e2e/harness/agreement.ts';
import { useNetworks } from '../e2e/harness/network.ts';
import { usePools } from '../e2e/harness/pool.ts';
import { namespacesMissing } from '../e2e/harness/requirements.ts';
import { needs, until } from '../e2e/harness/until.ts';
import { shut } from './nat-host.ts';

const TEST_TIMEOUT_MS = 120_000;
const LINKED_MS = 40_000;
const THREE = ['left', 'right', 'relay'];

const createNetwork = useNetworks();
const createPool = usePools();
const missing = namespacesMissing();

describe.skipIf(missing !== undefined)(
  `a pool of which only one can be dialled${missing === undefined ? '' : ` (${missing})`}`,
  { timeout: TEST_TIMEOUT_MS },
  () => {
    it('agrees, and links each with each by the addresses in their member records', async () => {
      const network = createNetwork();
      const pool = createPool({ maxInstances: 3, bootstrap: ['relay'], site: (name) => network.site(name) });
      for (const name of ['left', 'right']) shut(network.site(name).enter ?? []);
      const three = pool.startAll(THREE, { args: ['--no-mdns'] });
      await untilAgreed(three, { holders: THREE });
      await until('each linked with each', { within: LINKED_MS, every: 100 }, async () => {
        const reports = await Promise.all(three.map((instance) => instance.ask({ kind: 'members' })));
        for (const { self, members } of reports) {
          const unlinked = members.filter(({ instanceId, linked }) => !linked && instanceId !== self);
          needs(unlinked.length === 0, () => JSON.stringify(unlinked));
        }
        const [relay] = reports.flatMap(({ members }) => members.filter(({ name }) => name === 'relay'));
        expect(relay?.addresses.filter((address) => relayOf(address) !== undefined)).toEqual([]);
      });
    });
  },
);
