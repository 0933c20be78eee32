import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startTunnel } from '../../src/access/index.ts';
import { soon } from './pool.ts';
import { dial, endOf, readAll } from './targets.ts';
import { closeAfterEach, createWorld } from './world.ts';

const closeLater = closeAfterEach();
/** Four ends of 200 MB in one process, on a machine that does other things too. */
const BULK_TIMEOUT_MS = 60_000;
const BULK_BYTES = 100 * 1024 * 1024;
const CHUNK = randomBytes(64 * 1024);

/** Writes so many bytes as fast as the socket takes them, and ends. */
async function writeBulk(socket: Socket, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  for (let left = bytes; left > 0; left -= CHUNK.length) {
    const chunk = CHUNK.subarray(0, Math.min(left, CHUNK.length));
    hash.update(chunk);
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
  return hash.digest('hex');
}

async function hashAll(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of socket) hash.update(chunk);
  return hash.digest('hex');
}

describe.each([
  ['straight to its worker', false],
  ['relayed by the entry', true],
])('a tunnelled connection, %s,', (_way, relayed) => {
  it('answers after the client has closed its direction', async () => {
    const { port } = await createWorld(closeLater, { relayed });
    const socket = await dial(port);
    const answer = readAll(socket);
    socket.end('hello');
    expect((await answer).toString()).toBe('hello');
  });

  it('goes on towards the target after the target has closed its direction', async () => {
    const received = Promise.withResolvers<Buffer>();
    const { port } = await createWorld(closeLater, {
      relayed,
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
    const { port, target } = await createWorld(closeLater, { relayed });
    const arriving = target.next();
    const socket = await dial(port);
    const end = endOf(await arriving);
    socket.write('x');
    await once(socket, 'data');
    socket.resetAndDestroy();
    expect(await end).toBe('ECONNRESET');
  });

  it('carries a reset to the client', async () => {
    const onSocket = (socket: Socket): void => void socket.once('data', () => socket.resetAndDestroy());
    const { port } = await createWorld(closeLater, { onSocket, relayed });
    const socket = await dial(port);
    const end = endOf(socket);
    socket.write('x');
    expect(await end).toBe('ECONNRESET');
  });

  it(
    'carries 100 MB to the target and 100 MB back unchanged, and counts them',
    async () => {
      const seen = Promise.withResolvers<string>();
      const sent = Promise.withResolvers<string>();
      const { port, pool, next } = await createWorld(closeLater, {
        relayed,
        onSocket: (socket) => {
          hashAll(socket).then(seen.resolve, seen.reject);
          writeBulk(socket, BULK_BYTES).then(sent.resolve, sent.reject);
        },
      });
      const socket = await dial(port);
      const received = hashAll(socket);
      expect(await writeBulk(socket, BULK_BYTES)).toBe(await seen.promise);
      expect(await received).toBe(await sent.promise);
      await expect(next('connection-closed')).resolves.toMatchObject({ bytesIn: BULK_BYTES, bytesOut: BULK_BYTES });
      expect(pool.ends.at(-1)).toMatchObject({ state: 'succeeded', bytesIn: BULK_BYTES, bytesOut: BULK_BYTES });
    },
    BULK_TIMEOUT_MS,
  );

  it('stops a fast sender while the reader is slow, and holds little meanwhile', async () => {
    const { port, target } = await createWorld(closeLater, { onSocket: (socket) => socket.pause(), relayed });
    const arriving = target.next();
    const socket = await dial(port);
    const reader = await arriving;
    const chunk = Buffer.alloc(1024 * 1024);
    const before = process.memoryUsage.rss();
    let written = 0;
    // Until nothing has moved for a while: everything between the two ends is full.
    for (let stalled = false; !stalled; ) {
      while (socket.write(chunk)) written += chunk.length;
      written += chunk.length;
      stalled = await Promise.race([
        once(socket, 'drain').then(() => false),
        new Promise<boolean>((resolve) => setTimeout(resolve, 500, true)),
      ]);
    }
    // Kernel buffers, windows and queues of all sockets on the way; this process holds every end of them.
    expect(written).toBeLessThan(32 * 1024 * 1024);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    const total = readAll(reader);
    reader.resume();
    socket.end();
    expect((await total).length).toBe(written);
  });
});

describe('a tunnelled connection', () => {
  it(
    'is one of 500 at the same time, and each gets its own bytes',
    async () => {
      const { port, tunnel, pool } = await createWorld(closeLater);
      const texts = Array.from({ length: 500 }, (_, place) => `connection ${place} `.repeat(50));
      const sockets = await Promise.all(texts.map(() => dial(port)));
      const answers = sockets.map((socket) => once(socket, 'data'));
      for (const [place, socket] of sockets.entries()) socket.write(`${place}`);
      await Promise.all(answers);
      expect(tunnel.connections()).toBe(500);
      const rest = sockets.map((socket) => readAll(socket));
      for (const [place, socket] of sockets.entries()) socket.end(texts[place] ?? '');
      expect((await Promise.all(rest)).map(String)).toEqual(texts);
      expect(new Set(pool.ends.map(({ jobId }) => jobId)).size).toBe(pool.ends.length);
    },
    BULK_TIMEOUT_MS,
  );
});

describe('a target that cannot be reached', () => {
  it('resets the local connection at once and says that it refused', async () => {
    const { port, target, next, pool } = await createWorld(closeLater);
    await target.stop();
    const started = performance.now();
    expect(await endOf(await dial(port))).toBe('ECONNRESET');
    expect(performance.now() - started).toBeLessThan(1000);
    const { failure } = await next('connection-failed');
    expect(failure).toEqual({
      code: 'target-refused',
      message: `127.0.0.1:${target.port}: connection refused, nothing listens there`,
    });
    expect(pool.ends.at(-1)).toMatchObject({ state: 'failed', error: { code: 'target-refused' } });
  });

  it('says that the name of the host does not exist', async () => {
    const { client, pool } = await createWorld(closeLater);
    const record = pool.addRecord('no-such-host.invalid', 22);
    const failed = Promise.withResolvers<unknown>();
    const onEvent = (event: object): void => failed.resolve(event);
    const tunnel = await startTunnel({ client, recordId: record.recordId, port: 0, onEvent }, soon());
    closeLater(() => tunnel.stop());
    await endOf(await dial(Number(tunnel.listening.split(':')[1])));
    expect(await failed.promise).toMatchObject({ failure: { code: 'target-unreachable' } });
  });
});

describe('a tunnel', () => {
  it('says that its port is taken', async () => {
    const { client, record } = await createWorld(closeLater);
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    closeLater(async () => void holder.close());
    const address = holder.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const starting = startTunnel({ client, recordId: record.recordId, port }, soon());
    await expect(starting).rejects.toMatchObject({
      code: 'address-in-use',
      message: `Port ${port} is already in use.`,
    });
  });

  it('picks a port of the dynamic range', async () => {
    const { port } = await createWorld(closeLater);
    expect(port).toBeGreaterThanOrEqual(49_152);
  });

  it('is refused for a record nobody knows', async () => {
    const { client } = await createWorld(closeLater);
    const starting = startTunnel({ client, recordId: 'unknown', port: 0 }, soon());
    await expect(starting).rejects.toMatchObject({ code: 'not-found' });
  });

  it('holds a lease that ends with it', async () => {
    const { tunnel, pool } = await createWorld(closeLater);
    const jobId = tunnel.jobId();
    expect(pool.notice(jobId)?.state).toBe('running');
    await tunnel.stop();
    await pool.ended(jobId);
    expect(pool.notice(jobId)).toMatchObject({ state: 'succeeded', parent: null });
  });

  it('gives its connections the lease as parent', async () => {
    const { tunnel, port, next, pool } = await createWorld(closeLater);
    await dial(port);
    const { jobId } = await next('connection-opened');
    expect(pool.notice(jobId)?.parent).toBe(tunnel.jobId());
  });

  it('resets its connections when it stops', async () => {
    const { tunnel, port, next, pool } = await createWorld(closeLater);
    const socket = await dial(port);
    const { jobId } = await next('connection-opened');
    const end = endOf(socket);
    await tunnel.stop();
    expect(await end).toBe('ECONNRESET');
    await pool.ended(jobId);
  });

  it('loses a connection whose job is cancelled', async () => {
    const { client, port, next, pool } = await createWorld(closeLater);
    const socket = await dial(port);
    const { jobId } = await next('connection-opened');
    const end = endOf(socket);
    await client.request({ kind: 'job-cancel', jobId, reason: 'enough' }, 'done', soon());
    expect(await end).toBe('ECONNRESET');
    await pool.ended(jobId);
    expect(pool.notice(jobId)?.state).toBe('cancelled');
  });
});
