import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/base/errors.ts';
import { DialError } from '../../src/mesh/index.ts';
import { createInstance, DEADLINE_MS, startInstances, stopAll, type TestInstance, testKey } from './instances.ts';
import { listen } from './proxy.ts';

let instances: TestInstance[] = [];
const servers: net.Server[] = [];
const sockets: net.Socket[] = [];
afterEach(async () => {
  await stopAll(instances);
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function startOne(): Promise<TestInstance> {
  instances = await startInstances(['dialler']);
  const [only] = instances;
  if (only === undefined) throw new Error('one was started');
  return only;
}

async function startServer(onConnection: (socket: net.Socket) => void): Promise<string> {
  const server = net.createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  servers.push(server);
  return `127.0.0.1:${await listen(server)}`;
}

async function dialFailure(from: TestInstance, addresses: readonly string[], signal?: AbortSignal): Promise<DialError> {
  const error = await from.mesh.connect(addresses, signal ?? AbortSignal.timeout(DEADLINE_MS)).then(
    () => new Error('the dial succeeded'),
    (failure: unknown) => failure,
  );
  if (!(error instanceof DialError)) throw error;
  return error;
}

describe('a dial', () => {
  it('to a closed port says "refused" and names the address', async () => {
    const one = await startOne();
    const error = await dialFailure(one, ['127.0.0.1:1']);
    expect(error).toMatchObject({ reason: 'refused', code: 'unreachable', address: '/ip4/127.0.0.1/tcp/1' });
    expect(error.remedy).toMatch(/running/);
  });

  it('to an unknown host name says so', async () => {
    const one = await startOne();
    expect((await dialFailure(one, ['host.invalid:7400'])).reason).toMatch(/unresolved|timed-out/);
  });

  it('to a port that accepts and stays silent ends after three seconds', async () => {
    const one = await startOne();
    const silent = await startServer(() => undefined);
    const startedAtMs = performance.now();
    expect((await dialFailure(one, [silent])).reason).toBe('timed-out');
    expect(performance.now() - startedAtMs).toBeLessThan(4_000);
  });

  it('to a web server, a mute closer or a talker of nonsense says what is there is no member', async () => {
    const one = await startOne();
    const web = await startServer((socket) =>
      socket.on('data', () => socket.end(`HTTP/1.1 400 Bad Request\r\n\r\n${'x'.repeat(100)}`)),
    );
    expect((await dialFailure(one, [web])).reason).toMatch(/not-a-member/);
    const closer = await startServer((socket) => socket.end());
    expect((await dialFailure(one, [closer])).reason).toBe('closed');
    const talker = await startServer((socket) => socket.write(new Uint8Array(4096).fill(0xa5)));
    expect((await dialFailure(one, [talker])).reason).toBe('not-a-member');
  });

  it('to its own address says "self"', async () => {
    const one = await startOne();
    expect((await dialFailure(one, [one.address()])).reason).toBe('self');
  });

  it('to an address that names another peer id says "wrong-peer", and succeeds with the right one', async () => {
    const one = await startOne();
    const [other] = await startInstances(['other']);
    if (other === undefined) throw new Error('one was started');
    instances.push(other);
    const [address] = other.mesh.listenAddresses();
    const error = await dialFailure(one, [(address ?? '').replace(other.id, one.id)]);
    expect(error.reason).toBe('wrong-peer');
    expect(one.mesh.linkedPeers()).toEqual([]);
    expect(await one.mesh.connect([address ?? ''], AbortSignal.timeout(DEADLINE_MS))).toBe(other.id);
  });

  it('tries addresses in turn and reports the most telling failure when none works', async () => {
    const one = await startOne();
    const [other] = await startInstances(['other']);
    if (other === undefined) throw new Error('one was started');
    instances.push(other);
    const talker = await startServer((socket) => socket.write(new Uint8Array(4096).fill(0xff)));
    expect((await dialFailure(one, ['127.0.0.1:1', talker, one.address()])).reason).toBe('not-a-member');
    expect(await one.mesh.connect(['127.0.0.1:1', other.address()], AbortSignal.timeout(DEADLINE_MS))).toBe(other.id);
  });

  it('does not wait for an address that stays silent when another one works', async () => {
    const one = await startOne();
    const [other] = await startInstances(['other']);
    if (other === undefined) throw new Error('one was started');
    instances.push(other);
    const silent = await startServer(() => undefined);
    const startedAtMs = performance.now();
    const peer = await one.mesh.connect([silent, silent, other.address(), silent], AbortSignal.timeout(DEADLINE_MS));
    expect(peer).toBe(other.id);
    expect(performance.now() - startedAtMs).toBeLessThan(1_500);
  });

  it('ends at once when its caller gives up', async () => {
    const one = await startOne();
    const silent = await startServer(() => undefined);
    const caller = new AbortController();
    const failure = dialFailure(one, [silent, silent], caller.signal);
    setImmediate(() => caller.abort());
    const startedAtMs = performance.now();
    expect((await failure).reason).toBe('cancelled');
    expect(performance.now() - startedAtMs).toBeLessThan(500);
  });

  it('refuses text that is no address', async () => {
    const one = await startOne();
    for (const text of [
      '',
      'host',
      'host:0',
      'host:70000',
      'http://host:1',
      '/ip4/1.2.3.4/udp/1',
      '[::1:7400',
      'a b:1',
    ]) {
      const dialling = one.mesh.connect([text], AbortSignal.timeout(DEADLINE_MS));
      await expect(dialling, text).rejects.toMatchObject({ code: 'bad-usage' });
    }
    await expect(one.mesh.connect([], AbortSignal.timeout(DEADLINE_MS))).rejects.toThrow(/no address/);
  });

  it('after `stop` is given up', async () => {
    const one = await startOne();
    await one.mesh.stop();
    expect((await dialFailure(one, ['127.0.0.1:1'])).reason).toBe('cancelled');
  });
});

describe('listening', () => {
  it('on a port in use fails with the address and the remedy', async () => {
    const one = await startOne();
    const port = Number(one.address().split(':')[1]);
    const second = createInstance('second', { listen: [{ host: '127.0.0.1', port }] });
    const failure = await second.mesh.start(AbortSignal.timeout(DEADLINE_MS)).catch((error: unknown) => error);
    if (!(failure instanceof GatewayError)) throw failure;
    expect(failure.code).toBe('address-in-use');
    expect(failure.message).toContain(`127.0.0.1:${port}`);
    expect(failure.remedy).toContain('--listen-mesh');
  });

  it('on an address of another machine fails and names it', async () => {
    const one = createInstance('elsewhere', { listen: [{ host: '192.0.2.1', port: 7400 }] });
    const failure = await one.mesh.start(AbortSignal.timeout(DEADLINE_MS)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'bad-config' });
    expect(String(failure)).toContain('192.0.2.1:7400');
  });

  it('on all addresses lists concrete ones: announced first, loopback last, with the port really bound', async () => {
    const announce = ['gateway.example:7400', '/ip4/203.0.113.5/tcp/7400'];
    instances = await startInstances(['wide'], { listen: [{ host: '0.0.0.0', port: 0 }], announce });
    const [one] = instances;
    const addresses = one?.mesh.listenAddresses() ?? [];
    expect(addresses.slice(0, 2).sort()).toEqual([
      `/dns/gateway.example/tcp/7400/p2p/${one?.id}`,
      `/ip4/203.0.113.5/tcp/7400/p2p/${one?.id}`,
    ]);
    expect(addresses.at(-1)).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*\/p2p\//);
    expect(addresses.join()).not.toMatch(/0\.0\.0\.0|tcp\/0/);
  });

  it('resolves host names', async () => {
    instances = await startInstances(['named'], { listen: [{ host: 'localhost', port: 0 }] });
    expect(instances[0]?.mesh.listenAddresses().length).toBe(1);
  });

  it('does nothing that outlives a cancelled start', async () => {
    const one = createInstance('cancelled', { networkKey: testKey('network') });
    await expect(one.mesh.start(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    expect(one.mesh.listenAddresses()).toEqual([]);
  });
});
