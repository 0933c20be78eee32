import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, it } from 'vitest';
import { BufferReclaim } from '../../src/access/buffer-reclaim.ts';
import { encodeFrame } from '../../src/access/frame.ts';
import { createAccessNode } from '../../src/access/node.ts';
import { type AccessAnswer, accessAnswerCodec, accessRequestCodec } from '../../src/wire/access-message.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import { Protocol } from '../../src/wire/protocols.ts';
import { connectAdmin, soon, TestMember, TestPool, testSeed } from './pool.ts';
import { endOf } from './targets.ts';
import { closeAfterEach } from './world.ts';

const closeLater = closeAfterEach();

async function startMember(): Promise<TestMember> {
  const member = await new TestMember(new TestPool(), 'member-0').start();
  closeLater(() => member.stop());
  return member;
}

async function createStranger(): Promise<Libp2p> {
  const node = await createAccessNode({
    keySeed: testSeed('stranger'),
    listen: [],
    announce: [],
    reclaim: new BufferReclaim(),
  });
  await node.start();
  closeLater(async () => void (await node.stop()));
  return node;
}

/** A connection of somebody with a key of its own and no rights. */
async function connectStranger(member: TestMember): Promise<Connection> {
  return (await createStranger()).dial(multiaddr(`/ip4/127.0.0.1/tcp/${member.tcpPort()}`));
}

function dialRaw(member: TestMember): Socket {
  return connect(member.tcpPort(), '127.0.0.1').on('error', () => undefined);
}

function closed(stream: Stream): Promise<string> {
  return new Promise((resolve) => stream.addEventListener('close', () => resolve(stream.status), { once: true }));
}

/** The pool keeps serving whoever is entitled. */
async function expectServing(member: TestMember): Promise<void> {
  const client = await connectAdmin([member]);
  await expect(client.request({ kind: 'pool-view', after: null }, 'pool', soon())).resolves.toBeDefined();
  await client.stop();
}

describe('the listener', () => {
  it('closes what sends random bytes instead of a handshake', async () => {
    const member = await startMember();
    const ends = Array.from({ length: 50 }, () => {
      const socket = dialRaw(member);
      socket.write(randomBytes(4096));
      return endOf(socket);
    });
    await Promise.all(ends);
    await expectServing(member);
  });

  it('closes what sends random bytes in the middle of the TLS handshake', async () => {
    const member = await startMember();
    const ends = Array.from({ length: 20 }, async () => {
      const socket = dialRaw(member);
      socket.write(Buffer.from('\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n', 'latin1'));
      await once(socket, 'data');
      socket.write(randomBytes(1000));
      return endOf(socket);
    });
    await Promise.all(ends);
    await expectServing(member);
  });

  it('serves others while many connections say nothing', async () => {
    const member = await startMember();
    const silent = Array.from({ length: 100 }, () => dialRaw(member));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    await expectServing(member);
    for (const socket of silent) socket.destroy();
  });

  it('closes a connection that says nothing', async () => {
    const member = await startMember();
    await endOf(dialRaw(member));
  });

  it('closes a connection that shows a key and nothing else', async () => {
    const member = await startMember();
    const connection = await connectStranger(member);
    await new Promise((resolve) => connection.addEventListener('close', resolve, { once: true }));
    expect(member.server?.connections()).toBe(0);
  }, 20_000);
});

describe('a control stream', () => {
  it.each([
    ['a frame that is too long', Buffer.from('7fffffff', 'hex')],
    ['a frame that is no CBOR', Buffer.concat([Buffer.from('00000008', 'hex'), Buffer.alloc(8, 0xff)])],
    ['a frame that is no request', encodeFrame(new Uint8Array([0x80]))],
  ])('is reset for %s', async (_what, bytes) => {
    const member = await startMember();
    const stream = await (await connectStranger(member)).newStream(Protocol.accessControl);
    const end = closed(stream);
    stream.send(bytes);
    expect(await end).toBe('reset');
    await expectServing(member);
  });

  it('is one of few per connection', async () => {
    const member = await startMember();
    const connection = await connectStranger(member);
    const streams = await Promise.all(Array.from({ length: 8 }, () => connection.newStream(Protocol.accessControl)));
    const [first] = await Promise.all(streams.slice(4).map(closed));
    expect(first).toBe('reset');
  });

  it('takes up only so many requests at a time, and answers all in the end', async () => {
    const member = await startMember();
    const stream = await (await connectStranger(member)).newStream(Protocol.accessControl);
    const count = 500;
    const answered = new Set<number>();
    const all = Promise.withResolvers<void>();
    let buffered = Buffer.alloc(0);
    stream.addEventListener('message', ({ data }) => {
      buffered = Buffer.concat([buffered, data.subarray()]);
      for (; buffered.length >= 4 && buffered.length >= 4 + buffered.readUInt32BE(); ) {
        const end = 4 + buffered.readUInt32BE();
        const { number, body } = decode(accessAnswerCodec, Uint8Array.from(buffered.subarray(4, end)), 1_000_000);
        expect((body satisfies AccessAnswer).kind).toBe('refused');
        answered.add(number);
        buffered = buffered.subarray(end);
      }
      if (answered.size === count) all.resolve();
    });
    for (let number = 0; number < count; number++) {
      const body = { kind: 'job-info', jobId: 'unknown' } as const;
      stream.send(encodeFrame(encode(accessRequestCodec, { number, body })));
    }
    await all.promise;
  });
});

describe('a session stream', () => {
  it.each([
    ['random bytes', randomBytes(200)],
    ['a claim that is too long', Buffer.from('7fffffff', 'hex')],
    ['a claim that is none', encodeFrame(randomBytes(100))],
  ])('ends for %s', async (_what, bytes) => {
    const member = await startMember();
    const stream = await (await connectStranger(member)).newStream(Protocol.accessSession);
    stream.addEventListener('message', () => undefined);
    const ended = new Promise((resolve) => {
      stream.addEventListener('end', resolve, { once: true });
      stream.addEventListener('close', resolve, { once: true });
    });
    stream.send(bytes);
    await ended;
    await expectServing(member);
  });
});

describe('a protocol nobody speaks', () => {
  it('is reset', async () => {
    const member = await startMember();
    const stream = await (await connectStranger(member)).newStream('/nonsense');
    if (stream.status === 'open') await closed(stream);
    expect(stream.status).toBe('reset');
  });
});
