import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Certificate, createCertificate, identifyPeer } from '../../../src/access/transport/certificate.ts';
import { createEd25519Verify, keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { testSeed } from '../pool.ts';

const verify = createEd25519Verify();
const key = keyPairFromSeed(testSeed('certificate'));

function bytesOf({ certificate }: Certificate): Uint8Array {
  return new Uint8Array(new X509Certificate(certificate).raw);
}

describe('a certificate', () => {
  it('names the identity that vouches for it', () => {
    expect(identifyPeer(bytesOf(createCertificate(key)), verify)).toBe(key.id);
  });

  it('is another one for every process', () => {
    expect(bytesOf(createCertificate(key))).not.toEqual(bytesOf(createCertificate(key)));
  });

  it('is refused when the identity did not sign it', () => {
    const other = keyPairFromSeed(testSeed('other'));
    const forged = createCertificate({ publicKey: key.publicKey, sign: other.sign });
    expect(() => identifyPeer(bytesOf(forged), verify)).toThrow('not vouched for by the identity it names');
  });

  it('is refused with the vouching of another certificate', () => {
    const stolen: Uint8Array[] = [];
    createCertificate({
      publicKey: key.publicKey,
      sign: (message) => {
        stolen.push(key.sign(message));
        return key.sign(message);
      },
    });
    const forged = createCertificate({ publicKey: key.publicKey, sign: () => stolen[0] ?? new Uint8Array(64) });
    expect(() => identifyPeer(bytesOf(forged), verify)).toThrow('not vouched for');
  });

  it('is refused whichever byte was changed, and never identifies anybody else', () => {
    const whole = bytesOf(createCertificate(key));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const changed = Uint8Array.from(whole);
        changed[place] = (changed[place] ?? 0) ^ change;
        expect(() => identifyPeer(changed, verify)).toThrow();
      }),
      { numRuns: 300 },
    );
  });

  it('is refused when it is no certificate', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => identifyPeer(bytes, verify)).toThrow("the peer's certificate");
      }),
    );
  });
});
