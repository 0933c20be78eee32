import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEd25519Verify, keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { LimitBook, supersedes, type VerifiedLimit, verifyLimit } from '../../../src/core/limit/limit-book.ts';
import { type Limit, limitSeal } from '../../../src/wire/limit.ts';
import { seal } from '../../../src/wire/sealed.ts';

const [admin, second, third] = [1, 2, 3].map((byte) => keyPairFromSeed(new Uint8Array(32).fill(byte))) as [
  Key,
  Key,
  Key,
];
type Key = ReturnType<typeof keyPairFromSeed>;
const verify = createEd25519Verify();
const authority = { gatewayUid: 'uid', adminKeys: [admin.id], threshold: 1 };
const anyLimit: fc.Arbitrary<Limit> = fc.record({
  gatewayUid: fc.constant('uid'),
  maxInstances: fc.integer({ min: 1, max: 5 }),
  version: fc.integer({ min: 1, max: 4 }),
  issuedUnixMs: fc.nat(3),
  expiresUnixMs: fc.constant(null),
});
const verified = anyLimit.map(
  (limit): VerifiedLimit => verifyLimit(seal(limitSeal, limit, [admin]), authority, verify),
);
const first = verifyLimit(
  seal(limitSeal, { gatewayUid: 'uid', maxInstances: 1, version: 1, issuedUnixMs: 0, expiresUnixMs: null }, [admin]),
  authority,
  verify,
);

function inForce(limits: readonly VerifiedLimit[]): VerifiedLimit {
  const book = new LimitBook(first);
  for (const limit of limits) book.apply(limit);
  return book.current;
}

describe('the limit in force', () => {
  it('is the same in whatever order limits arrive, however often', () => {
    fc.assert(
      fc.property(fc.array(verified, { maxLength: 6 }), fc.array(fc.nat(5), { maxLength: 6 }), (limits, again) => {
        const repeated = again.flatMap((index) => limits[index % Math.max(limits.length, 1)] ?? []);
        expect(inForce([...repeated, ...limits.toReversed(), ...repeated]).digest).toBe(inForce(limits).digest);
      }),
      { numRuns: 300 },
    );
  });

  it('is the greatest by version, then the least by digest: a naive second model', () => {
    fc.assert(
      fc.property(fc.array(verified, { maxLength: 6 }), (limits) => {
        const [expected] = [first, ...limits].sort((a, b) => b.version - a.version || (a.digest < b.digest ? -1 : 1));
        expect(inForce(limits).digest).toBe(expected?.digest);
      }),
      { numRuns: 300 },
    );
  });

  it('never goes back', () => {
    fc.assert(
      fc.property(fc.array(verified, { maxLength: 6 }), (limits) => {
        const book = new LimitBook(first);
        for (const limit of limits) {
          const before = book.current;
          const outcome = book.apply(limit);
          expect(book.current.version).toBeGreaterThanOrEqual(before.version);
          if (outcome === 'newer' || outcome === 'equivocation-won') expect(supersedes(limit, before)).toBe(true);
          else expect(book.current).toBe(before);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is decided by a strict order: of two different limits exactly one supersedes the other', () => {
    fc.assert(
      fc.property(verified, verified, (a, b) => {
        expect(supersedes(a, a)).toBe(false);
        if (a.digest !== b.digest) expect(supersedes(a, b)).toBe(!supersedes(b, a));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a limit is refused', () => {
  const limit: Limit = { gatewayUid: 'uid', maxInstances: 2, version: 2, issuedUnixMs: 0, expiresUnixMs: null };
  const twoOfThree = { gatewayUid: 'uid', adminKeys: [admin.id, second.id, third.id], threshold: 2 };

  it('when it is for another gateway', () => {
    const other = seal(limitSeal, { ...limit, gatewayUid: 'other' }, [admin]);
    expect(() => verifyLimit(other, authority, verify)).toThrow('the limit is for gateway other, this is uid');
  });

  it('when nobody or a stranger signed it', () => {
    expect(() => verifyLimit(seal(limitSeal, limit, []), authority, verify)).toThrow('0 of the 1 admin signature(s)');
    expect(() => verifyLimit(seal(limitSeal, limit, [second]), authority, verify)).toThrow('by keys that are no admin');
  });

  it('when too few of the admins signed it, one of them twice', () => {
    expect(() => verifyLimit(seal(limitSeal, limit, [admin, admin]), twoOfThree, verify)).toThrow('1 of the 2');
    expect(verifyLimit(seal(limitSeal, limit, [admin, third]), twoOfThree, verify).signedBy).toHaveLength(2);
  });

  it('when a byte was changed', () => {
    const sealed = seal(limitSeal, limit, [admin]);
    sealed[8] = (sealed[8] ?? 0) ^ 1;
    expect(() => verifyLimit(sealed, authority, verify)).toThrow();
  });
});
