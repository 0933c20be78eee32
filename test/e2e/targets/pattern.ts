/** A long stream whose every byte depends on its place, so that loss, repetition and exchange show; and its checksum. */

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';

const BLOCK_BYTES = 64 * 1024;
const RANDOM = randomBytes(BLOCK_BYTES);

/** What was sent or received. */
export interface Sum {
  readonly bytes: number;
  /** SHA-256 in hexadecimal. */
  readonly digest: string;
}

/** Writes so many bytes as fast as they are taken, and ends the direction. Rejects if the connection breaks. */
export async function sendPattern(socket: Socket, bytes: number, onSent?: (bytes: number) => void): Promise<Sum> {
  const hash = createHash('sha256');
  const broken = once(socket, 'close').then(() => {
    throw new Error('the connection broke while it was written to');
  });
  broken.catch(() => undefined);
  for (let sent = 0; sent < bytes; ) {
    const block = blockAt(sent, Math.min(BLOCK_BYTES, bytes - sent));
    hash.update(block);
    sent += block.length;
    if (!socket.write(block)) await Promise.race([once(socket, 'drain'), broken]);
    onSent?.(sent);
  }
  socket.end();
  return { bytes, digest: hash.digest('hex') };
}

/** Reads until the end, also from a paused socket. Rejects if the connection breaks first. */
export function receivePattern(socket: Socket, onReceived?: (bytes: number) => void): Promise<Sum> {
  const hash = createHash('sha256');
  let bytes = 0;
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      hash.update(chunk);
      onReceived?.(bytes);
    });
    socket.on('end', () => resolve({ bytes, digest: hash.digest('hex') }));
    socket.on('close', () => reject(new Error(`broken off after ${bytes} bytes`)));
    socket.resume();
  });
}

/** The block at this place: random bytes, with the place written into them. */
function blockAt(offset: number, length: number): Buffer {
  const block = Buffer.from(RANDOM.subarray(0, length));
  if (length >= 8) block.writeBigUInt64BE(BigInt(offset));
  return block;
}
