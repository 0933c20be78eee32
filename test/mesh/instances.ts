import { createHash } from 'node:crypto';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import type { InstanceId } from '../../src/base/ids.ts';
import { createMesh, type Mesh, type MeshEvent, type MeshInit } from '../../src/mesh/index.ts';

/** Anything that has not happened by then never will. */
export const DEADLINE_MS = 10_000;

/** The topic of the pool "test". */
export const TEST_TOPIC = '/pam-mesh/1/pool/test';

/** A mesh on loopback that remembers what it reported. */
export interface TestInstance {
  readonly id: InstanceId;
  readonly mesh: Mesh;
  readonly events: MeshEvent[];
  /** `127.0.0.1:port`. */
  address(): string;
  /** Resolves once `condition` holds; it is asked after every event. */
  until(what: string, condition: () => boolean): Promise<void>;
}

/** 32 bytes that depend on the label only. */
export function testKey(label: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(label).digest());
}

/** A mesh of the pool "test", not started. */
export function createInstance(label: string, changes: Partial<MeshInit> = {}): TestInstance {
  const identity = testKey(label);
  const events: MeshEvent[] = [];
  const waiting = new Set<() => void>();
  const mesh = createMesh({
    identity,
    poolTopic: TEST_TOPIC,
    networkKey: testKey('network'),
    discoveryTag: 'test',
    listen: [{ host: '127.0.0.1', port: 0 }],
    announce: [],
    mdns: false,
    onEvent: (event) => {
      events.push(event);
      for (const check of [...waiting]) check();
    },
    ...changes,
  });
  return {
    id: keyPairFromSeed(identity).id,
    mesh,
    events,
    address: () => hostAndPort(mesh.listenAddresses()[0] ?? ''),
    until: (what, condition) => until(what, condition, waiting),
  };
}

/** Starts instances of one pool; `stopAll` ends them. */
export async function startInstances(
  labels: readonly string[],
  changes: Partial<MeshInit> = {},
): Promise<TestInstance[]> {
  const instances = labels.map((label) => createInstance(label, changes));
  await Promise.all(instances.map(({ mesh }) => mesh.start(AbortSignal.timeout(DEADLINE_MS))));
  return instances;
}

/** Connects each to each and waits until all links are up. */
export async function linkAll(instances: readonly TestInstance[]): Promise<void> {
  for (const [index, from] of instances.entries()) {
    for (const to of instances.slice(index + 1)) await dial(from, to);
  }
  await Promise.all(instances.map((instance) => untilLinked(instance, instances.length - 1)));
}

/** One dial. */
export async function dial(from: TestInstance, to: TestInstance): Promise<string> {
  return from.mesh.connect([to.address()], AbortSignal.timeout(DEADLINE_MS));
}

/** Waits for that many links. */
export async function untilLinked(instance: TestInstance, links: number): Promise<void> {
  await instance.until(`${links} links`, () => instance.mesh.linkedPeers().length === links);
}

/** Stops them all. */
export async function stopAll(instances: readonly TestInstance[]): Promise<void> {
  await Promise.all(instances.map(({ mesh }) => mesh.stop()));
}

/** `link-up` and `link-down` of one peer, in order. */
export function linkHistory(instance: TestInstance, peer: string): readonly string[] {
  return instance.events.flatMap((event) =>
    (event.kind === 'link-up' || event.kind === 'link-down') && event.peer === peer ? [event.kind] : [],
  );
}

/** True when ups and downs alternate, beginning with an up. */
export function isAlternating(history: readonly string[]): boolean {
  return history.every((kind, index) => kind === (index % 2 === 0 ? 'link-up' : 'link-down'));
}

/** Text of the direct messages from one peer. */
export function directTexts(instance: TestInstance, peer: string): readonly string[] {
  return instance.events.flatMap((event) =>
    event.kind === 'direct' && event.from === peer ? [Buffer.from(event.bytes).toString()] : [],
  );
}

/** Sends as fast as the queue takes it. */
export async function sendAll(from: TestInstance, to: string, messages: readonly Uint8Array[]): Promise<void> {
  for (const message of messages) {
    while (!from.mesh.send(to, message)) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Text of the gossip received. */
export function gossipTexts(instance: TestInstance): readonly string[] {
  return instance.events.flatMap((event) => (event.kind === 'gossip' ? [Buffer.from(event.bytes).toString()] : []));
}

/** UTF-8. */
export function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function hostAndPort(address: string): string {
  const [, , host, , port] = address.split('/');
  return `${host}:${port}`;
}

async function until(what: string, condition: () => boolean, waiting: Set<() => void>): Promise<void> {
  if (condition()) return;
  const done = Promise.withResolvers<void>();
  const check = (): void => {
    if (condition()) done.resolve();
  };
  // Some conditions come true without an event (a subscription, a number of peers): they are asked again now and then.
  const again = setInterval(check, 20);
  const late = setTimeout(() => done.reject(new Error(`not within ${DEADLINE_MS} ms: ${what}`)), DEADLINE_MS);
  waiting.add(check);
  try {
    await done.promise;
  } finally {
    waiting.delete(check);
    clearInterval(again);
    clearTimeout(late);
  }
}
