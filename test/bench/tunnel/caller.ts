/** The client's end of the measurements: bytes up, bytes down, round trips, new connections. */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { dial, readBytes } from '../../e2e/targets/socket.ts';
import { insist } from '../measure/insist.ts';

const BLOCK = Buffer.alloc(256 * 1024, 0x5a);
const ROUND_TRIP_BYTES = 100;

/** Which way the bytes go, seen from the caller. */
export type Direction = 'up' | 'down';

/** Bytes per second over so many connections at once, in MB/s. What each carries is its share. */
export async function throughput(
  port: number,
  load: { readonly direction: Direction; readonly bytes: number; readonly connections: number },
): Promise<number> {
  const share = Math.ceil(load.bytes / load.connections);
  return insist(() => throughputOnce(port, { ...load, share }));
}

async function throughputOnce(
  port: number,
  load: { readonly direction: Direction; readonly share: number; readonly connections: number },
): Promise<number> {
  const { share } = load;
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => dial(port)));
  const beganAtMs = performance.now();
  await Promise.all(sockets.map((socket) => (load.direction === 'up' ? send(socket, share) : receive(socket, share))));
  const elapsedMs = performance.now() - beganAtMs;
  for (const socket of sockets) socket.destroy();
  return (share * load.connections) / elapsedMs / 1000;
}

/** Milliseconds of each of so many round trips of 100 bytes on one connection. */
export async function roundTrips(port: number, count: number): Promise<readonly number[]> {
  const socket = await openEcho(port);
  const message = Buffer.alloc(ROUND_TRIP_BYTES, 0x61);
  const times: number[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let [received, sentAtMs] = [0, 0];
  const next = (): void => {
    received = 0;
    sentAtMs = performance.now();
    socket.write(message);
  };
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received < ROUND_TRIP_BYTES) return;
    times.push(performance.now() - sentAtMs);
    if (times.length < count) next();
    else resolve();
  });
  socket.on('close', () => reject(new Error(`closed after ${times.length} of ${count} round trips`)));
  next();
  await promise;
  socket.destroy();
  return times;
}

/** Milliseconds of each of so many connections, one after the other, from the dial to the first byte that came back. */
export async function setUps(port: number, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let done = 0; done < count; done++) {
    const beganAtMs = performance.now();
    const socket = await openEcho(port);
    times.push(performance.now() - beganAtMs);
    socket.destroy();
  }
  return times;
}

/** Connections per second with so many being set up at once. */
export async function setUpRate(
  port: number,
  load: { readonly count: number; readonly atOnce: number },
): Promise<number> {
  let begun = 0;
  const beganAtMs = performance.now();
  const work = async (): Promise<void> => {
    while (begun < load.count) {
      begun += 1;
      (await openEcho(port)).destroy();
    }
  };
  await Promise.all(Array.from({ length: load.atOnce }, work));
  return (load.count / (performance.now() - beganAtMs)) * 1000;
}

/** A connection to the echo that has carried a byte. */
export function openEcho(port: number): Promise<Socket> {
  return insist(async () => {
    const socket = await dial(port);
    try {
      socket.write('ex');
      await readBytes(socket, 1);
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  });
}

async function send(socket: Socket, bytes: number): Promise<void> {
  const answered = readBytes(socket, 1, 600_000);
  socket.write('u');
  for (let left = bytes; left > 0; left -= BLOCK.length) {
    const block = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
    if (!socket.write(block)) await once(socket, 'drain');
  }
  socket.end();
  await answered;
}

async function receive(socket: Socket, bytes: number): Promise<void> {
  const request = Buffer.alloc(9);
  request.write('d');
  request.writeBigUInt64BE(BigInt(bytes), 1);
  let received = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
  });
  socket.on('end', () => (received === bytes ? resolve() : reject(new Error(`${received} of ${bytes} bytes`))));
  socket.on('close', () => reject(new Error(`closed after ${received} of ${bytes} bytes`)));
  socket.write(request);
  await promise;
}
