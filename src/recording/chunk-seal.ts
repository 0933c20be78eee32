import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { concatBytes } from '../base/bytes.ts';
import { Secret } from '../base/secret.ts';

/**
 * The encryption of a recording: a stream of chunks, each sealed on its own (AES-256-GCM), after the STREAM construction (Hoang, Reyhanitabar,
 * Rogaway, Vizár 2015): a key for this file alone, the chunk's number as the nonce, and what kind of chunk it is authenticated with it. So chunks can't
 * be changed, reordered, repeated, moved between files or left out in between, and a missing end shows.
 */
export const ChunkKind = { info: 0, events: 1, trailer: 2 } as const;
/** What a chunk holds: what the recording says of itself, lines of events, or its end. */
export type ChunkKind = (typeof ChunkKind)[keyof typeof ChunkKind];

/** Random bytes that make the key of each file its own. */
export const SALT_BYTES = 16;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
/** Most bytes of a sealed chunk: a buffer of events with what came in one piece on top. */
export const CHUNK_BYTES_MAX = 1024 * 1024;
/** In front of each chunk: uint32 BE length of the sealed bytes, uint8 kind. */
export const CHUNK_HEAD_BYTES = 5;

/** The key of one file. */
export function deriveFileKey(poolKey: Secret<Uint8Array>, salt: Uint8Array): Secret<Uint8Array> {
  return new Secret(new Uint8Array(hkdfSync('sha256', poolKey.reveal(), salt, 'pam-recording/1/file', 32)));
}

/** Which chunk is meant. */
export interface ChunkPlace {
  readonly number: number;
  readonly kind: ChunkKind;
}

/** The bytes of a chunk in the file: head and sealed content. */
export function sealChunk(key: Secret<Uint8Array>, { number, kind }: ChunkPlace, content: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key.reveal(), nonceOf(number), { authTagLength: TAG_BYTES });
  cipher.setAAD(Uint8Array.of(kind));
  const sealed = concatBytes([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
  const head = new Uint8Array(CHUNK_HEAD_BYTES);
  new DataView(head.buffer).setUint32(0, sealed.length);
  head[4] = kind;
  return concatBytes([head, sealed]);
}

/** The content of sealed bytes; undefined if they are not what was written at this place. */
export function openChunk(
  key: Secret<Uint8Array>,
  { number, kind }: ChunkPlace,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key.reveal(), nonceOf(number), { authTagLength: TAG_BYTES });
  decipher.setAAD(Uint8Array.of(kind));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    return concatBytes([decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

function nonceOf(number: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  new DataView(nonce.buffer).setBigUint64(NONCE_BYTES - 8, BigInt(number));
  return nonce;
}
