import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { concatBytes } from './bytes.ts';

/** X25519 keys (RFC 7748) in the form Node's crypto takes: what is sealed to the public half is opened with the private one. */
export interface AgreementKeys {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
}

/** DER headers of an X25519 key (RFC 8410, sections 4 and 7): the 32 bytes of the key follow. */
const PKCS8_HEADER = new Uint8Array([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20]);
const SPKI_HEADER = new Uint8Array([0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0]);
/** Bytes of a public key and of a seed. */
export const AGREEMENT_KEY_BYTES = 32;

/** The key pair of a seed of 32 bytes. */
export function agreementKeysFromSeed(seed: Uint8Array): AgreementKeys {
  const der = Buffer.from(concatBytes([PKCS8_HEADER, seed]));
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return { privateKey, publicKey: rawPublicKey(createPublicKey(privateKey)) };
}

/** The 32 bytes of a public key. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(-AGREEMENT_KEY_BYTES));
}

/** The key object of a public key of 32 bytes. */
export function agreementPublicKey(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(concatBytes([SPKI_HEADER, publicKey])), format: 'der', type: 'spki' });
}
