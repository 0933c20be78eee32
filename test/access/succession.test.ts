import { describe, expect, it } from 'vitest';
import { proveInstance } from '../../src/access/instance-proof.ts';
import { followSuccession } from '../../src/access/succession.ts';
import { createEd25519Verify, type KeyPair, keyPairFromSeed } from '../../src/base/ed25519.ts';
import { seal } from '../../src/wire/sealed.ts';
import { type Succession, successionSeal } from '../../src/wire/succession.ts';
import { testSeed } from './pool.ts';

const verify = createEd25519Verify();
const keyOf = (label: string): KeyPair => keyPairFromSeed(testSeed(label));
const [admin, second, stranger] = [keyOf('admin'), keyOf('second'), keyOf('stranger')];
const [former, present, later] = [keyOf('former'), keyOf('present'), keyOf('later')];
const SUCCESSION: Succession = {
  gatewayUid: 'gateway',
  poolKey: present.id,
  replaced: [former.id],
  issuedUnixMs: 1,
  untilUnixMs: 2,
};

interface Case {
  readonly signers?: readonly KeyPair[];
  readonly change?: Partial<Succession>;
  readonly trusted?: string;
  readonly threshold?: number;
}

function follow({ signers = [admin], change = {}, trusted = former.id, threshold = 1 }: Case): string | undefined {
  const sealed = seal(successionSeal, { ...SUCCESSION, ...change }, signers);
  const succession = Buffer.from(sealed).toString('base64url');
  const admins = { adminKeys: [admin.id, second.id], threshold };
  return followSuccession({ succession, gatewayUid: 'gateway' }, { poolKey: trusted, admins, verify })?.poolKey;
}

describe('a statement that the pool key was replaced', () => {
  it('leads from a key it replaces to the present one', () => {
    expect(follow({})).toBe(present.id);
    expect(follow({ change: { replaced: [later.id, former.id] } })).toBe(present.id);
    expect(follow({ threshold: 2, signers: [admin, second] })).toBe(present.id);
  });

  it.each<[string, Case]>([
    ['a stranger has signed it', { signers: [stranger] }],
    ['too few admins have', { threshold: 2 }],
    ['one admin and a stranger have, where two admins must', { threshold: 2, signers: [admin, stranger] }],
    ['who holds the former secret has', { signers: [former] }],
    ['nobody has', { signers: [] }],
    ['it is of another gateway', { change: { gatewayUid: 'other' } }],
    ['it leads back from a later key', { trusted: later.id }],
    ['it leads away from its own key', { trusted: present.id }],
  ])('leads nowhere where %s', (_what, wrong) => {
    expect(follow(wrong)).toBeUndefined();
  });

  it('leads nowhere where it is broken', () => {
    const admins = { adminKeys: [admin.id], threshold: 1 };
    for (const succession of ['', 'AAAA', '!', Buffer.from(proveInstance(former, 'x')).toString('base64url')])
      expect(
        followSuccession({ succession, gatewayUid: 'gateway' }, { poolKey: former.id, admins, verify }),
      ).toBeUndefined();
  });
});
