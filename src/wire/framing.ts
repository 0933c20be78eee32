import { GatewayError } from '../base/errors.ts';

/**
 * Frames in front of or instead of raw bytes:
 *
 *     uint32 BE   length of what follows
 *     bytes       payload
 *
 * The peer controls every byte: the length is checked before anything is kept.
 */
const LENGTH_BYTES = 4;

/** The payload with its length in front. */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(LENGTH_BYTES + payload.length);
  new DataView(frame.buffer).setUint32(0, payload.length);
  frame.set(payload, LENGTH_BYTES);
  return frame;
}

/** Cuts chunks into frames; holds at most one incomplete frame. */
export class FrameCutter {
  readonly #payloadBytesMax: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #bytesNeeded = LENGTH_BYTES;

  /** `payloadBytesMax`: a longer frame is refused as soon as its length is known. */
  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /** Keeps the chunk until it is part of a whole frame. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The next whole frame, or undefined until more has arrived; throws `bad-message` at a length out of range. */
  next(): Uint8Array | undefined {
    if (this.#bytes < this.#bytesNeeded) return undefined;
    const data = this.rest();
    const length = new DataView(data.buffer, data.byteOffset).getUint32(0);
    if (length > this.#payloadBytesMax) {
      throw new GatewayError('bad-message', `frame of ${length} bytes; the limit is ${this.#payloadBytesMax}`);
    }
    const whole = data.length >= LENGTH_BYTES + length;
    this.#bytesNeeded = whole ? LENGTH_BYTES : LENGTH_BYTES + length;
    this.push(whole ? data.subarray(LENGTH_BYTES + length) : data);
    return whole ? data.slice(LENGTH_BYTES, LENGTH_BYTES + length) : undefined;
  }

  /** Takes out everything that is not part of a frame handed on. */
  rest(): Uint8Array {
    const [only] = this.#chunks;
    const data = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [];
    this.#bytes = 0;
    // A plain view: `slice` of a Buffer would share memory instead of copying.
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
}
