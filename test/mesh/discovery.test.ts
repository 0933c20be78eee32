import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { DEADLINE_MS, startInstances, stopAll, type TestInstance, untilLinked } from './instances.ts';

let instances: TestInstance[] = [];
afterEach(() => stopAll(instances));

/** Some containers have no multicast: there nothing can be found, and starting must work all the same. */
async function hasMulticast(): Promise<boolean> {
  const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
  try {
    socket.bind(5353);
    await once(socket, 'listening', { signal: AbortSignal.timeout(1_000) });
    socket.addMembership('224.0.0.251');
    socket.send('?', 5353, '224.0.0.251');
    await once(socket, 'message', { signal: AbortSignal.timeout(1_000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

describe('local discovery', () => {
  it('reports instances of the same pool, only of that, and only until they are connected', async () => {
    const multicast = await hasMulticast();
    const [one, other] = await startInstances(['one', 'other'], { mdns: true });
    const [elsewhere] = await startInstances(['elsewhere'], { mdns: true, discoveryTag: 'another pool' });
    if (one === undefined || other === undefined || elsewhere === undefined) throw new Error('three were started');
    instances = [one, other, elsewhere];
    if (!multicast) return;

    await one.until('found', () => one.events.length > 0);
    const [found] = one.events;
    if (found?.kind !== 'peer-found') throw new Error('the first event is "peer-found"');
    expect(found.addresses).toEqual(other.mesh.listenAddresses());
    expect(await one.mesh.connect(found.addresses, AbortSignal.timeout(DEADLINE_MS))).toBe(other.id);
    await untilLinked(one, 1);
    expect(elsewhere.events).toEqual([]);
  });
});
