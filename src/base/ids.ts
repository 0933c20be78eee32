import { base58btc } from 'multiformats/bases/base58';
import { concatBytes, sha256 } from './bytes.ts';

/**
 * An instance or caller is known by the libp2p peer id of its Ed25519 key: the base58btc text of a fixed 6-byte
 * prefix (identity multihash, protobuf key type) and the 32-byte public key (libp2p specs, peer-ids).
 */
export type PeerKeyId = string & { readonly brand: 'PeerKeyId' };
/** The peer id of a gateway instance. */
export type InstanceId = PeerKeyId;

const KEY_ID_PREFIX = new Uint8Array([0x00, 0x24, 0x08, 0x01, 0x12, 0x20]);
/** Bytes of an Ed25519 public key. */
export const PUBLIC_KEY_BYTES = 32;
/** Characters of every Ed25519 peer id: 38 bytes with one and the same prefix always give 52 digits. */
export const KEY_ID_LENGTH = 52;

/** The id of a 32-byte public key. */
export function formatKeyId(publicKey: Uint8Array): PeerKeyId {
  return base58btc.baseEncode(concatBytes([KEY_ID_PREFIX, publicKey])) as PeerKeyId;
}

const BASE58 = /^[1-9A-HJ-NP-Za-km-z]+$/;
const LEAST_ID = formatKeyId(new Uint8Array(PUBLIC_KEY_BYTES));
const GREATEST_ID = formatKeyId(new Uint8Array(PUBLIC_KEY_BYTES).fill(0xff));

/**
 * The id in `text`, or undefined if it is not the peer id of an Ed25519 key. Without decoding, since every message carries ids: text of this length in
 * this alphabet orders as its bytes do, so the ids are exactly those between the least and the greatest one.
 */
export function parseKeyId(text: string): PeerKeyId | undefined {
  const isId = text.length === KEY_ID_LENGTH && text >= LEAST_ID && text <= GREATEST_ID && BASE58.test(text);
  return isId ? (text as PeerKeyId) : undefined;
}

/** The 32-byte public key inside an id, or undefined if the text is not such an id. */
export function publicKeyOf(text: string): Uint8Array | undefined {
  if (text.length !== KEY_ID_LENGTH) return undefined;
  try {
    const bytes = base58btc.baseDecode(text);
    if (bytes.length !== KEY_ID_PREFIX.length + PUBLIC_KEY_BYTES) return undefined;
    return KEY_ID_PREFIX.every((byte, index) => bytes[index] === byte) ? bytes.slice(KEY_ID_PREFIX.length) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Orders ids by their bytes. Ids have one length and one prefix, and the base58 alphabet is ascending in ASCII, so comparing
 * the text is comparing the bytes; a property test holds this down.
 */
export function compareIds(left: PeerKeyId, right: PeerKeyId): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** Random bytes that an id is made of. */
export const RANDOM_ID_BYTES = 16;

/**
 * The id of a job, a record, a gateway: 22 characters of base64url. People type ids as arguments, where a `-` in front would make it a flag, so
 * the first bit is not used: such an id begins with a letter from A to f.
 */
export function formatRandomId(random: Uint8Array): string {
  const [first = 0, ...rest] = random;
  return Buffer.from([first & 0x7f, ...rest]).toString('base64url');
}

/** An id that follows from a text: the same whoever makes it. */
export function derivedId(text: string): string {
  return formatRandomId(sha256(text).subarray(0, RANDOM_ID_BYTES));
}

/** The last characters of an id, enough for people to tell a pool's instances apart. */
export function shortId(id: string): string {
  return id.slice(-8);
}
