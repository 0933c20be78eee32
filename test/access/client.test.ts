import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import { connectAdmin, soon, TestMember, TestPool, testSeed } from './pool.ts';
import { dial, endOf, readAll } from './targets.ts';
import { closeAfterEach, createWorld } from './world.ts';

const closeLater = closeAfterEach();

async function startMembers(count: number): Promise<{ pool: TestPool; members: readonly TestMember[] }> {
  const pool = new TestPool();
  const labels = Array.from({ length: count }, (_, place) => `member-${place}`);
  const members = await Promise.all(labels.map((label) => new TestMember(pool, label).start()));
  for (const member of members) closeLater(() => member.stop());
  return { pool, members };
}

describe('a client', () => {
  it('names every address it tried and why it failed', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    closeLater(async () => void silent.close());
    const address = silent.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const connecting = connectAdmin([], {
      addresses: ['127.0.0.1:1', 'no-such-host.invalid:7401', `127.0.0.1:${port}`],
    });
    await expect(connecting).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(
        /127\.0\.0\.1:1: connection refused.*no-such-host\.invalid:7401: .*127\.0\.0\.1:\d+: no answer/,
      ),
    });
  });

  it('says which text is no address', async () => {
    await expect(connectAdmin([], { addresses: ['nonsense'] })).rejects.toMatchObject({
      message: expect.stringContaining('"nonsense" is no address of a gateway'),
    });
  });

  it('takes the first of its addresses that answers', async () => {
    const { members } = await startMembers(1);
    const client = await connectAdmin(members, {
      addresses: ['127.0.0.1:1', ...members.map((member) => member.address())],
    });
    closeLater(() => client.stop());
    expect((await client.welcome(soon())).instanceId).toBe(members[0]?.id);
  });

  it('does not believe an instance that cannot prove that it belongs to the pool', async () => {
    const { members } = await startMembers(1);
    const connecting = connectAdmin(members, { poolKey: keyPairFromSeed(testSeed('other pool')).id });
    await expect(connecting).rejects.toMatchObject({
      code: 'not-allowed',
      message: expect.stringContaining("can't prove"),
    });
  });

  it('does not take another gateway for its own', async () => {
    const { members } = await startMembers(1);
    await expect(connectAdmin(members, { gatewayUid: 'other' })).rejects.toMatchObject({
      message: 'gateway AAECAwQFBgcICQoLDA0ODw is there, other is expected',
    });
  });

  it('asks another member when its entry is gone, knowing only the address of the first', async () => {
    const { members } = await startMembers(3);
    const client = await connectAdmin(members.slice(0, 1));
    closeLater(() => client.stop());
    await members[0]?.stop();
    await expect(client.request({ kind: 'pool-view', after: null }, 'pool', soon())).resolves.toBeDefined();
    const { instanceId } = await client.welcome(soon());
    expect(members.slice(1).map(({ id }) => id)).toContain(instanceId);
  });

  it('submits a job once, and says that its outcome is unknown when the entry is lost before it answers', async () => {
    const { pool, members } = await startMembers(2);
    const record = pool.addRecord('127.0.0.1', 1);
    const client = await connectAdmin(members.slice(0, 1));
    closeLater(() => client.stop());
    const [entry, other] = members;
    const asked = entry?.holdSubmit();
    const submitting = client.submit({ kind: 'tunnel', recordId: record.recordId }, soon());
    await asked;
    await Promise.all([expect(submitting).rejects.toMatchObject({ code: 'outcome-unknown' }), entry?.stop()]);
    expect(other?.offered).toEqual([]);
  });

  it('survives its own end', async () => {
    const { members } = await startMembers(1);
    const client = await connectAdmin(members);
    await client.stop();
    await expect(client.welcome(soon())).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('a tunnel whose instances die', () => {
  it('places the next connection on another worker, under a new id', async () => {
    const world = await createWorld(closeLater, { members: 3 });
    const { pool, members, port } = world;
    const [, first, second] = members;
    pool.choose = () => first?.id;
    const before = await dial(port);
    const opened = await world.next('connection-opened');
    before.resume();
    // The pool takes a moment to learn that the worker is gone: the first attempts still name it.
    await first?.stop();
    let attempts = 0;
    pool.choose = () => (++attempts > 2 ? second?.id : first?.id);
    const socket = await dial(port);
    const started = performance.now();
    socket.end('hello');
    expect((await readAll(socket)).toString()).toBe('hello');
    expect(performance.now() - started).toBeLessThan(2000);
    const next = await world.next('connection-opened');
    expect([opened.worker, next.worker, attempts]).toEqual([first?.id, second?.id, 3]);
    expect(next.jobId).not.toBe(opened.jobId);
  });

  it('resets the connections of the dead worker instead of ending them in order', async () => {
    const { members, port, next } = await createWorld(closeLater);
    const socket = await dial(port);
    await next('connection-opened');
    const end = endOf(socket);
    await members[0]?.stop();
    expect(await end).toBe('ECONNRESET');
  });

  it('registers anew when the holder of its lease is gone', async () => {
    const world = await createWorld(closeLater, { members: 2 });
    const [first, second] = world.members;
    const before = world.tunnel.jobId();
    world.pool.choose = () => second?.id;
    await first?.stop();
    await world.next('lease-lost');
    const renewed = await world.next('lease-renewed');
    expect(renewed.worker).toBe(second?.id);
    expect([world.tunnel.jobId(), world.tunnel.worker()]).toEqual([renewed.jobId, second?.id]);
    expect(renewed.jobId).not.toBe(before);
    const socket = await dial(world.port);
    socket.end('hello');
    expect((await readAll(socket)).toString()).toBe('hello');
  });
});
