import { afterEach, describe, expect, it } from 'vitest';
import {
  createInstance,
  DEADLINE_MS,
  dial,
  directTexts,
  isAlternating,
  linkAll,
  linkHistory,
  sendAll,
  startInstances,
  stopAll,
  type TestInstance,
  textBytes,
  untilLinked,
} from './instances.ts';
import { startProxy } from './proxy.ts';

const MESSAGES = 10_000;
const SIMULTANEOUS_DIALS = 50;
const SPARED_MESSAGES = 500;

let instances: TestInstance[] = [];
afterEach(() => stopAll(instances));

async function start(...labels: string[]): Promise<TestInstance[]> {
  instances = await startInstances(labels);
  return instances;
}

async function startPair(): Promise<readonly [TestInstance, TestInstance]> {
  const [one, other] = await start('one', 'other');
  if (one === undefined || other === undefined) throw new Error('two were started');
  return [one, other];
}

describe('links between members', () => {
  it(`carry ${MESSAGES} messages each way between three instances, all in order`, async () => {
    const all = await start('a', 'b', 'c');
    await linkAll(all);
    const sent = Array.from({ length: MESSAGES }, (_, index) => `message ${index}`);
    const pairs = all.flatMap((from) => all.filter((to) => to !== from).map((to) => ({ from, to })));
    await Promise.all(pairs.map(({ from, to }) => sendAll(from, to.id, sent.map(textBytes))));
    await Promise.all(
      all.map((to) => to.until('every message', () => to.events.length >= (all.length - 1) * (MESSAGES + 1))),
    );
    for (const { from, to } of pairs) expect(directTexts(to, from.id)).toEqual(sent);
  });

  it('are not answered with a window update for every message', async () => {
    const [one, other] = await startPair();
    const proxy = await startProxy(other.address());
    await one.mesh.connect([proxy.address], AbortSignal.timeout(DEADLINE_MS));
    await untilLinked(one, 1);
    await untilLinked(other, 1);
    await sendAll(one, other.id, [textBytes('first')]);
    await other.until('the first', () => directTexts(other, one.id).length === 1);
    const before = proxy.bytesBack();
    for (let count = 2; count <= SPARED_MESSAGES; count++) {
      await sendAll(one, other.id, [textBytes(`message ${count}`)]);
      await other.until('the message', () => directTexts(other, one.id).length === count);
    }
    // What gossip has to say meanwhile is less than a header of yamux for each message.
    expect(proxy.bytesBack() - before).toBeLessThan(12 * SPARED_MESSAGES);
    await proxy.close();
  });

  it('carry messages up to one mebibyte and refuse greater ones', async () => {
    const [one, other] = await startPair();
    await linkAll([one, other]);
    const greatest = new Uint8Array(1024 * 1024).fill(7);
    expect(one.mesh.send(other.id, greatest)).toBe(true);
    await other.until('the message', () => other.events.some(({ kind }) => kind === 'direct'));
    const [received] = other.events.filter((event) => event.kind === 'direct');
    expect(received !== undefined && Buffer.compare(received.bytes, greatest)).toBe(0);
    expect(() => one.mesh.send(other.id, new Uint8Array(1024 * 1024 + 1))).toThrow(
      /1048577 bytes, allowed are 1048576/,
    );
  });

  it(`are one per pair after both dialled at once, ${SIMULTANEOUS_DIALS} times, with ups and downs alternating`, async () => {
    const [one, other] = await startPair();
    for (let round = 1; round <= SIMULTANEOUS_DIALS; round++) {
      await Promise.all([dial(one, other), dial(other, one)]);
      await Promise.all([untilLinked(one, 1), untilLinked(other, 1)]);
      one.mesh.send(other.id, textBytes(`${round}`));
      other.mesh.send(one.id, textBytes(`${round}`));
      await other.until('a message', () => directTexts(other, one.id).includes(`${round}`));
      await one.until('a message', () => directTexts(one, other.id).includes(`${round}`));
      one.mesh.disconnect(other.id);
      await Promise.all([untilLinked(one, 0), untilLinked(other, 0)]);
    }
    for (const history of [linkHistory(one, other.id), linkHistory(other, one.id)]) {
      expect(isAlternating(history)).toBe(true);
      expect(history.length).toBe(2 * SIMULTANEOUS_DIALS);
    }
  });

  it('stay as they are when a connected peer is dialled again', async () => {
    const [one, other] = await startPair();
    await linkAll([one, other]);
    expect(await dial(other, one)).toBe(one.id);
    expect(await dial(one, other)).toBe(other.id);
    expect(await one.mesh.connect([`/ip4/127.0.0.1/tcp/1/p2p/${other.id}`], AbortSignal.timeout(DEADLINE_MS))).toBe(
      other.id,
    );
    expect(linkHistory(one, other.id)).toEqual(['link-up']);
    expect(linkHistory(other, one.id)).toEqual(['link-up']);
  });

  it('report their end before `disconnect` returns, and come back with the next dial', async () => {
    const [one, other] = await startPair();
    await linkAll([one, other]);
    one.mesh.disconnect(other.id);
    expect(one.events.at(-1)).toEqual({ kind: 'link-down', peer: other.id, reason: 'disconnected' });
    expect(one.mesh.send(other.id, textBytes('nobody'))).toBe(false);
    await untilLinked(other, 0);
    await dial(other, one);
    await Promise.all([untilLinked(one, 1), untilLinked(other, 1)]);
    expect(linkHistory(one, other.id)).toEqual(['link-up', 'link-down', 'link-up']);
  });

  it('deliver what was sent just before a clean stop', async () => {
    const [one, other] = await startPair();
    await linkAll([one, other]);
    const sent = Array.from({ length: 1_000 }, (_, index) => `last words ${index}`);
    await sendAll(one, other.id, sent.map(textBytes));
    await one.mesh.stop();
    await untilLinked(other, 0);
    expect(directTexts(other, one.id)).toEqual(sent);
  });

  it('come back after a restart on the same port with the same identity', async () => {
    const [one, other] = await startPair();
    await linkAll([one, other]);
    const port = Number(one.address().split(':')[1]);
    await one.mesh.stop();
    await untilLinked(other, 0);
    const again = createInstance('one', { listen: [{ host: '127.0.0.1', port }] });
    instances.push(again);
    await again.mesh.start(AbortSignal.timeout(DEADLINE_MS));
    await dial(other, again);
    await Promise.all([untilLinked(again, 1), untilLinked(other, 1)]);
    expect(linkHistory(other, one.id)).toEqual(['link-up', 'link-down', 'link-up']);
  });

  it('are the only way: sending to an unknown, an unconnected or an impossible id is refused at once', async () => {
    const [one, other] = await startPair();
    expect(one.mesh.send(other.id, textBytes('x'))).toBe(false);
    expect(one.mesh.send('nobody', textBytes('x'))).toBe(false);
    expect(one.mesh.send(one.id, textBytes('x'))).toBe(false);
    one.mesh.disconnect('nobody');
  });

  for (const side of ['lower', 'higher'] as const) {
    it(`come back when the peer with the ${side} id restarts behind a connection that died without a word`, async () => {
      const [one, other] = await startPair();
      const [lower, higher] = one.id < other.id ? [one, other] : [other, one];
      const [restarting, staying] = side === 'lower' ? [lower, higher] : [higher, lower];
      const proxy = await startProxy(staying.address());
      await restarting.mesh.connect([proxy.address], AbortSignal.timeout(DEADLINE_MS));
      await Promise.all([untilLinked(restarting, 1), untilLinked(staying, 1)]);
      proxy.cut();

      const restarted = createInstance(restarting === one ? 'one' : 'other');
      instances.push(restarted);
      await restarted.mesh.start(AbortSignal.timeout(DEADLINE_MS));
      // While the old connection is young it may be taken for a simultaneous dial: the owner dials again, as it does with every lost peer.
      while (restarted.mesh.linkedPeers().length === 0) await dial(restarted, staying).catch(() => undefined);
      expect(restarted.mesh.send(staying.id, textBytes('back'))).toBe(true);
      await staying.until('the message', () => directTexts(staying, restarting.id).includes('back'));
      expect(isAlternating(linkHistory(staying, restarting.id))).toBe(true);
      await proxy.close();
    });
  }
});
