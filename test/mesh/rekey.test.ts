/** The private network while its key is replaced: who speaks with whom, and who learns why not. */

import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Libp2p } from '@libp2p/interface';
import { preSharedKey } from '@libp2p/pnet';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { afterEach, describe, expect, it } from 'vitest';
import { formatHex } from '../../src/base/bytes.ts';
import type { MeshInit } from '../../src/mesh/index.ts';
import { createNonce, NONCE_BYTES, saysNonce } from '../../src/mesh/network-key.ts';
import {
  DEADLINE_MS,
  dial,
  gossipTexts,
  linkHistory,
  startInstances,
  stopAll,
  TEST_TOPIC,
  type TestInstance,
  testKey,
  textBytes,
  untilLinked,
} from './instances.ts';

const instances: TestInstance[] = [];
const nodes: Libp2p[] = [];
afterEach(async () => {
  await stopAll(instances.splice(0));
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

const SUCCESSION = textBytes('what the admins have signed');
const FORMER = { poolTopic: TEST_TOPIC, networkKey: testKey('network'), discoveryTag: 'test' };
const NEW = { poolTopic: '/pam-mesh/1/pool/new', networkKey: testKey('new network'), discoveryTag: 'new' };

/** Knows the former secret alone. */
const former = (): Partial<MeshInit> => FORMER;
/** Knows both; the former one counts for so long. */
const both = (ms: number): Partial<MeshInit> => ({
  ...NEW,
  rekeyed: {
    former: { ...FORMER, untilUnixMs: Date.now() + ms },
    replacedKeys: [FORMER.networkKey],
    succession: SUCCESSION,
  },
});
/** Knows both; the former one counts no more. */
const renewed = (): Partial<MeshInit> => ({
  ...NEW,
  rekeyed: { former: null, replacedKeys: [FORMER.networkKey], succession: SUCCESSION },
});

async function start(label: string, changes: Partial<MeshInit>): Promise<TestInstance> {
  const [instance] = await startInstances([label], changes);
  if (instance === undefined) throw new Error('one was started');
  instances.push(instance);
  return instance;
}

describe('a nonce', () => {
  it('says what it says under its key alone, and is another one each time', () => {
    const [key, other] = [testKey('a'), testKey('b')];
    const nonce = createNonce(key, 'holds');
    expect(nonce).toHaveLength(NONCE_BYTES);
    expect(nonce).not.toEqual(createNonce(key, 'holds'));
    expect([saysNonce(nonce, key, 'holds'), saysNonce(nonce, key, 'replaced')]).toEqual([true, false]);
    expect(saysNonce(nonce, other, 'holds')).toBe(false);
    for (let place = 0; place < NONCE_BYTES; place++) {
      const changed = Uint8Array.from(nonce);
      changed[place] = (changed[place] ?? 0) ^ 1;
      expect(saysNonce(changed, key, 'holds')).toBe(false);
    }
  });
});

describe('the private network', () => {
  it("speaks with libp2p's own, whoever dials", async () => {
    const psk = new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${formatHex(FORMER.networkKey)}`);
    const theirs = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionProtector: preSharedKey({ psk }),
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
    });
    nodes.push(theirs);
    const ours = await start('ours', former());
    const dialled = await theirs.dial(multiaddr(ours.mesh.listenAddresses()[0]));
    expect(dialled.remotePeer.toString()).toBe(ours.id);
    const other = await start('other', both(DEADLINE_MS));
    const addresses = theirs.getMultiaddrs().map(String);
    expect(await other.mesh.connect(addresses, AbortSignal.timeout(DEADLINE_MS))).toBe(theirs.peerId.toString());
  });

  it.each([
    ['who knows both with who knows the former alone', former(), both(60_000)],
    ['the other way round', both(60_000), former()],
    ['two who know both', both(60_000), both(60_000)],
    ['who knows both with who takes the new one alone', both(60_000), renewed()],
    ['the other way round', renewed(), both(60_000)],
  ])('lets speak %s', async (_what, first, second) => {
    const [dialler, listener] = [await start('dialler', first), await start('listener', second)];
    await dial(dialler, listener);
    await Promise.all([untilLinked(dialler, 1), untilLinked(listener, 1)]);
    for (const [from, to] of [
      [dialler, listener],
      [listener, dialler],
    ] as const) {
      from.mesh.publish(textBytes(`from ${from.id}`));
      await to.until('the message', () => gossipTexts(to).includes(`from ${from.id}`));
    }
  });

  it('drops whoever knows the former secret alone at the end of its time, and nobody else', async () => {
    const [first, second] = [await start('first', both(2_500)), await start('second', both(2_500))];
    const left = await start('left', former());
    await dial(first, second);
    await dial(left, first);
    await dial(second, left);
    await Promise.all([first, second, left].map((one) => untilLinked(one, 2)));
    await left.until('it is out', () => left.mesh.linkedPeers().length === 0);
    await Promise.all([untilLinked(first, 1), untilLinked(second, 1)]);
    expect(linkHistory(first, second.id)).toEqual(['link-up']);
    first.mesh.publish(textBytes('without it'));
    await second.until('the message', () => gossipTexts(second).includes('without it'));
    await expect(dial(left, first)).rejects.toThrow();
    await expect(dial(first, left)).rejects.toThrow();
  });

  it('tells whoever comes with a replaced secret, and shows what the admins have signed', async () => {
    const [late, member] = [await start('late', former()), await start('member', renewed())];
    await expect(dial(late, member)).rejects.toThrow();
    await late.until('it is told', () => late.events.some(({ kind }) => kind === 'secret-replaced'));
    expect(late.events).toEqual([{ kind: 'secret-replaced', succession: SUCCESSION }]);
    expect(member.events).toEqual([{ kind: 'former-refused', address: expect.stringContaining('/ip4/127.0.0.1/') }]);
    // The other way round nobody is told: who listens has shown nothing yet, and dials itself before long.
    await expect(dial(member, late)).rejects.toThrow();
    expect(late.mesh.linkedPeers()).toEqual([]);
  });

  it('tells nobody else: a stranger with another secret fails as ever', async () => {
    const [stranger, member] = [
      await start('stranger', { ...FORMER, networkKey: testKey('another network') }),
      await start('member', renewed()),
    ];
    await expect(dial(stranger, member)).rejects.toThrow();
    expect([...stranger.events, ...member.events]).toEqual([]);
  });
});
