import { createHmac, randomBytes } from 'node:crypto';
import { equalBytes } from '../base/bytes.ts';

/**
 * Pure but for the random bytes: which key of the private network two instances speak with, told by their nonces. A nonce of the private network (libp2p
 * specs, pnet/Private-Networks-PSK-V1) is 24 bytes that must not repeat: 16 random ones are enough for that, and the last 8 are a tag that only who has
 * the key can make or read. To anybody else, and to programs that know nothing of tags, it is a nonce like any other.
 */
export const NONCE_BYTES = 24;

const TAG_BYTES = 8;
const RANDOM_BYTES = NONCE_BYTES - TAG_BYTES;
/** What a tag says. Append only. */
const LABELS = { holds: 'pam-mesh/1/nonce', replaced: 'pam-mesh/1/nonce-replaced' } as const;

/** `holds`: its sender knows this key, and would speak with it. `replaced`: its sender knew this key and takes it no more. */
export type NonceMeaning = keyof typeof LABELS;

/** A fresh nonce with a tag under the key. */
export function createNonce(key: Uint8Array, meaning: NonceMeaning): Uint8Array {
  const nonce = new Uint8Array(randomBytes(NONCE_BYTES));
  nonce.set(tagOf(nonce, key, meaning), RANDOM_BYTES);
  return nonce;
}

/** True if the sender of the nonce says this under this key. */
export function saysNonce(nonce: Uint8Array, key: Uint8Array, meaning: NonceMeaning): boolean {
  return equalBytes(nonce.subarray(RANDOM_BYTES), tagOf(nonce, key, meaning));
}

function tagOf(nonce: Uint8Array, key: Uint8Array, meaning: NonceMeaning): Uint8Array {
  const mac = createHmac('sha256', key).update(LABELS[meaning]).update(nonce.subarray(0, RANDOM_BYTES));
  return new Uint8Array(mac.digest().subarray(0, TAG_BYTES));
}
