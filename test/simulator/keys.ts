import { createEd25519Verify, keyPairFromSeed } from '../../src/base/ed25519.ts';
import { formatKeyId, type PeerKeyId } from '../../src/base/ids.ts';
import { SIGNATURE_BYTES, type Sign, type Verify } from '../../src/base/signing.ts';
import type { Random } from './random.ts';

/** Somebody who signs. */
export interface Signer {
  readonly id: PeerKeyId;
  readonly sign: Sign;
}

/** Makes the keys of a simulation and checks their signatures. */
export interface Keyring {
  make(random: Random): Signer;
  readonly verify: Verify;
}

/** Real Ed25519: some thirty times slower, for checking that the stand-in hides nothing. */
export function createEd25519Keyring(): Keyring {
  return { make: (random) => keyPairFromSeed(random.bytes(32)), verify: createEd25519Verify() };
}

/**
 * A cheap stand-in: the signature is a keyed checksum, and the verifier looks the key's secret number up. Nobody in the simulation can compute
 * the signature of another key, which is all that the protocol relies on.
 */
export function createStandInKeyring(): Keyring {
  const secrets = new Map<string, number>();
  return {
    make: (random) => {
      const id = formatKeyId(random.bytes(32));
      const secret = random.uint32();
      secrets.set(id, secret);
      return { id, sign: (message) => checksum(secret, message) };
    },
    verify: (keyId, message, signature) => {
      const secret = secrets.get(keyId);
      if (secret === undefined || signature.length !== SIGNATURE_BYTES) return false;
      const expected = checksum(secret, message);
      for (let index = 0; index < 8; index++) if (expected[index] !== signature[index]) return false;
      return true;
    },
  };
}

/** Two FNV-1a sums with different starts in the first eight bytes, zeros behind them. */
function checksum(secret: number, message: Uint8Array): Uint8Array {
  let low = secret ^ 0x811c9dc5;
  let high = Math.imul(secret, 0x9e3779b1) ^ 0x01000193;
  for (let index = 0; index < message.length; index++) {
    const byte = message[index] ?? 0;
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x85ebca6b) ^ (high >>> 15);
  }
  const signature = new Uint8Array(SIGNATURE_BYTES);
  const view = new DataView(signature.buffer);
  view.setUint32(0, low >>> 0);
  view.setUint32(4, high >>> 0);
  return signature;
}
