import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type AccessClient, startTunnel, type Tunnel, type TunnelEvent } from '../../src/access/client/index.ts';
import { connectAdmin, soon, TestMember, TestPool } from './pool.ts';
import { dial, echo, endOf, readAll, startTarget, type Target } from './targets.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface World {
  readonly pool: TestPool;
  readonly members: readonly TestMember[];
  readonly client: AccessClient;
  readonly tunnel: Tunnel;
  readonly target: Target;
  readonly events: TunnelEvent[];
  readonly port: number;
}

async function createWorld(
  init: { onSocket?: Parameters<typeof startTarget>[0]; members?: number } = {},
): Promise<World> {
  const pool = new TestPool();
  const target = await startTarget(init.onSocket ?? echo);
  cleanups.push(() => target.stop());
  const labels = Array.from({ length: init.members ?? 1 }, (_, place) => `member-${place}`);
  const members = await Promise.all(labels.map((label) => new TestMember(pool, label).start()));
  for (const member of members) cleanups.push(() => member.stop());
  const client = await connectAdmin(members);
  cleanups.push(() => client.stop());
  const record = pool.addRecord('127.0.0.1', target.port);
  const events: TunnelEvent[] = [];
  const tunnel = await startTunnel(
    { client, recordId: record.recordId, port: 0, onEvent: (event) => events.push(event) },
    soon(),
  );
  cleanups.push(() => tunnel.stop());
  return { pool, members, client, tunnel, target, events, port: Number(tunnel.listening.split(':')[1]) };
}

describe('a tunnelled connection', () => {
  it('answers after the client has closed its direction', async () => {
    const { port } = await createWorld();
    const socket = await dial(port);
    const answer = readAll(socket);
    socket.end('hello');
    expect((await answer).toString()).toBe('hello');
  });

  it('goes on towards the target after the target has closed its direction', async () => {
    const received = Promise.withResolvers<Buffer>();
    const { port } = await createWorld({
      onSocket: (socket) => {
        socket.end('goodbye');
        readAll(socket).then(received.resolve, received.reject);
      },
    });
    const socket = await dial(port);
    expect((await readAll(socket)).toString()).toBe('goodbye');
    socket.end('still here');
    expect((await received.promise).toString()).toBe('still here');
  });

  it('carries a reset to the target', async () => {
    const { port, target } = await createWorld();
    const arriving = target.next();
    const socket = await dial(port);
    const end = endOf(await arriving);
    socket.write('x');
    await once(socket, 'data');
    socket.resetAndDestroy();
    expect(await end).toBe('ECONNRESET');
  });

  it('carries a reset to the client', async () => {
    const { port } = await createWorld({ onSocket: (socket) => socket.once('data', () => socket.resetAndDestroy()) });
    const socket = await dial(port);
    const end = endOf(socket);
    socket.write('x');
    expect(await end).toBe('ECONNRESET');
  });
});
