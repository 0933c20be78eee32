import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { formatKeyId, type PeerKeyId, publicKeyOf } from './ids.ts';
import type { Sign, Verify } from './signing.ts';

/** An Ed25519 key pair made from its 32-byte seed. */
export interface KeyPair {
  readonly id: PeerKeyId;
  readonly publicKey: Uint8Array;
  readonly sign: Sign;
}

/** DER header of a PKCS#8 Ed25519 private key (RFC 8410, section 7): the 32-byte seed follows. */
const PKCS8_HEADER = new Uint8Array([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);
/** Public keys kept ready; beyond it the oldest is dropped and made again when needed. */
const KEYS_KEPT_MAX = 8192;

/** The key pair of a seed of 32 bytes. */
export function keyPairFromSeed(seed: Uint8Array): KeyPair {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEADER, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
  return { id: formatKeyId(publicKey), publicKey, sign: (message) => new Uint8Array(sign(null, message, key)) };
}

/** A verifier that keeps the key objects it has made: importing a key costs more than using it. */
export function createEd25519Verify(): Verify {
  const keys = new Map<string, KeyObject>();
  const keyOf = (keyId: string): KeyObject | undefined => {
    const known = keys.get(keyId);
    if (known !== undefined) return known;
    const publicKey = publicKeyOf(keyId);
    if (publicKey === undefined) return undefined;
    const x = Buffer.from(publicKey).toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const oldest = keys.size >= KEYS_KEPT_MAX ? keys.keys().next().value : undefined;
    if (oldest !== undefined) keys.delete(oldest);
    keys.set(keyId, key);
    return key;
  };
  return (keyId, message, signature) => {
    const key = keyOf(keyId);
    if (key === undefined) return false;
    try {
      return verify(null, message, key, signature);
    } catch {
      return false;
    }
  };
}
