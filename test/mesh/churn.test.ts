import { afterEach, describe, expect, it } from 'vitest';
import {
  createInstance,
  DEADLINE_MS,
  dial,
  gossipTexts,
  isAlternating,
  linkHistory,
  startInstances,
  stopAll,
  type TestInstance,
  textBytes,
} from './instances.ts';

const INSTANCES = 6;
const STEPS = 100;
const SEEDS = [1, 2];

let instances: TestInstance[] = [];
afterEach(() => stopAll(instances));

/** Numbers below a bound, the same for the same seed. */
function seededRandom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

function pick(random: (bound: number) => number): readonly [TestInstance, TestInstance] {
  const first = random(INSTANCES);
  const second = (first + 1 + random(INSTANCES - 1)) % INSTANCES;
  const [one, other] = [instances[first], instances[second]];
  if (one === undefined || other === undefined) throw new Error('there are that many');
  return [one, other];
}

function dialAndForget(from: TestInstance, to: TestInstance): void {
  dial(from, to).catch(() => undefined);
}

async function restart(instance: TestInstance): Promise<void> {
  const index = instances.indexOf(instance);
  const port = Number(instance.address().split(':')[1]);
  await instance.mesh.stop();
  const again = createInstance(`instance ${index}`, { listen: [{ host: '127.0.0.1', port }] });
  await again.mesh.start(AbortSignal.timeout(DEADLINE_MS));
  instances[index] = again;
}

async function step(random: (bound: number) => number): Promise<void> {
  const [one, other] = pick(random);
  const what = random(20);
  if (what < 10) dialAndForget(one, other);
  if (what >= 6 && what < 14) dialAndForget(other, one);
  if (what >= 14 && what < 19) one.mesh.disconnect(other.id);
  if (what === 19) await restart(one);
  one.mesh.publish(textBytes(`${random(1_000_000)}`));
  one.mesh.send(other.id, textBytes('direct'));
  for (let turns = random(10); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
}

async function linkAllAgain(): Promise<void> {
  const pairs = instances.flatMap((one, index) => instances.slice(index + 1).map((other) => ({ one, other })));
  const isLinked = ({ one, other }: (typeof pairs)[number]): boolean => one.mesh.linkedPeers().includes(other.id);
  const deadline = performance.now() + DEADLINE_MS;
  while (!pairs.every(isLinked) && performance.now() < deadline) {
    const missing = pairs.filter((pair) => !isLinked(pair));
    await Promise.all(missing.map(({ one, other }) => dial(one, other).catch(() => undefined)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(pairs.filter((pair) => !isLinked(pair))).toEqual([]);
}

describe('a mesh whose links come and go at random', () => {
  for (const seed of SEEDS) {
    it(`is whole again when it is left alone: all linked, all subscribed, all reached (seed ${seed})`, async () => {
      instances = await startInstances(Array.from({ length: INSTANCES }, (_, index) => `instance ${index}`));
      const random = seededRandom(seed);
      for (let count = 0; count < STEPS; count++) await step(random);
      await linkAllAgain();
      const others = INSTANCES - 1;
      await Promise.all(
        instances.map((one) => one.until('subscribed', () => one.mesh.gossipPeers().length === others)),
      );
      for (const one of instances) one.mesh.publish(textBytes(`from ${one.id}`));
      for (const one of instances) {
        const sources = (): number => new Set(gossipTexts(one).filter((text) => text.startsWith('from'))).size;
        await one.until('reached', () => sources() === others);
        for (const other of instances) expect(isAlternating(linkHistory(one, other.id))).toBe(true);
      }
    }, 40_000);
  }
});
