import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type Network, useNetworks } from '../e2e/harness/network.ts';
import { namespacesMissing } from '../e2e/harness/requirements.ts';
import { isAlternating } from './instances.ts';
import { type Host, introduce, talk, untilLinked, useHosts } from './nat-host.ts';

const TEST_TIMEOUT_MS = 150_000;
const UP_DOWN_UP = ['link-up', 'link-down', 'link-up'];

const createNetwork = useNetworks();
const start = useHosts();
const missing = namespacesMissing();

async function startTwoShut(network: Network): Promise<readonly [Host, Host]> {
  const [left, right] = await Promise.all([start(network, 'left'), start(network, 'right')]);
  left.shut();
  right.shut();
  return [left, right];
}

describe.skipIf(missing !== undefined)(
  `two instances that cannot be dialled${missing === undefined ? '' : ` (${missing})`}`,
  { timeout: TEST_TIMEOUT_MS },
  () => {
    it('link through one that can, and when it has died, through one that comes later', async () => {
      const network = createNetwork();
      const [left, right] = await startTwoShut(network);
      const relay = await start(network, 'relay');
      introduce([left, right, relay]);
      await untilLinked([left, right, relay]);
      await talk(left, right, 'through the relay');
      await talk(right, left, 'and back');
      await talk(relay, left, 'directly');
      expect([relay.relays, left.relays, right.relays]).toEqual([[], [relay.id], [relay.id]]);

      await relay.kill();
      await left.until('alone', ({ linked }) => linked.length === 0);
      await left.until('without relay', () => left.relays.length === 0);
      const other = await start(network, 'other');
      introduce([left, right, other]);
      await untilLinked([left, right, other]);
      await talk(left, right, 'through the other');
      for (const history of [left.historyOf(right), right.historyOf(left)]) {
        expect(history.slice(0, 3)).toEqual(UP_DOWN_UP);
        expect(isAlternating(history)).toBe(true);
      }
    });

    it('reserve on two, and on a third when one of them dies', async () => {
      const network = createNetwork();
      const [left, right] = await startTwoShut(network);
      const relays = await Promise.all(['one', 'two', 'three'].map((name) => start(network, name)));
      introduce([left, right, ...relays]);
      await untilLinked([left, right, ...relays]);
      for (const host of [left, right]) await host.until('reserved twice', () => host.relays.length === 2);
      const dying = relays.find(({ id }) => left.relays.includes(id));
      await dying?.kill();
      const isGone = ({ relays: own }: Host): boolean => own.length === 2 && !own.includes(dying?.id ?? '');
      for (const host of [left, right]) await host.until('reserved elsewhere', () => isGone(host));
      await untilLinked([left, right]);
      await talk(left, right, 'still');
      expect(relays.flatMap((relay) => relay.relays)).toEqual([]);
    });

    it('move their link to a direct connection once one of them can be dialled', async () => {
      const network = createNetwork();
      const [left, right] = await startTwoShut(network);
      const relay = await start(network, 'relay');
      introduce([left, right, relay]);
      await untilLinked([left, right, relay]);
      left.open();
      await left.until('linked anew', () => left.historyOf(right).length === 3);
      await talk(right, left, 'directly');
      await relay.kill();
      await left.until('without the relay', ({ linked }) => !linked.includes(relay.id));
      await talk(left, right, 'without the relay');
      expect(left.historyOf(right)).toEqual(UP_DOWN_UP);
    });

    it('leave a relay that turns out not to be dialled by others either', async () => {
      const network = createNetwork();
      const [left, right] = await startTwoShut(network);
      const near = await start(network, 'near');
      near.shut(left);
      introduce([left, near]);
      await left.until('reserved', () => left.relays.includes(near.id));
      const relay = await start(network, 'relay');
      introduce([left, right, near, relay]);
      for (const host of [left, right, near]) await host.until('reserved there', () => host.relays.join() === relay.id);
      await untilLinked([left, right, near, relay]);
      await talk(left, right, 'through the other');
    });
  },
);

describe.skipIf(missing !== undefined)(`a public address${missing === undefined ? '' : ` (${missing})`}`, () => {
  it('is told to others, though nobody has confirmed it', { timeout: TEST_TIMEOUT_MS }, async () => {
    const network = createNetwork();
    const [command = '', ...args] = network.site('public').enter ?? [];
    execFileSync(command, [...args, 'ip', 'address', 'add', '5.6.7.8/32', 'dev', 'eth0']);
    const { id, addresses } = await start(network, 'public', '0.0.0.0');
    expect(addresses).toContain(`/ip4/5.6.7.8/tcp/7400/p2p/${id}`);
  });
});
