import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, describe, expect, it } from 'vitest';
import { assertDefined } from '../../src/base/assert.ts';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import type { InstanceId } from '../../src/base/ids.ts';
import { FrameKind } from '../../src/mesh/frame.ts';
import { PoolGossip } from '../../src/mesh/gossip.ts';
import { DialError } from '../../src/mesh/index.ts';
import { NetworkProtector } from '../../src/mesh/network-protector.ts';
import { createMeshNode, type MeshNode } from '../../src/mesh/node.ts';
import { LINK_PROTOCOL } from '../../src/mesh/peer.ts';
import {
  createInstance,
  DEADLINE_MS,
  dial,
  isAlternating,
  linkHistory,
  startInstances,
  stopAll,
  TEST_TOPIC,
  type TestInstance,
  testKey,
  textBytes,
  untilLinked,
} from './instances.ts';

/** Above the number of half-open connections the listener holds. */
const HALF_OPEN = 150;
const FLOOD = 1_000;
const FLOOD_AT_ONCE = 100;

let instances: TestInstance[] = [];
const nodes: MeshNode[] = [];
const gossips = new WeakMap<MeshNode, PoolGossip>();
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
  await stopAll(instances);
});

async function startOne(label = 'target'): Promise<TestInstance> {
  const [one] = await startInstances([label]);
  if (one === undefined) throw new Error('one was started');
  instances = [one];
  return one;
}

/** A TCP connection that sends `bytes`, if any, and resolves when it is closed: by the other side, or after sending when it does not `stay`. */
async function strangerSends(target: TestInstance, bytes: Uint8Array | undefined, stay = true): Promise<void> {
  const [host, port] = target.address().split(':');
  const socket = net.connect(Number(port), host);
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.on('connect', () => {
    if (bytes !== undefined) socket.write(bytes);
    if (!stay) socket.end();
  });
  socket.resume();
  await closed;
}

/** Room is given back within seconds: a member that dials again gets in. */
async function expectStillServing(target: TestInstance): Promise<void> {
  const member = createInstance('latecomer');
  instances.push(member);
  await member.mesh.start(AbortSignal.timeout(DEADLINE_MS));
  while ((await dial(member, target).catch(() => undefined)) === undefined);
  await untilLinked(member, 1);
}

describe('whoever does not know the pool secret', () => {
  it('is told so when it dials, ten times of ten, and reaches no handler on either side', async () => {
    const target = await startOne();
    const dialAsStranger = async (label: string): Promise<void> => {
      const stranger = createInstance(label, { networkKey: testKey(label) });
      instances.push(stranger);
      await stranger.mesh.start(AbortSignal.timeout(DEADLINE_MS));
      const failure = await dial(stranger, target).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DialError);
      expect(failure).toMatchObject({ reason: 'not-a-member', code: 'not-a-member' });
      expect(String(failure)).toContain('other pool secret or not a gateway mesh port');
      expect(stranger.events).toEqual([]);
    };
    await Promise.all(Array.from({ length: 10 }, (_, index) => dialAsStranger(`stranger ${index}`)));
    expect(target.events).toEqual([]);
    await expectStillServing(target);
  });

  it('is cut off when it sends random bytes, whatever their number', async () => {
    const target = await startOne();
    const sizes = [1, 23, 24, 25, 48, 100, 1_000, 70_000];
    await Promise.all(sizes.map((size) => strangerSends(target, randomBytes(size))));
    expect(target.events).toEqual([]);
    await expectStillServing(target);
  });

  it('holds a half-open connection for three seconds at most, and only so many', async () => {
    const target = await startOne();
    const startedAtMs = performance.now();
    await Promise.all(Array.from({ length: HALF_OPEN }, () => strangerSends(target, undefined)));
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
    await expectStillServing(target);
  });

  it(`makes nothing grow with ${FLOOD} connections of garbage`, async () => {
    const target = await startOne();
    const flood = async (): Promise<void> => {
      for (let sent = 0; sent < FLOOD; sent += FLOOD_AT_ONCE) {
        await Promise.all(
          Array.from({ length: FLOOD_AT_ONCE }, () => strangerSends(target, randomBytes(2_000), false)),
        );
      }
    };
    await flood();
    const before = heapBytes();
    await flood();
    expect(heapBytes() - before).toBeLessThan(8 * 1024 * 1024);
    expect(target.events).toEqual([]);
    await expectStillServing(target);
  }, 60_000);
});

/** What is really held: the heap after a full collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

/** A member by its secret that does not keep to the protocol of links. */
async function startRogue(label: string, isWanted: (id: InstanceId) => boolean): Promise<MeshNode> {
  const identity = seeds(label).find((seed) => isWanted(keyPairFromSeed(seed).id));
  const gossip = new PoolGossip({ topic: TEST_TOPIC, onMessage: () => undefined });
  const node = await createMeshNode({
    identity: assertDefined(identity, 'half of all ids are lower'),
    protector: new NetworkProtector(
      { key: testKey('network'), former: () => null, replaced: [], succession: new Uint8Array(0) },
      { onReplaced: () => undefined, onRefused: () => undefined },
    ),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    announce: [],
    gossip: gossip.service,
    refusesDialled: () => false,
    discovery: [],
  });
  nodes.push(node);
  gossips.set(node, gossip);
  await node.start();
  gossip.subscribe();
  return node;
}

function seeds(label: string): Uint8Array[] {
  return Array.from({ length: 64 }, (_, index) => testKey(`${label} ${index}`));
}

describe('a member whose gossip streams break', () => {
  it('has them back, in both directions, within seconds', async () => {
    const target = await startOne('member');
    const peer = await startRogue('peer', (id) => id > target.id);
    await peer.handle(LINK_PROTOCOL, (_stream, link) => gossips.get(peer)?.attach(link.remotePeer, link));
    const connection = await peer.dial(multiaddr(target.mesh.listenAddresses()[0]));
    const streams = (direction: string): Stream[] =>
      connection.streams.filter((stream) => stream.protocol.startsWith('/meshsub/') && stream.direction === direction);
    const isWhole = (): boolean =>
      streams('inbound').length === 1 && streams('outbound').length === 1 && target.mesh.gossipPeers().length === 1;
    for (const broken of ['inbound', 'outbound']) {
      await target.until('gossip both ways', isWhole);
      for (const stream of streams(broken)) stream.abort(new Error('broken'));
      expect(isWhole()).toBe(false);
    }
    await target.until('gossip both ways', isWhole);
    expect(linkHistory(target, peer.peerId.toString())).toEqual(['link-up']);
  }, 30_000);
});

describe('a member that misbehaves', () => {
  const badFrames: readonly (readonly [string, Uint8Array])[] = [
    ['an oversized length', new Uint8Array([0x00, 0x10, 0x00, 0x02, 1])],
    ['the greatest length', new Uint8Array([0xff, 0xff, 0xff, 0xff])],
    ['an empty frame', new Uint8Array([0, 0, 0, 0])],
  ];
  for (const [what, bytes] of badFrames) {
    it(`loses its link with the reason "bad-frame" after ${what}; what stood before it arrives`, async () => {
      const target = await startOne('member');
      const rogue = await startRogue('rogue', (id) => id < target.id);
      const stream = await rogue.dialProtocol(multiaddr(target.mesh.listenAddresses()[0]), LINK_PROTOCOL);
      const good = new Uint8Array([0, 0, 0, 3, FrameKind.direct, 104, 105]);
      const unknownKind = new Uint8Array([0, 0, 0, 2, 200, 1]);
      stream.send(Buffer.concat([good, unknownKind, bytes]));
      await target.until('link-down', () => target.events.some(({ kind }) => kind === 'link-down'));
      expect(target.events).toEqual([
        { kind: 'link-up', peer: rogue.peerId.toString() },
        { kind: 'direct', from: rogue.peerId.toString(), bytes: textBytes('hi') },
        { kind: 'link-down', peer: rogue.peerId.toString(), reason: 'bad-frame' },
      ]);
      await expectStillServing(target);
    });
  }

  it('that breaks its link off, at once or later, is linked again on the same connection', async () => {
    const target = await startOne('member');
    const rogue = await startRogue('rogue', (id) => id > target.id);
    const id = rogue.peerId.toString();
    const streams: Stream[] = [];
    await rogue.handle(LINK_PROTOCOL, (stream) => {
      if (streams.push(stream) === 1) stream.abort(new Error('at once'));
    });
    await rogue.dial(multiaddr(target.mesh.listenAddresses()[0]));
    for (const history of [1, 3, 5]) {
      await target.until(
        'link',
        () => linkHistory(target, id).length >= history && target.mesh.linkedPeers().length === 1,
      );
      streams.at(-1)?.abort(new Error('later'));
    }
    await target.until('link', () => linkHistory(target, id).length >= 7);
    expect(isAlternating(linkHistory(target, id))).toBe(true);
    expect(rogue.getConnections().length).toBe(1);
  });

  it('that dials once more at once keeps its link; the second connection is closed', async () => {
    const target = await startOne('member');
    const rogue = await startRogue('rogue', (id) => id > target.id);
    await rogue.handle(LINK_PROTOCOL, () => undefined);
    const address = multiaddr(target.mesh.listenAddresses()[0]);
    await rogue.dial(address);
    await untilLinked(target, 1);
    const second = await rogue.dial(address, { force: true }).catch(() => undefined);
    if (second?.status === 'open') await new Promise((resolve) => second.addEventListener('close', resolve));
    expect(linkHistory(target, rogue.peerId.toString())).toEqual(['link-up']);
    expect(rogue.getConnections().length).toBe(1);
  });

  it('that never opens the link it owes is let go after six seconds', async () => {
    const target = await startOne('member');
    const rogue = await startRogue('rogue', (id) => id < target.id);
    const connection = await rogue.dial(multiaddr(target.mesh.listenAddresses()[0]));
    const connectedAtMs = performance.now();
    await new Promise((resolve) => connection.addEventListener('close', resolve));
    expect(performance.now() - connectedAtMs).toBeGreaterThan(4_000);
    expect(target.events).toEqual([]);
  }, 20_000);

  it('may open links again and again: each replaces the one before, and ups and downs alternate', async () => {
    const target = await startOne('member');
    const rogue = await startRogue('rogue', (id) => id < target.id);
    const address = multiaddr(target.mesh.listenAddresses()[0]);
    for (let count = 0; count < 5; count++) await rogue.dialProtocol(address, LINK_PROTOCOL);
    await target.until('five links', () => linkHistory(target, rogue.peerId.toString()).length >= 9);
    expect(isAlternating(linkHistory(target, rogue.peerId.toString()))).toBe(true);
    expect(target.mesh.linkedPeers()).toEqual([rogue.peerId.toString()]);
  });
});
