import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { encodeHeader, encodeSmallFrame, FrameKind } from '../../../src/access/transport/mux-frame.ts';
import { keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { Protocol } from '../../../src/wire/protocols.ts';
import { connectAdmin, soon, TestMember, TestPool, testSeed } from '../pool.ts';
import { connectRaw } from '../raw-peer.ts';
import { closeAfterEach } from '../world.ts';

const closeLater = closeAfterEach();
const stranger = keyPairFromSeed(testSeed('stranger'));

function openFrame(number: number, protocol: string): Buffer {
  return Buffer.concat([encodeHeader(FrameKind.open, number, protocol.length), Buffer.from(protocol)]);
}

function dataFrame(number: number, bytes: number): Buffer {
  return Buffer.concat([encodeHeader(FrameKind.data, number, bytes), Buffer.alloc(bytes)]);
}

/** However it ends. */
function closeOf(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

async function startMember(): Promise<TestMember> {
  const member = await new TestMember(new TestPool(), 'member-0').start();
  closeLater(() => member.stop());
  return member;
}

async function expectServing(member: TestMember): Promise<void> {
  const client = await connectAdmin([member]);
  await expect(client.request({ kind: 'pool-view', after: null }, 'pool', soon())).resolves.toBeDefined();
  await client.stop();
}

describe('a peer that breaks the rules of the multiplexer', () => {
  it.each([
    ['sends a frame that is none', Buffer.alloc(64, 0xff)],
    ['opens a stream with a number of our side', openFrame(2, Protocol.accessControl)],
    [
      'opens a stream twice',
      Buffer.concat([openFrame(1, Protocol.accessControl), openFrame(1, Protocol.accessControl)]),
    ],
    [
      'sends more than it has credit for',
      Buffer.concat([openFrame(1, Protocol.accessSession), ...Array.from({ length: 5 }, () => dataFrame(1, 65_536))]),
    ],
  ])('is cut off: %s', async (_what, bytes) => {
    const member = await startMember();
    const socket = await connectRaw(member.tcpPort(), stranger);
    socket.resume();
    const closed = closeOf(socket);
    socket.write(bytes);
    await closed;
    await expectServing(member);
  });

  it('opens as many streams as it may and no more', async () => {
    const member = await startMember();
    const socket = await connectRaw(member.tcpPort(), stranger);
    closeLater(async () => void socket.destroy());
    const reset = new Set<number>();
    const rejected = Promise.withResolvers<void>();
    socket.on('data', (chunk: Buffer) => {
      for (let offset = 0; offset + 8 <= chunk.length; offset += 8) reset.add(chunk.readUInt32BE(offset + 4));
      rejected.resolve();
    });
    const streams = Array.from({ length: 8192 }, (_, place) => openFrame(2 * place + 1, Protocol.accessSession));
    socket.write(Buffer.concat([...streams, openFrame(2 * 8192 + 1, Protocol.accessSession)]));
    await rejected.promise;
    await expectServing(member);
  });

  it('keeps asking without reading, and is cut off before that costs much', async () => {
    const member = await startMember();
    const socket = await connectRaw(member.tcpPort(), stranger);
    socket.pause();
    const closed = closeOf(socket);
    const pings = Buffer.concat(Array.from({ length: 10_000 }, () => encodeSmallFrame(FrameKind.ping, 0, 1)));
    let sent = 0;
    const flood = (): void => {
      while (!socket.destroyed && sent < 256 * 1024 * 1024 && socket.write(pings)) sent += pings.length;
      sent += pings.length;
    };
    socket.on('drain', flood);
    flood();
    await closed;
    expect(sent).toBeLessThan(128 * 1024 * 1024);
    await expectServing(member);
  }, 20_000);

  it('comes with a new key each time, and is not remembered', async () => {
    const member = await startMember();
    for (let count = 0; count < 20; count++) {
      const socket = await connectRaw(member.tcpPort(), keyPairFromSeed(testSeed(`stranger ${count}`)));
      socket.write(openFrame(1, Protocol.accessControl));
      socket.resume();
      const closed = closeOf(socket);
      socket.end();
      await closed;
    }
    await expectServing(member);
    expect((await member.server?.peers())?.length).toBeLessThanOrEqual(2);
  });
});
