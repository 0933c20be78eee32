import { encode as encodeCbor } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEd25519Verify, keyPairFromSeed } from '../../src/base/ed25519.ts';
import { GatewayError } from '../../src/base/errors.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import { grantSeal } from '../../src/wire/grant.ts';
import { type Limit, limitSeal } from '../../src/wire/limit.ts';
import { open, SIGNATURES_MAX, seal, sealedBytesMax, signedBytes } from '../../src/wire/sealed.ts';

const verify = createEd25519Verify();
const key = (byte: number): ReturnType<typeof keyPairFromSeed> => keyPairFromSeed(new Uint8Array(32).fill(byte));
const [admin, other] = [key(1), key(2)];
const limit: Limit = {
  gatewayUid: 'uid',
  maxInstances: 3,
  version: 7,
  issuedUnixMs: 1_750_000_000_000,
  expiresUnixMs: null,
};
const sealed = seal(limitSeal, limit, [admin]);

describe('a sealed envelope', () => {
  it('shows its content and who signed it', () => {
    expect(open(limitSeal, sealed, verify)).toMatchObject({ value: limit, signers: [admin.id] });
  });

  it('is not accepted with any single bit changed', () => {
    for (let place = 0; place < sealed.length; place++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = Uint8Array.from(sealed);
        changed[place] = (changed[place] ?? 0) ^ (1 << bit);
        expect(() => open(limitSeal, changed, verify), `byte ${place}, bit ${bit}`).toThrow(GatewayError);
      }
    }
  });

  it('is not accepted after any mutation that changes what it says', () => {
    const changes = fc.array(fc.tuple(fc.nat(sealed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(changes, fc.boolean(), fc.nat(sealed.length), (changed, cut, length) => {
        const bytes = Uint8Array.from(sealed);
        for (const [place, byte] of changed) bytes[place] = byte;
        const attempt = cut ? bytes.slice(0, length) : bytes;
        if (Buffer.from(attempt).equals(Buffer.from(sealed))) return;
        expect(() => open(limitSeal, attempt, verify)).toThrow(GatewayError);
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 500) },
    );
  });

  it('is worth nothing as another kind of message', () => {
    expect(() => open({ ...limitSeal, domain: grantSeal.domain }, sealed, verify)).toThrow('signature');
  });

  it('names each of several signers', () => {
    expect(open(limitSeal, seal(limitSeal, limit, [admin, other]), verify).signers).toEqual([admin.id, other.id]);
  });

  it('counts a signer who signed twice once', () => {
    expect(open(limitSeal, seal(limitSeal, limit, [admin, admin]), verify).signers).toEqual([admin.id]);
  });

  it('is refused as a whole when one of its signatures is wrong', () => {
    const mixed = seal(limitSeal, limit, [admin, { id: other.id, sign: key(3).sign }]);
    expect(() => open(limitSeal, mixed, verify)).toThrow(`signature of ${other.id} is wrong`);
  });

  it('has no signer when it was signed by nobody: the caller must insist on one', () => {
    expect(open(limitSeal, seal(limitSeal, limit, []), verify).signers).toEqual([]);
  });

  it(`carries ${SIGNATURES_MAX} signatures at the most`, () => {
    const keys = Array.from({ length: SIGNATURES_MAX + 1 }, (_, index) => key(index + 1));
    expect(() => open(limitSeal, seal(limitSeal, limit, keys), verify)).toThrow(GatewayError);
    expect(open(limitSeal, seal(limitSeal, limit, keys.slice(1)), verify).signers).toHaveLength(SIGNATURES_MAX);
  });

  it('is not parsed above its size', () => {
    const bytes = new Uint8Array(sealedBytesMax(limitSeal) + 1);
    expect(() => open(limitSeal, bytes, verify)).toThrow('the limit is');
  });

  it('is checked over the bytes as received, not as we would write them', () => {
    // The version 7 in a longer form than our encoder ever writes: the signature covers exactly these bytes.
    const payload = encodeCbor([limit.gatewayUid, limit.maxInstances]).slice(1);
    const longer = Uint8Array.of(0x85, ...payload, 0x18, limit.version, 0x01, 0xf6);
    const envelope = (signed: Uint8Array): Uint8Array =>
      encodeCbor([longer, [[admin.id, admin.sign(signedBytes(limitSeal.domain, signed))]]]);
    expect(open(limitSeal, envelope(longer), verify)).toMatchObject({ value: { version: 7 }, payload: longer });
    const rewritten = encode(limitSeal.codec, decode(limitSeal.codec, longer, 100));
    expect(() => open(limitSeal, envelope(rewritten), verify)).toThrow('signature');
  });
});

describe('what is signed', () => {
  it('differs for every pair of domain and payload', () => {
    const domain = fc.constantFrom('pam-mesh/1/limit', 'pam-mesh/1/limits', 'pam-mesh/1/', 'pam-mesh/1/pulse');
    const payload = fc.uint8Array({ maxLength: 12 });
    fc.assert(
      fc.property(fc.tuple(domain, payload), fc.tuple(domain, payload), (left, right) => {
        const same = left[0] === right[0] && Buffer.from(left[1]).equals(Buffer.from(right[1]));
        expect(Buffer.from(signedBytes(...left)).equals(Buffer.from(signedBytes(...right)))).toBe(same);
      }),
    );
  });
});
