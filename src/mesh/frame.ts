import { GatewayError } from '../base/errors.ts';
import { FRAME_BYTES_MAX } from './bounds.ts';

/**
 * Pure: frames on a link.
 *
 *     uint32 BE   length of what follows, 1 … 1 + FRAME_BYTES_MAX
 *     uint8       kind
 *     bytes       payload
 *
 * Kinds are append-only; a reader skips kinds it does not know. The peer controls every byte: the length is checked before anything is kept.
 */
export const FrameKind = {
  /** A message for this instance. */
  direct: 1,
  /** A pool message for a peer that gossip does not reach yet. */
  gossip: 2,
} as const;
/** One of the kinds above. */
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** A frame as it arrived; `kind` may be one of a later version. */
export interface Frame {
  readonly kind: number;
  readonly payload: Uint8Array;
}

const LENGTH_BYTES = 4;
/** Bytes that a frame adds to its payload. */
export const FRAME_OVERHEAD_BYTES = LENGTH_BYTES + 1;

/** The bytes in front of a payload of that size. */
export function encodeFrameHeader(kind: FrameKind, payloadBytes: number): Uint8Array {
  const header = new Uint8Array(FRAME_OVERHEAD_BYTES);
  new DataView(header.buffer).setUint32(0, payloadBytes + 1);
  header[LENGTH_BYTES] = kind;
  return header;
}

/** Cuts a stream of chunks into frames; holds at most one incomplete frame. */
export class FrameDecoder {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #bytesNeeded = LENGTH_BYTES;

  /** Hands on every frame that the chunk completes; throws `bad-message` at the first length out of range, after handing on what stood before it. */
  push(chunk: Uint8Array, onFrame: (frame: Frame) => void): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#bytesNeeded) return;
    const data = this.#take();
    let offset = 0;
    for (;;) {
      const length = frameLength(data, offset);
      this.#bytesNeeded = LENGTH_BYTES + (length ?? 0);
      if (length === undefined || data.length - offset < this.#bytesNeeded) break;
      const end = offset + this.#bytesNeeded;
      onFrame({ kind: data[offset + LENGTH_BYTES] ?? 0, payload: data.slice(offset + FRAME_OVERHEAD_BYTES, end) });
      offset = end;
    }
    this.#keep(data.subarray(offset));
  }

  #take(): Uint8Array {
    const [only] = this.#chunks;
    const data = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks, this.#bytes);
    // A plain view: `slice` of a Buffer would share memory instead of copying.
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }

  #keep(rest: Uint8Array): void {
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
  }
}

function frameLength(data: Uint8Array, offset: number): number | undefined {
  if (data.length - offset < LENGTH_BYTES) return undefined;
  const length = new DataView(data.buffer, data.byteOffset).getUint32(offset);
  if (length >= 1 && length <= FRAME_BYTES_MAX + 1) return length;
  throw new GatewayError('bad-message', `frame of ${length} bytes on a link, allowed are 1 to ${FRAME_BYTES_MAX + 1}`, {
    remedy: 'Run the same version on all instances of the pool.',
  });
}
