import { describe, expect, it } from 'vitest';
import { createEd25519Verify, type KeyPair, keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { verifyLimit } from '../../../src/core/limit/limit-book.ts';
import { PolicyBook, type PolicyOutcome } from '../../../src/core/policy/policy-book.ts';
import { limitSeal } from '../../../src/wire/limit.ts';
import { type Policy, policySeal } from '../../../src/wire/policy.ts';
import { seal } from '../../../src/wire/sealed.ts';
import { mutate } from '../../wire/mutate.ts';

const keyOf = (number: number): KeyPair => keyPairFromSeed(new Uint8Array(32).fill(number));
const [ann, bob, eve, dan, stranger, victim] = [keyOf(1), keyOf(2), keyOf(3), keyOf(4), keyOf(5), keyOf(6)];
const verify = createEd25519Verify();
const UID = 'gateway-1';
const base = { adminKeys: [ann.id, bob.id, eve.id], threshold: 2 };

function policyOf(changes: Partial<Policy> = {}, signers: readonly KeyPair[] = [ann, bob]): Uint8Array {
  const policy = {
    ...{ gatewayUid: UID, version: 1, issuedUnixMs: 1000, limitVersion: 1 },
    ...base,
    ...{ revocations: [], evictions: [] },
    ...changes,
  };
  return seal(policySeal, policy, signers);
}

function put(book: PolicyBook, sealed: Uint8Array): PolicyOutcome {
  return book.apply(book.verify(sealed, verify));
}

function revoke(subject: string) {
  return { revocations: [{ subject, revokedUnixMs: 2000, untilUnixMs: null }] };
}

const grant = {
  ...{ gatewayUid: UID, grantId: 'grant-1', name: 'alice', userKey: victim.id, allow: [], issuedUnixMs: 1500 },
  ...{ expiresUnixMs: null, conditions: null },
};

describe('a policy', () => {
  const refusals: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ['that one of two admins signed', policyOf({}, [ann]), /1 of the 2 signature\(s\) of the present admins/],
    ['that one admin signed twice', policyOf({}, [ann, ann]), /1 of the 2/],
    ['that an admin and a stranger signed', policyOf({}, [ann, stranger]), /1 of the 2/],
    ['of another gateway', policyOf({ gatewayUid: 'gateway-2' }), /for gateway gateway-2/],
    [
      'whose new admins did not sign',
      policyOf({ adminKeys: [dan.id], threshold: 1 }),
      /0 of the 1 .* of the new admins/,
    ],
    ['that new admins signed alone', policyOf({ adminKeys: [dan.id], threshold: 1 }, [dan]), /0 of the 2 .* present/],
    [
      'that wants more admins than it names',
      policyOf({ adminKeys: [ann.id], threshold: 2 }),
      /wants 2 signatures of 1/,
    ],
    [
      'that wants one admin twice',
      policyOf({ adminKeys: [ann.id, ann.id], threshold: 2 }),
      /wants 2 signatures of 2 admins/,
    ],
  ];
  it.each(refusals)('is refused %s', (_name, sealed, reason) => {
    expect(() => put(new PolicyBook(UID, base), sealed)).toThrow(reason);
  });

  it('is taken with the signatures of any two of three, and never an older one after it', () => {
    for (const signers of [
      [ann, bob],
      [bob, eve],
      [eve, ann, bob],
    ]) {
      const book = new PolicyBook(UID, base);
      expect(put(book, policyOf({ version: 5, ...revoke('grant-1') }, signers))).toBe('newer');
      expect(put(book, policyOf({ version: 5, ...revoke('grant-1') }, signers))).toBe('known');
      expect(put(book, policyOf({ version: 4 }, signers))).toBe('older');
      expect([book.version, book.revocation(grant)]).toEqual([5, 'the grant of alice was revoked']);
    }
  });

  it('revokes one grant, or all that a key was given so far', () => {
    const book = new PolicyBook(UID, base);
    expect(book.revocation(grant)).toBeNull();
    put(book, policyOf(revoke('grant-2')));
    expect(book.revocation(grant)).toBeNull();
    put(book, policyOf({ version: 2, ...revoke(victim.id) }));
    expect(book.revocation(grant)).not.toBeNull();
    expect(book.revocation({ ...grant, issuedUnixMs: 2001 })).toBeNull();
    expect(book.revocation({ ...grant, userKey: stranger.id })).toBeNull();
  });

  it('takes nothing back when admins sign two at once: both count, in whatever order they came', () => {
    const evictions = [{ instanceId: victim.id, evictedUnixMs: 1 }];
    const [one, other] = [policyOf(revoke('grant-1'), [ann, bob]), policyOf({ evictions }, [bob, eve])];
    const books = [
      [one, other],
      [other, one],
      [other, one, other, one],
    ].map((order) => {
      const book = new PolicyBook(UID, base);
      for (const sealed of order) put(book, sealed);
      return book;
    });
    for (const book of books) {
      expect([book.revocation(grant) !== null, book.evicts(victim.id), book.chain.length]).toEqual([true, true, 2]);
    }
    expect(new Set(books.map(({ digest }) => digest)).size).toBe(1);
  });
});

describe('a change of admins', () => {
  const changed = {
    version: 3,
    adminKeys: [bob.id, eve.id, dan.id],
    threshold: 2,
    limitVersion: 7,
    issuedUnixMs: 5000,
  };
  const rotation = policyOf(changed, [ann, bob, dan]);
  const later = policyOf({ ...changed, version: 4 }, [eve, dan]);

  it('lets the new admins sign, and nobody else', () => {
    const book = new PolicyBook(UID, base);
    expect(() => put(book, later)).toThrow(/1 of the 2 .* present admins/);
    expect(put(book, rotation)).toBe('newer');
    expect(book.authority.adminKeys).toEqual([bob.id, eve.id, dan.id]);
    expect(() => put(book, policyOf({ ...changed, version: 4 }, [ann, bob]))).toThrow(/1 of the 2/);
    expect(put(book, later)).toBe('newer');
  });

  it('is followed by whoever was away, along the chain', () => {
    const book = new PolicyBook(UID, base);
    for (const sealed of [rotation, later]) put(book, sealed);
    const behind = new PolicyBook(UID, base);
    for (const sealed of book.chain) put(behind, sealed);
    expect([behind.version, behind.digest, behind.authority]).toEqual([4, book.digest, book.authority]);
  });

  it('leaves the limits of the old admins in force up to that version, and refuses any later one', () => {
    const book = new PolicyBook(UID, base);
    put(book, rotation);
    const limit = (version: number, signers: readonly KeyPair[]): Uint8Array =>
      seal(
        limitSeal,
        { ...{ gatewayUid: UID, maxInstances: 3, version }, issuedUnixMs: 1, expiresUnixMs: null },
        signers,
      );
    const { adminKeys, threshold } = book.authority;
    const authority = { gatewayUid: UID, adminKeys, threshold, former: book.former };
    expect(verifyLimit(limit(7, [ann, eve]), authority, verify).version).toBe(7);
    expect(() => verifyLimit(limit(8, [ann, eve]), authority, verify)).toThrow(/1 of the 2/);
    expect(verifyLimit(limit(8, [dan, eve]), authority, verify).version).toBe(8);
  });

  it('leaves records of the old admins as they are, and takes no new one from them', () => {
    const book = new PolicyBook(UID, base);
    put(book, rotation);
    expect(book.signedByAdmin([ann.id], 5000)).toBe(true);
    expect(book.signedByAdmin([ann.id], 5001)).toBe(false);
    expect(book.signedByAdmin([dan.id], 5001)).toBe(true);
    expect(book.signedByAdmin([stranger.id], 1)).toBe(false);
  });
});

describe('a mutated policy', () => {
  it('is never accepted, whichever of its bytes was changed, left out or added', () => {
    const whole = policyOf(revoke('grant-1'));
    const accepted: string[] = [];
    for (let number = 0; number < 1000; number++) {
      try {
        put(new PolicyBook(UID, base), mutate(whole, number));
        accepted.push(`mutation ${number}`);
      } catch {
        // Refused, as it must be.
      }
    }
    expect(accepted).toEqual([]);
  });
});
