import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEd25519Verify, keyPairFromSeed } from '../../src/base/ed25519.ts';
import { formatKeyId } from '../../src/base/ids.ts';
import { SIGNATURE_BYTES } from '../../src/base/signing.ts';

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const verify = createEd25519Verify();

/** RFC 8032, section 7.1, tests 1 to 3. */
const VECTORS = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
];

describe('Ed25519', () => {
  it.each(VECTORS)('signs as RFC 8032 does ($message)', ({ seed, publicKey, message, signature }) => {
    const pair = keyPairFromSeed(fromHex(seed));
    expect(pair.publicKey).toEqual(fromHex(publicKey));
    expect(pair.id).toBe(formatKeyId(fromHex(publicKey)));
    expect(pair.sign(fromHex(message))).toEqual(fromHex(signature));
    expect(verify(pair.id, fromHex(message), fromHex(signature))).toBe(true);
  });

  it('accepts no signature of another key or message', () => {
    const pair = keyPairFromSeed(new Uint8Array(32).fill(7));
    const other = keyPairFromSeed(new Uint8Array(32).fill(8));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }), (message, changed) => {
        const signature = pair.sign(message);
        expect(verify(other.id, message, signature)).toBe(false);
        expect(verify(pair.id, changed, signature)).toBe(Buffer.from(changed).equals(Buffer.from(message)));
      }),
      { numRuns: 50 },
    );
  });

  it('never throws, whatever it is given', () => {
    const signature = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.uint8Array({ minLength: SIGNATURE_BYTES, maxLength: SIGNATURE_BYTES }),
    );
    const keyId = fc.oneof(fc.string(), fc.uint8Array({ minLength: 32, maxLength: 32 }).map(formatKeyId));
    fc.assert(
      fc.property(
        keyId,
        fc.uint8Array(),
        signature,
        (id, message, bytes) => void expect(verify(id, message, bytes)).toBe(false),
      ),
      {
        numRuns: 500,
      },
    );
  });
});
