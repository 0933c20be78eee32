import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, it } from 'vitest';
import { BufferReclaim } from '../../src/access/buffer-reclaim.ts';
import { ControlClient } from '../../src/access/client/control.ts';
import { openJob } from '../../src/access/client/session.ts';
import { createAccessNode } from '../../src/access/node.ts';
import { MuxStreams } from '../../src/access/transport/mux-streams.ts';
import { type KeyPair, keyPairFromSeed } from '../../src/base/ed25519.ts';
import type { PeerKeyId } from '../../src/base/ids.ts';
import { jobRequestSeal } from '../../src/wire/job.ts';
import { Protocol } from '../../src/wire/protocols.ts';
import { seal } from '../../src/wire/sealed.ts';
import { admin, soon, type TestMember, testSeed } from './pool.ts';
import { dial, readAll } from './targets.ts';
import { closeAfterEach, createWorld, type World } from './world.ts';

const closeLater = closeAfterEach();

/** A job request for the first member, signed by whoever. */
function requestOf({ record, members }: World, { signer = admin, caller = admin.id, jobId = 'j'.repeat(22) } = {}) {
  const request = {
    gatewayUid: 'gateway-uid',
    jobId,
    kind: 'tunnel' as const,
    recordId: record.recordId,
    parent: null,
    parameters: [],
    entry: members[0]?.id as PeerKeyId,
    entryStartId: '0'.repeat(32),
    caller,
    deadlineUnixMs: Date.now() + 30_000,
    grant: null,
  };
  return seal(jobRequestSeal, request, [signer]);
}

async function connectionOf(member: TestMember | undefined, label: string) {
  const node = await createAccessNode({
    keySeed: testSeed(label),
    listen: [],
    announce: [],
    reclaim: new BufferReclaim(),
  });
  await node.start();
  closeLater(async () => void (await node.stop()));
  return node.dial(multiaddr(`/ip4/127.0.0.1/tcp/${member?.tcpPort()}`));
}

describe('a job that brings the stream for its session', () => {
  it('runs on that stream where the entry does it itself', async () => {
    const world = await createWorld(closeLater);
    world.client.openSession = () => Promise.reject(new Error('nothing is claimed'));
    const socket = await dial(world.port);
    socket.end('at once');
    expect((await readAll(socket)).toString()).toBe('at once');
    const { worker } = await world.next('connection-closed');
    expect(worker).toBe(world.members[0]?.id);
  });

  it('is claimed from the worker where another one does it', async () => {
    const world = await createWorld(closeLater, { members: 2 });
    world.pool.choose = () => world.members[1]?.id;
    const placed = await world.client.place({ kind: 'tunnel', recordId: world.record.recordId }, soon());
    expect(placed.worker).toBe(world.members[1]?.id);
    expect(world.pool.notice(placed.jobId)?.state).toBe('running');
    placed.stream.abort(new Error('enough'));
  });

  it('is refused with the reason', async () => {
    const world = await createWorld(closeLater);
    world.pool.choose = () => undefined;
    const placing = world.client.place({ kind: 'tunnel', recordId: world.record.recordId }, soon());
    await expect(placing).rejects.toMatchObject({ code: 'no-worker' });
  });

  it('is refused to whoever has not shown a key or a grant on this connection', async () => {
    const world = await createWorld(closeLater);
    const connection = await connectionOf(world.members[0], 'admin');
    const request = requestOf(world);
    await expect(openJob({ connection, request, signal: soon() })).rejects.toMatchObject({ code: 'not-allowed' });
    expect(world.pool.jobs.has('j'.repeat(22))).toBe(false);
  });

  it('gives its session to nobody but its caller, also not to an admin who shows the request of another', async () => {
    const world = await createWorld(closeLater);
    const user: KeyPair = keyPairFromSeed(testSeed('user'));
    const connection = await connectionOf(world.members[0], 'admin');
    const control = new ControlClient(await connection.newStream(Protocol.accessControl));
    expect(await control.request({ kind: 'hello', grant: null }, soon())).toMatchObject({ kind: 'welcome' });
    const request = requestOf(world, { signer: user, caller: user.id });
    await expect(openJob({ connection, request, signal: soon() })).rejects.toMatchObject({ code: 'not-allowed' });
    expect(world.pool.notice('j'.repeat(22))?.state).toBe('accepted');
  });

  it('is handed in the old way, under another id, where the entry resets the stream', async () => {
    const world = await createWorld(closeLater);
    const [member] = world.members;
    const submit = member?.port.submit;
    if (member === undefined || submit === undefined) throw new Error('no member');
    let resets = 0;
    Object.assign(member.port, {
      submit: (...args: Parameters<typeof submit>) => {
        resets += 1;
        if (resets === 1) throw new Error('as if this protocol were not known');
        return submit(...args);
      },
    });
    const socket = await dial(world.port);
    socket.end('after all');
    expect((await readAll(socket)).toString()).toBe('after all');
    expect(resets).toBe(2);
  });
});

describe('the way to a session', () => {
  it('does not lead through the bookkeeping of libp2p, on either side', async () => {
    const world = await createWorld(closeLater);
    const connection = await connectionOf(world.members[0], 'admin');
    expect(connection.streams).toBeInstanceOf(MuxStreams);
    connection.newStream = () => Promise.reject(new Error('libp2p was asked'));
    const known = await world.members[0]?.server?.peers();
    await expect(openJob({ connection, request: requestOf(world), signal: soon() })).rejects.toThrow(
      'show an admin key',
    );
    expect(await world.members[0]?.server?.peers()).toEqual(known);
  });
});
