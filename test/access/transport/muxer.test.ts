import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { describe, expect, it } from 'vitest';
import { BufferReclaim } from '../../../src/access/buffer-reclaim.ts';
import { createAccessNode } from '../../../src/access/node.ts';
import { testSeed } from '../pool.ts';
import { closeAfterEach } from '../world.ts';

const closeLater = closeAfterEach();
const PROTOCOL = '/test/1';

async function createNode(label: string, listen: string[]): Promise<Libp2p> {
  const node = await createAccessNode({
    keySeed: testSeed(label),
    listen,
    announce: [],
    reclaim: new BufferReclaim(),
    protocols: [PROTOCOL],
  });
  await node.start();
  closeLater(async () => void (await node.stop()));
  return node;
}

/** Two nodes, the connection between them, and a way to open streams on it. */
async function connectPair(): Promise<{ connection: Connection; open: () => Promise<readonly [Stream, Stream]> }> {
  const listener = await createNode('listener', ['/ip4/127.0.0.1/tcp/0']);
  const dialler = await createNode('dialler', []);
  let onStream: (stream: Stream) => void = () => undefined;
  await listener.handle(PROTOCOL, (stream) => onStream(stream), { maxInboundStreams: 10_000 });
  const connection = await dialler.dial(listener.getMultiaddrs());
  const open = async (): Promise<readonly [Stream, Stream]> => {
    const { promise, resolve } = Promise.withResolvers<Stream>();
    onStream = resolve;
    const near = await connection.newStream(PROTOCOL, { maxOutboundStreams: 10_000 });
    return [near, await promise];
  };
  return { connection, open };
}

/** Resolves with the event's name once the stream says so. */
function said(stream: Stream, event: 'close' | 'end' | 'remoteCloseWrite' | 'drain' | 'message'): Promise<Event> {
  return new Promise((resolve) => stream.addEventListener(event, (heard: Event) => resolve(heard), { once: true }));
}

describe('a stream', () => {
  it('closes each direction on its own', async () => {
    const [near, far] = await (await connectPair()).open();
    const finished = said(far, 'end');
    far.addEventListener('message', () => undefined);
    await near.close();
    await finished;
    expect([far.status, far.writeStatus]).toEqual(['open', 'writable']);
    const received = said(near, 'message');
    far.send(Buffer.from('late'));
    expect(await received).toMatchObject({ data: expect.anything() });
    const closed = said(near, 'close');
    await far.close();
    await closed;
    expect([near.status, far.status]).toEqual(['closed', 'closed']);
  });

  it('says at the other side that it was reset', async () => {
    const [near, far] = await (await connectPair()).open();
    const closed = said(far, 'close');
    near.abort(new Error('enough'));
    await closed;
    expect([near.status, far.status]).toEqual(['aborted', 'reset']);
  });

  it('does not end in order when its connection goes away', async () => {
    const { connection, open } = await connectPair();
    const [near, far] = await open();
    const closed = Promise.all([said(near, 'close'), said(far, 'close')]);
    connection.abort(new Error('cable cut'));
    await closed;
    expect([near.status, far.status]).toEqual(['aborted', 'aborted']);
  });

  it('stops its sender when nobody reads, and goes on when somebody does', async () => {
    const [near, far] = await (await connectPair()).open();
    far.pause();
    const chunk = Buffer.alloc(64 * 1024);
    let sent = 0;
    while (near.send(chunk)) sent += chunk.length;
    sent += chunk.length;
    // The first window, and the chunk that did not fit any more.
    expect(sent).toBeLessThanOrEqual(256 * 1024 + 2 * chunk.length);
    const drained = said(near, 'drain');
    let received = 0;
    const all = Promise.withResolvers<void>();
    far.addEventListener('message', ({ data }) => {
      received += data.byteLength;
      if (received === sent) all.resolve();
    });
    far.resume();
    await drained;
    await all.promise;
  });

  it('does not slow down the others when nobody reads it', async () => {
    const { open } = await connectPair();
    const [stuckNear, stuckFar] = await open();
    stuckFar.pause();
    while (stuckNear.send(Buffer.alloc(64 * 1024)));
    const [near, far] = await open();
    far.addEventListener('message', ({ data }) => void far.send(data));
    const answer = said(near, 'message');
    near.send(Buffer.from('quick'));
    await answer;
  });

  it('delivers what came before the end to a reader that comes late', async () => {
    const [near, far] = await (await connectPair()).open();
    far.pause();
    near.send(Buffer.from('first'));
    const finished = said(far, 'remoteCloseWrite');
    await near.close();
    await finished;
    const texts: string[] = [];
    const ended = said(far, 'end');
    far.addEventListener('message', ({ data }) => texts.push(Buffer.from(data.subarray()).toString()));
    far.resume();
    await ended;
    expect(texts.join('')).toBe('first');
  });
});

describe('a connection', () => {
  it('carries a thousand streams at once', async () => {
    const { connection, open } = await connectPair();
    const pairs: (readonly [Stream, Stream])[] = [];
    for (let count = 0; count < 1000; count++) pairs.push(await open());
    expect(connection.streams).toHaveLength(1000);
    const answers = pairs.map(([near, far]) => {
      far.addEventListener('message', ({ data }) => void far.send(data));
      return said(near, 'message');
    });
    for (const [near] of pairs) near.send(Buffer.from('x'));
    await Promise.all(answers);
    const closed = pairs.map(([near]) => said(near, 'close'));
    for (const [near, far] of pairs) {
      void near.close();
      void far.close();
    }
    await Promise.all(closed);
    expect(connection.streams).toHaveLength(0);
  }, 60_000);
});
