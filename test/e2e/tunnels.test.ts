import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordFigure } from './harness/figures.ts';
import { residentMib } from './harness/memory.ts';
import type { Pool } from './harness/pool.ts';
import { addRecord } from './harness/records.ts';
import { scaled } from './harness/scale.ts';
import { countSessions } from './harness/sessions.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { useTunnels } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { receivePattern, sendPattern } from './targets/pattern.ts';
import { dial, dialEcho, endOf, readAll, roundTrip } from './targets/socket.ts';
import { echo, startTarget, type Target } from './targets/target.ts';

const formPool = useSharedPools();
const startTunnel = useTunnels();
const MIB = 1024 * 1024;
const FIGURES = 'tunnels';

let pool: Pool;
const targets: Target[] = [];

/** A target that ends with the file, and its record. */
async function addTarget(title: string, onSocket: Parameters<typeof startTarget>[0]): Promise<Target> {
  const target = await startTarget(onSocket);
  targets.push(target);
  await addRecord(pool, title, target);
  return target;
}

beforeAll(async () => {
  pool = await formPool({ instances: 3 });
});

afterAll(async () => {
  for (const target of targets) await target.stop();
});

describe('one connection through a tunnel', () => {
  const bytes = scaled({ usual: 64, full: 2048 }) * MIB;

  it('carries a great deal both ways at once, unchanged', { timeout: 300_000 }, async () => {
    const atTarget = Promise.withResolvers<unknown>();
    await addTarget('bulk', (socket) => {
      const received = receivePattern(socket);
      const sent = sendPattern(socket, bytes);
      Promise.all([received, sent]).then(atTarget.resolve, atTarget.reject);
    });
    const { port } = await startTunnel({ pool, record: 'bulk' });
    const socket = await dial(port);
    const beganAtMs = performance.now();
    const [received, sent] = await Promise.all([receivePattern(socket), sendPattern(socket, bytes)]);
    expect(await atTarget.promise).toEqual([sent, received]);
    expect(received.bytes).toBe(bytes);
    const mibPerSecond = (2 * bytes) / MIB / ((performance.now() - beganAtMs) / 1000);
    recordFigure({
      file: FIGURES,
      what: `${bytes / MIB} MiB each way at once, both together`,
      unit: 'MiB/s',
      values: [mibPerSecond],
    });
  });

  it('closes each direction on its own', async () => {
    await addTarget('echo', echo);
    const { port } = await startTunnel({ pool, record: 'echo' });
    const socket = await dial(port);
    const answer = readAll(socket);
    socket.end('everything I had to say');
    expect((await answer).toString()).toBe('everything I had to say');
  });

  it('lets the client speak on after the target has finished', async () => {
    const received = Promise.withResolvers<Buffer>();
    await addTarget('finishes first', (socket) => {
      readAll(socket).then(received.resolve, received.reject);
      socket.end('goodbye');
    });
    const { port } = await startTunnel({ pool, record: 'finishes first' });
    const socket = await dial(port);
    expect((await readAll(socket)).toString()).toBe('goodbye');
    socket.end('still here');
    expect((await received.promise).toString()).toBe('still here');
  });

  it('passes a reset on, either way', async () => {
    const target = await addTarget('resets', (socket) => {
      socket.on('data', (data) => (data.toString() === 'reset me' ? socket.resetAndDestroy() : socket.write(data)));
    });
    const { port } = await startTunnel({ pool, record: 'resets' });
    const arriving = target.next();
    const first = await dial(port);
    await roundTrip(first, 'hello');
    const atTarget = endOf(await arriving);
    first.resetAndDestroy();
    expect(await atTarget).toBe('ECONNRESET');
    const second = await dial(port);
    const atClient = endOf(second);
    second.write('reset me');
    expect(await atClient).toBe('ECONNRESET');
  });
});

/** Waits until a counter has not moved for a while: whoever counts is being held back. */
function untilHeldBack(what: string, count: () => number): Promise<number> {
  let last = { count: -1, sinceMs: performance.now() };
  return until(what, { within: 30_000 }, () => {
    if (count() !== last.count) last = { count: count(), sinceMs: performance.now() };
    needs(performance.now() - last.sinceMs > 1500, () => `${last.count} bytes and still moving`);
    return last.count;
  });
}

/** Bytes that sockets and kernels on the way may swallow before anybody is held back. */
const SWALLOWED_BYTES_MAX = 48 * MIB;
const GROWTH_MIB_MAX = 64;

describe('a reader that does not read', () => {
  const bytes = scaled({ usual: 256, full: 1024 }) * MIB;

  it('holds its sender back, costs nobody memory, and gets everything in the end', { timeout: 120_000 }, async () => {
    let sentByTarget = 0;
    const talker = Promise.withResolvers<unknown>();
    await addTarget('talks', (socket) => {
      sendPattern(socket, bytes, (sent) => {
        sentByTarget = sent;
      }).then(talker.resolve, talker.reject);
      socket.resume();
    });
    const deaf = await addTarget('listens later', (socket) => socket.pause());
    const [talks, listens] = await Promise.all([
      startTunnel({ pool, record: 'talks' }),
      startTunnel({ pool, record: 'listens later' }),
    ]);
    const processes = [...pool.started, talks, listens].map(({ processId }) => processId);
    const before = processes.map(residentMib);
    const reader = await dial(talks.port);
    reader.pause();
    const arriving = deaf.next();
    const writer = await dial(listens.port);
    let sentByClient = 0;
    const written = sendPattern(writer, bytes, (sent) => {
      sentByClient = sent;
    });
    const [targetSent, clientSent] = await Promise.all([
      untilHeldBack('the target is held back', () => sentByTarget),
      untilHeldBack('the client is held back', () => sentByClient),
    ]);
    expect(Math.max(targetSent, clientSent)).toBeLessThan(SWALLOWED_BYTES_MAX);
    const grown = processes.map((processId, index) => residentMib(processId) - (before[index] ?? 0));
    const what = `memory that an instance or the client takes on while ${bytes / MIB} MiB wait each way`;
    recordFigure({ file: FIGURES, what, unit: 'MiB', values: grown, target: `${GROWTH_MIB_MAX} MiB` });
    expect(Math.max(...grown)).toBeLessThan(GROWTH_MIB_MAX);
    const socket = await arriving;
    expect(await receivePattern(socket)).toEqual(await written);
    expect(await receivePattern(reader)).toEqual(await talker.promise);
    socket.end();
    reader.end();
  });
});

describe('many connections at once', () => {
  const connections = scaled({ usual: 300, full: 2000 });
  /** Opened at the same time; the next ones when these are through. */
  const AT_ONCE = 50;

  it('are all through, each with its own bytes, and leave nothing behind', { timeout: 300_000 }, async () => {
    const target = await addTarget('many', echo);
    const { port, ready } = await startTunnel({ pool, record: 'many' });
    const beganAtMs = performance.now();
    const sockets: Awaited<ReturnType<typeof dial>>[] = [];
    for (let first = 0; first < connections; first += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, connections - first) }, (_, index) => first + index);
      sockets.push(...(await Promise.all(numbers.map((number) => dialEcho(port, `first words of ${number}`)))));
    }
    const perSecond = connections / ((performance.now() - beganAtMs) / 1000);
    recordFigure({
      file: FIGURES,
      what: `opening ${connections} connections, ${AT_ONCE} at a time`,
      unit: 'per second',
      values: [perSecond],
    });
    expect(target.sockets.size).toBe(connections);
    const counts = await countSessions(pool, ready.jobId);
    recordFigure({ file: FIGURES, what: `where ${connections} connections land`, unit: 'connections', values: counts });
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(connections);
    await Promise.all(sockets.map((socket, number) => roundTrip(socket, `${number} `.repeat(300))));
    const ends = sockets.map((socket) => readAll(socket));
    for (const socket of sockets) socket.end();
    expect(Buffer.concat(await Promise.all(ends)).length).toBe(0);
    await until('nobody has a session of them any more', { within: 10_000 }, async () => {
      const left = await countSessions(pool, ready.jobId);
      needs(
        left.every((count) => count === 0) && target.sockets.size === 0,
        () => `sessions: ${left}, sockets: ${target.sockets.size}`,
      );
    });
  });
});

describe('a target that cannot be connected to', () => {
  const table: readonly (readonly [string, () => Promise<{ readonly host: string; readonly port: number }>, RegExp])[] =
    [
      ['refuses', closedPort, /^connection failed: target-refused: 127\.0\.0\.1:\d+: connection refused/],
      [
        'is unreachable',
        async () => ({ host: '255.255.255.255', port: 9 }),
        /^connection failed: target-unreachable: 255\.255\.255\.255:9: network unreachable/,
      ],
    ];
  it.each(table)('%s: the connection is reset at once and the tunnel says why', async (title, place, reason) => {
    await addRecord(pool, title, await place());
    const tunnel = await startTunnel({ pool, record: title });
    const beganAtMs = performance.now();
    const socket = await dial(tunnel.port);
    expect(await endOf(socket)).toBe('ECONNRESET');
    const elapsedMs = performance.now() - beganAtMs;
    recordFigure({
      file: FIGURES,
      what: `until a connection is reset whose target ${title}`,
      unit: 'ms',
      values: [elapsedMs],
    });
    expect(elapsedMs).toBeLessThan(2000);
    expect((await tunnel.untilFailed(1, 2000))[0]).toMatch(reason);
  });
});

/** A port that was free a moment ago. */
async function closedPort(): Promise<{ readonly host: string; readonly port: number }> {
  const { host, port, stop } = await startTarget(() => undefined);
  await stop();
  return { host, port };
}
