/**
 * Pure: packets of the MySQL protocol that the gateway reads or writes itself. Integers are little endian.
 *
 *     uint24   length of the payload
 *     uint8    sequence number, from 0 with every command
 *     bytes    payload; one of 0xffffff bytes is continued in the next packet
 *
 * Source: MySQL 8.0 source documentation, "Client/Server Protocol"; MariaDB knowledge base, "Connection", for the extended capabilities.
 */

/** Bytes in front of a payload. */
export const HEAD_BYTES = 4;
/** Bytes of a packet while logging in at most: attributes of the connection dominate. */
export const LOGIN_PACKET_BYTES_MAX = 128 * 1024;

/** First byte of an answer. */
export const Answer = { ok: 0x00, more: 0x01, file: 0xfb, end: 0xfe, error: 0xff } as const;

/** Capabilities by bit, as far as the gateway decides something by them. */
export const Capability = {
  connectWithDatabase: 1 << 3,
  compress: 1 << 5,
  /** `LOAD DATA LOCAL`: the server may ask the client for files. */
  localFiles: 1 << 7,
  protocol41: 1 << 9,
  tls: 1 << 11,
  secureConnection: 1 << 15,
  pluginAuthentication: 1 << 19,
  connectAttributes: 1 << 20,
  lengthEncodedAuthentication: 1 << 21,
  deprecateEof: 1 << 24,
  zstdCompression: 1 << 26,
  queryAttributes: 1 << 27,
  multiFactor: 1 << 28,
  /** The upper one of the two bits that the gateway never passes on: reserved for clients. */
  verifyServerCertificate: 1 << 30,
} as const;

/** MariaDB's own capabilities, in a field of their own. */
export const MariadbCapability = {
  progress: 1 << 0,
  commandMulti: 1 << 1,
  bulk: 1 << 2,
  extendedMetadata: 1 << 3,
  cacheMetadata: 1 << 4,
} as const;

/** A payload with its head in front. */
export function encodePacket(sequence: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntLE(payload.length, 0, 3);
  head.writeUInt8(sequence & 0xff, 3);
  return Buffer.concat([head, payload]);
}

/** An error. Before the capabilities are agreed on it has no SQLSTATE: the client would show it as text. */
export function encodeError(code: number, message: string, state?: string): Buffer {
  const number = Buffer.alloc(2);
  number.writeUInt16LE(code);
  return Buffer.concat([
    Buffer.of(Answer.error),
    number,
    Buffer.from(state === undefined ? message : `#${state}${message}`),
  ]);
}

/** What an error packet says. */
export function decodeError(payload: Buffer): {
  readonly code: number;
  readonly state: string;
  readonly message: string;
} {
  const code = payload.length >= 3 ? payload.readUInt16LE(1) : 0;
  const hasState = payload[3] === 0x23;
  return {
    code,
    state: hasState ? payload.toString('latin1', 4, 9) : '',
    message: payload.toString('utf8', hasState ? 9 : 3),
  };
}

/** A length-encoded integer up to 2⁵³, and where it ends; undefined where the bytes do not suffice. */
export function readLength(
  bytes: Buffer,
  offset: number,
): { readonly value: number; readonly end: number } | undefined {
  const first = bytes[offset];
  if (first === undefined || first === 0xfb || first === 0xff) return undefined;
  if (first < 0xfb) return { value: first, end: offset + 1 };
  const width = first === 0xfc ? 2 : first === 0xfd ? 3 : 6;
  const end = offset + 1 + (first === 0xfe ? 8 : width);
  return end > bytes.length ? undefined : { value: bytes.readUIntLE(offset + 1, width), end };
}

/** A length-encoded text or byte string. */
export function encodeLengthEncoded(bytes: Uint8Array): Buffer {
  const { length } = bytes;
  if (length < 0xfb) return Buffer.concat([Buffer.of(length), bytes]);
  const head = Buffer.alloc(3);
  head.writeUInt8(0xfc);
  head.writeUInt16LE(length, 1);
  return Buffer.concat([head, bytes]);
}

/** Text that ends with a zero byte, and where the next field begins. */
export function readText(bytes: Buffer, offset: number): { readonly text: string; readonly end: number } {
  const zero = bytes.indexOf(0, offset);
  const end = zero === -1 ? bytes.length : zero;
  return { text: bytes.toString('utf8', offset, end), end: Math.min(end + 1, bytes.length) };
}
