import { createRequire } from 'node:module';

/** XSalsa20 under one key and nonce. */
export interface KeyStream {
  /** XORs with the next bytes of the key stream, into fresh bytes. */
  update(input: Uint8Array): Uint8Array<ArrayBuffer>;
}

/** A key stream at its beginning: 24 bytes of nonce, 32 of key. The package brings no types. */
export const createKeyStream = createRequire(import.meta.url)('xsalsa20') as (
  nonce: Uint8Array,
  key: Uint8Array,
) => KeyStream;
