import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, it } from 'vitest';
import { BufferReclaim } from '../../src/access/buffer-reclaim.ts';
import { claimSession } from '../../src/access/client/session.ts';
import { createAccessNode } from '../../src/access/node.ts';
import { type KeyPair, keyPairFromSeed } from '../../src/base/ed25519.ts';
import type { PeerKeyId } from '../../src/base/ids.ts';
import { Protocol } from '../../src/wire/protocols.ts';
import { admin, soon, type TestMember, testSeed } from './pool.ts';
import { dial, readAll } from './targets.ts';
import { closeAfterEach, createWorld, type World } from './world.ts';

const closeLater = closeAfterEach();

/** A connection of somebody who has not said who it is. */
async function connectAs(member: TestMember, label: string): Promise<Connection> {
  const node = await createAccessNode({
    keySeed: testSeed(label),
    listen: [],
    announce: [],
    reclaim: new BufferReclaim(),
  });
  await node.start();
  closeLater(async () => void (await node.stop()));
  return node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${member.tcpPort()}`));
}

/** An accepted job of the admin, at that member. */
async function acceptedJob({ client, record, pool }: World, worker: TestMember | undefined): Promise<string> {
  pool.choose = () => worker?.id;
  const { jobId } = await client.submit({ kind: 'tunnel', recordId: record.recordId }, soon());
  return jobId;
}

function member(world: World, place: number): TestMember {
  const found = world.members[place];
  if (found === undefined) throw new Error(`no member ${place}`);
  return found;
}

describe('a session', () => {
  it('goes straight to a worker that is not the entry', async () => {
    const world = await createWorld(closeLater, { members: 2 });
    world.pool.choose = () => world.members[1]?.id;
    const socket = await dial(world.port);
    socket.end('direct');
    expect((await readAll(socket)).toString()).toBe('direct');
    const { worker } = await world.next('connection-opened');
    expect(worker).toBe(world.members[1]?.id);
    expect(member(world, 1).server?.connections()).toBe(1);
  });

  it('goes through the entry to a worker that the client cannot reach', async () => {
    const world = await createWorld(closeLater, { relayed: true });
    const worker = member(world, 1);
    const socket = await dial(world.port);
    socket.end('relayed');
    expect((await readAll(socket)).toString()).toBe('relayed');
    expect(worker.server?.connections()).toBe(1);
  });

  it('is refused where the job is not known', async () => {
    const world = await createWorld(closeLater);
    const opening = world.client.openSession({ jobId: 'unknown', worker: member(world, 0).id, addresses: [] }, soon());
    await expect(opening).rejects.toMatchObject({ code: 'not-found' });
  });

  it('begins once, however often its claim is shown', async () => {
    const world = await createWorld(closeLater);
    const worker = member(world, 0);
    const jobId = await acceptedJob(world, worker);
    await world.client.openSession({ jobId, worker: worker.id, addresses: [] }, soon());
    const again = world.client.openSession({ jobId, worker: worker.id, addresses: [] }, soon());
    await expect(again).rejects.toMatchObject({ code: 'not-allowed' });
  });

  it.each([
    [
      'another key than the caller of the job',
      (world: World) => ({ key: keyPairFromSeed(testSeed('stranger')), worker: member(world, 0).id }),
    ],
    [
      'a forged signature',
      (world: World) => ({ key: { ...admin, sign: () => new Uint8Array(64) }, worker: member(world, 0).id }),
    ],
  ] as const)('is refused to %s', async (_what, of) => {
    const world = await createWorld(closeLater);
    const jobId = await acceptedJob(world, member(world, 0));
    const connection = await connectAs(member(world, 0), 'stranger');
    const { key, worker } = of(world);
    const opening = claimSession({ connection, key, jobId, worker, signal: soon() });
    await expect(opening).rejects.toMatchObject({ code: expect.stringMatching(/not-allowed|bad-message/) });
    expect(world.pool.notice(jobId)?.state).toBe('accepted');
  });

  it('is relayed to nobody who has not shown a key there, not even with the right claim', async () => {
    const world = await createWorld(closeLater, { members: 2 });
    const worker = member(world, 1);
    const jobId = await acceptedJob(world, worker);
    const connection = await connectAs(member(world, 0), 'admin');
    const opening = claimSession({ connection, key: admin, jobId, worker: worker.id, signal: soon() });
    await expect(opening).rejects.toMatchObject({ code: 'not-allowed' });
    expect(worker.server?.connections()).toBe(0);
  });

  it('is relayed to no instance that is not known', async () => {
    const world = await createWorld(closeLater);
    const stranger: KeyPair = keyPairFromSeed(testSeed('stranger'));
    const worker: PeerKeyId = stranger.id;
    const opening = world.client.openSession({ jobId: 'job', worker, addresses: [] }, soon());
    await expect(opening).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('says that a kind of job is not supported', async () => {
    const world = await createWorld(closeLater);
    const { record, client } = world;
    const job = await client.submit({ kind: 'rotation', recordId: record.recordId }, soon());
    await expect(client.openSession(job, soon())).rejects.toMatchObject({ code: 'not-supported' });
    await world.pool.ended(job.jobId);
    expect(world.pool.notice(job.jobId)).toMatchObject({ state: 'failed', error: { code: 'not-supported' } });
  });

  it('ends in no state but one when its client is gone before it begins', async () => {
    const world = await createWorld(closeLater);
    const jobId = await acceptedJob(world, member(world, 0));
    const connection = await connectAs(member(world, 0), 'admin');
    const stream = await connection.newStream(Protocol.accessSession);
    const opening = claimSession({ connection, key: admin, jobId, worker: member(world, 0).id, signal: soon() });
    stream.abort(new Error('gone'));
    const session = await opening;
    session.abort(new Error('gone'));
    await world.pool.ended(jobId);
    expect(world.pool.ends.filter((end) => end.jobId === jobId)).toHaveLength(1);
  });
});
