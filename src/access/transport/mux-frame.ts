import { GatewayError } from '../../base/errors.ts';

/**
 * Pure: frames of the multiplexer, `/pam-access/1/streams`, inside the encrypted connection:
 *
 *     uint8       kind
 *     uint24 BE   length of the body
 *     uint32 BE   stream: odd numbers are opened by who dialled, even ones by who was dialled, 0 is the connection
 *     bytes       body
 *
 * It does what yamux does, and two things better: a stream names its protocol when it is opened, so that its first bytes need no negotiation, and
 * data is handed on as it arrives instead of frame by frame. Kinds are append-only. The peer controls every byte.
 */
export const FrameKind = {
  /** Body: the stream's protocol, UTF-8. */
  open: 1,
  /** Body: bytes of the stream, within the credit its receiver has given. */
  data: 2,
  /** Body: uint32, bytes that the sender may send in addition. */
  credit: 3,
  /** No more data comes from this side. */
  finish: 4,
  /** Both directions end here; what was not read is lost. */
  reset: 5,
  /** Body: uint32, to be sent back in a `pong`. */
  ping: 6,
  pong: 7,
} as const;
/** One of the kinds above. */
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** Bytes in front of every body. */
export const HEADER_BYTES = 8;
/** Body of one data frame: one read of a TCP socket. */
export const DATA_BYTES_MAX = 64 * 1024;
/** Credit each side of a stream has when it is opened. */
export const CREDIT_BYTES_FIRST = 256 * 1024;
/** Characters of a protocol's name. */
const PROTOCOL_BYTES_MAX = 128;
const NUMBER_BYTES = 4;

/** Lengths a body may have, by kind. */
const LENGTHS: Readonly<Record<FrameKind, readonly [min: number, max: number]>> = {
  [FrameKind.open]: [1, PROTOCOL_BYTES_MAX],
  [FrameKind.data]: [0, DATA_BYTES_MAX],
  [FrameKind.credit]: [NUMBER_BYTES, NUMBER_BYTES],
  [FrameKind.finish]: [0, 0],
  [FrameKind.reset]: [0, 0],
  [FrameKind.ping]: [NUMBER_BYTES, NUMBER_BYTES],
  [FrameKind.pong]: [NUMBER_BYTES, NUMBER_BYTES],
};

/** The bytes in front of a body of that size. */
export function encodeHeader(kind: FrameKind, stream: number, bodyBytes: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(kind * 0x100_0000 + bodyBytes, 0);
  header.writeUInt32BE(stream, NUMBER_BYTES);
  return header;
}

/** A frame without a body, or with a number for one. */
export function encodeSmallFrame(kind: FrameKind, stream: number, number?: number): Buffer {
  if (number === undefined) return encodeHeader(kind, stream, 0);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + NUMBER_BYTES);
  frame.writeUInt32BE(kind * 0x100_0000 + NUMBER_BYTES, 0);
  frame.writeUInt32BE(stream, NUMBER_BYTES);
  frame.writeUInt32BE(number, HEADER_BYTES);
  return frame;
}

/** Where frames go. */
export interface FrameHandler {
  /** A part of a data frame's body, as it arrived; never empty. */
  onData(stream: number, chunk: Uint8Array): void;
  /** Any other frame, whole. */
  onFrame(kind: FrameKind, stream: number, body: Buffer): void;
}

/** Cuts what arrives into frames. Holds at most one header or one small body. */
export class FrameParser {
  readonly #handler: FrameHandler;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #kind: FrameKind = FrameKind.data;
  #stream = 0;
  #bodyLeft = 0;
  #body: Uint8Array[] = [];

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Hands on what the chunk completes; throws `bad-message` for what is no frame. */
  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length) {
      offset += this.#headerBytes < HEADER_BYTES ? this.#takeHeader(chunk, offset) : this.#takeBody(chunk, offset);
    }
  }

  #takeHeader(chunk: Uint8Array, offset: number): number {
    const taken = Math.min(HEADER_BYTES - this.#headerBytes, chunk.length - offset);
    this.#header.set(chunk.subarray(offset, offset + taken), this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes < HEADER_BYTES) return taken;
    const length = this.#header.readUIntBE(1, 3);
    this.#kind = parseKind(this.#header[0] ?? 0, length);
    this.#stream = this.#header.readUInt32BE(NUMBER_BYTES);
    this.#bodyLeft = length;
    if (length === 0) this.#endFrame();
    return taken;
  }

  #takeBody(chunk: Uint8Array, offset: number): number {
    const taken = Math.min(this.#bodyLeft, chunk.length - offset);
    const part = chunk.subarray(offset, offset + taken);
    this.#bodyLeft -= taken;
    if (this.#kind === FrameKind.data) this.#handler.onData(this.#stream, part);
    else this.#body.push(part);
    if (this.#bodyLeft === 0) this.#endFrame();
    return taken;
  }

  #endFrame(): void {
    this.#headerBytes = 0;
    if (this.#kind === FrameKind.data) return;
    const body = Buffer.concat(this.#body);
    this.#body = [];
    this.#handler.onFrame(this.#kind, this.#stream, body);
  }
}

function parseKind(byte: number, length: number): FrameKind {
  const kind = KINDS.find((known) => known === byte);
  if (kind === undefined) throw new GatewayError('bad-message', `frame of unknown kind ${byte}`);
  const [min, max] = LENGTHS[kind];
  if (length >= min && length <= max) return kind;
  throw new GatewayError('bad-message', `frame of kind ${byte} with ${length} bytes, ${max} at most`);
}

const KINDS: readonly FrameKind[] = Object.values(FrameKind);
