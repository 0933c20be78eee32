/**
 * SFTP, version 3 (draft-ietf-secsh-filexfer-02, and the extensions in OpenSSH's PROTOCOL): the client's side, as far as copying files needs it. A packet is
 *
 *     uint32 length, uint8 type, uint32 id (version instead, in the first one of each side), fields
 *
 * Trust: what comes from a target is bounded and checked for form; names are text of an unknown machine.
 */
import { GatewayError } from '../base/errors.ts';

/** Types of packets. */
export const SftpType = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  setStat: 9,
  setOpenStat: 10,
  openFolder: 11,
  readFolder: 12,
  remove: 13,
  makeFolder: 14,
  removeFolder: 15,
  realPath: 16,
  stat: 17,
  rename: 18,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attributes: 105,
  extended: 200,
  extendedReply: 201,
} as const;

/** Codes of a status. */
export const SftpStatus = { ok: 0, end: 1, noSuchFile: 2, permissionDenied: 3, failure: 4, unsupported: 8 } as const;

/** Bits of how a file is opened. */
export const SftpOpen = { read: 0x01, write: 0x02, create: 0x08, truncate: 0x10, exclusive: 0x20 } as const;

/** What is known of a file. Null: not said. */
export interface FileAttributes {
  readonly sizeBytes: number | null;
  /** Type and permissions, as in `st_mode`. */
  readonly mode: number | null;
  readonly accessedUnixS: number | null;
  readonly modifiedUnixS: number | null;
}

/** One of a folder's entries. */
export interface FolderEntry {
  readonly name: string;
  readonly attributes: FileAttributes;
}

/** What a server answers. */
export type SftpReply =
  | { readonly kind: 'status'; readonly id: number; readonly code: number; readonly message: string }
  | { readonly kind: 'handle'; readonly id: number; readonly handle: Buffer }
  | { readonly kind: 'data'; readonly id: number; readonly data: Buffer }
  | { readonly kind: 'names'; readonly id: number; readonly entries: readonly FolderEntry[] }
  | { readonly kind: 'attributes'; readonly id: number; readonly attributes: FileAttributes }
  | { readonly kind: 'extended'; readonly id: number; readonly fields: Buffer }
  | { readonly kind: 'version'; readonly id: 0; readonly version: number; readonly extensions: readonly string[] };

/** A file of which nothing is said. */
export const NO_ATTRIBUTES: FileAttributes = { sizeBytes: null, mode: null, accessedUnixS: null, modifiedUnixS: null };
/** The version that is spoken. */
export const SFTP_VERSION = 3;
/** Most bytes of a packet that is taken: OpenSSH sends no longer ones. */
export const SFTP_PACKET_BYTES_MAX = 256 * 1024;
/** Bytes in one packet of a file: every server takes so many. */
export const SFTP_DATA_BYTES = 32 * 1024;

const HAS_SIZE = 0x01;
const HAS_OWNER = 0x02;
const HAS_MODE = 0x04;
const HAS_TIMES = 0x08;
const HAS_EXTENSIONS = 0x8000_0000;
const ENTRIES_MAX = 10_000;

/** A field of a request. */
export type SftpField = Buffer | string | { readonly uint32: number } | { readonly uint64: number } | FileAttributes;

/** A request as bytes; a buffer or text is written with its length. */
export function encodeSftp(type: number, id: number, fields: readonly SftpField[]): Buffer {
  const body = Buffer.concat([Buffer.of(type), uint32(id), ...fields.map(encodeField)]);
  return Buffer.concat([uint32(body.length), body]);
}

function encodeField(field: SftpField): Buffer {
  if (typeof field === 'string') return sized(Buffer.from(field));
  if (Buffer.isBuffer(field)) return sized(field);
  if ('uint32' in field) return uint32(field.uint32);
  return 'uint64' in field ? uint64(field.uint64) : encodeAttributes(field);
}

function encodeAttributes({ sizeBytes, mode, accessedUnixS, modifiedUnixS }: FileAttributes): Buffer {
  const hasTimes = accessedUnixS !== null && modifiedUnixS !== null;
  const flags = (sizeBytes === null ? 0 : HAS_SIZE) | (mode === null ? 0 : HAS_MODE) | (hasTimes ? HAS_TIMES : 0);
  return Buffer.concat([
    uint32(flags),
    ...(sizeBytes === null ? [] : [uint64(sizeBytes)]),
    ...(mode === null ? [] : [uint32(mode)]),
    ...(hasTimes ? [uint32(accessedUnixS), uint32(modifiedUnixS)] : []),
  ]);
}

/** Cuts what a server sends into replies; holds at most one incomplete one. */
export class SftpReplies {
  #chunks: Buffer[] = [];
  #held = 0;
  #wanted = 4;

  /** The replies that end in this chunk; throws `bad-message`. */
  take(chunk: Buffer): readonly SftpReply[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#wanted) return [];
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const replies: SftpReply[] = [];
    let at = 0;
    this.#wanted = 4;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32BE(at);
      if (length < 5 || length > SFTP_PACKET_BYTES_MAX) throw wrong(`a packet of ${length} bytes`);
      this.#wanted = 4 + length;
      if (bytes.length - at < this.#wanted) break;
      replies.push(decodeReply(bytes.subarray(at + 4, at + this.#wanted)));
      at += this.#wanted;
      this.#wanted = 4;
    }
    this.#held = bytes.length - at;
    this.#chunks = this.#held === 0 ? [] : [bytes.subarray(at)];
    return replies;
  }
}

function decodeReply(packet: Buffer): SftpReply {
  const reader = new SftpReader(packet);
  const type = reader.uint8();
  const id = reader.uint32();
  switch (type) {
    case SftpType.version: {
      const extensions: string[] = [];
      for (; reader.rest > 0 && extensions.length < ENTRIES_MAX; reader.bytes()) extensions.push(reader.text());
      return { kind: 'version', id: 0, version: id, extensions };
    }
    case SftpType.status:
      return { kind: 'status', id, code: reader.uint32(), message: reader.rest > 0 ? reader.text() : '' };
    case SftpType.handle:
      return { kind: 'handle', id, handle: Buffer.from(reader.bytes()) };
    case SftpType.data:
      return { kind: 'data', id, data: reader.bytes() };
    case SftpType.name: {
      const count = reader.uint32();
      if (count > ENTRIES_MAX) throw wrong(`${count} names at once`);
      return { kind: 'names', id, entries: Array.from({ length: count }, () => decodeEntry(reader)) };
    }
    case SftpType.attributes:
      return { kind: 'attributes', id, attributes: decodeAttributes(reader) };
    case SftpType.extendedReply:
      return { kind: 'extended', id, fields: Buffer.from(packet.subarray(5)) };
    default:
      throw wrong(`a packet of type ${type}`);
  }
}

function decodeEntry(reader: SftpReader): FolderEntry {
  const name = reader.text();
  reader.bytes(); // As `ls -l` would show it.
  return { name, attributes: decodeAttributes(reader) };
}

function decodeAttributes(reader: SftpReader): FileAttributes {
  const flags = reader.uint32();
  const has = (bit: number): boolean => (flags & bit) !== 0;
  const sizeBytes = has(HAS_SIZE) ? reader.uint64() : null;
  if (has(HAS_OWNER)) reader.skip(8);
  const mode = has(HAS_MODE) ? reader.uint32() : null;
  const accessedUnixS = has(HAS_TIMES) ? reader.uint32() : null;
  const modifiedUnixS = has(HAS_TIMES) ? reader.uint32() : null;
  if (has(HAS_EXTENSIONS)) {
    for (let left = Math.min(reader.uint32(), ENTRIES_MAX); left > 0; left--) reader.skip(reader.uint32(), 2);
  }
  return { sizeBytes, mode, accessedUnixS, modifiedUnixS };
}

/** Reads fields of a packet; throws `bad-message` where one is cut off. */
export class SftpReader {
  readonly #packet: Buffer;
  #at = 0;

  constructor(packet: Buffer) {
    this.#packet = packet;
  }

  /** Bytes left. */
  get rest(): number {
    return this.#packet.length - this.#at;
  }

  uint8(): number {
    return this.#take(1).readUInt8();
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  /** Exact up to 8 PiB; throws for more. */
  uint64(): number {
    const value = this.#take(8).readBigUInt64BE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw wrong(`a number of ${value}`);
    return Number(value);
  }

  bytes(): Buffer {
    return this.#take(this.uint32());
  }

  text(): string {
    return this.bytes().toString();
  }

  /** So many bytes; with `pairs` = 2, that and another field. */
  skip(length: number, pairs: 1 | 2 = 1): void {
    this.#take(length);
    if (pairs === 2) this.bytes();
  }

  #take(length: number): Buffer {
    if (length > this.rest) throw wrong('a packet that is cut off');
    this.#at += length;
    return this.#packet.subarray(this.#at - length, this.#at);
  }
}

function sized(bytes: Buffer): Buffer {
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function wrong(what: string): GatewayError {
  return new GatewayError('bad-message', `the target does not speak SFTP as it should: ${what}`);
}
