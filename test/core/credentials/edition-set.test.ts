/** Which editions of a record's credentials stand, whatever order they arrive in. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type EditionSet,
  entriesOf,
  type HeldEdition,
  mergeEditions,
  revisionOf,
  verifyEdition,
} from '../../../src/core/credentials/edition-set.ts';
import { type EntryChange, nextEdition } from '../../../src/core/credentials/next-edition.ts';
import { type CredentialEntry, credentialEditionSeal, REPLACED_MAX } from '../../../src/wire/credential.ts';
import { seal } from '../../../src/wire/sealed.ts';
import { createStandInKeyring } from '../../simulator/keys.ts';
import { Random } from '../../simulator/random.ts';

const keyring = createStandInKeyring();
const random = new Random(1);
const [admin, instance, pool, stranger] = [1, 2, 3, 4].map(() => keyring.make(random));
if (!admin || !instance || !pool || !stranger) throw new Error('no keys');
const authority = {
  uid: 'gateway',
  signedByAdmin: (signers: readonly string[]) => signers.includes(admin.id),
  poolKeys: [pool.id],
};
const RECORD = 'record-of-this-test-00';
const DAY = 86_400_000;
let count = 0;

function id(): string {
  count += 1;
  return `id-${count}`;
}

function entry(state: CredentialEntry['state'], unixMs = 1): CredentialEntry {
  return { versionId: id(), state, box: new Uint8Array([1, 2, 3]), changedUnixMs: unixMs, jobId: null };
}

function next(from: EditionSet, change: EntryChange, unixMs = 1): EditionSet {
  const init = { gatewayUid: 'gateway', recordId: RECORD, editionId: id(), unixMs, from, change };
  const sealed = seal(credentialEditionSeal, nextEdition(init), [instance as never, pool as never]);
  return mergeEditions(from, [verifyEdition(sealed, authority, keyring.verify)]);
}

function states(set: EditionSet): readonly string[] {
  return entriesOf(set).map(({ state }) => state);
}

/** A history of several authors who sometimes hear of each other: every edition that was ever made, and what each author held at the end. */
const history: fc.Arbitrary<{ readonly made: readonly HeldEdition[]; readonly held: readonly EditionSet[] }> = fc
  .array(
    fc.record({
      author: fc.nat(2),
      hears: fc.option(fc.nat(2), { nil: undefined }),
      kind: fc.nat(3),
      which: fc.nat(9),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((steps) => {
    const held: EditionSet[] = [[], [], []];
    const made: HeldEdition[] = [];
    for (const { author, hears, kind, which } of steps) {
      if (hears !== undefined) held[author] = mergeEditions(held[author] ?? [], held[hears] ?? []);
      const from = held[author] ?? [];
      const entries = entriesOf(from);
      const versionId = entries[which % Math.max(1, entries.length)]?.versionId;
      const onlyActive = entries.filter(({ state }) => state === 'active').length === 1;
      const change = changeOf(kind, versionId, onlyActive);
      const changed = next(from, change);
      made.push(...changed.filter((edition) => !from.includes(edition)));
      held[author] = changed;
    }
    return { made, held };
  });

function changeOf(kind: number, versionId: string | undefined, onlyActive: boolean): EntryChange {
  if (versionId !== undefined && kind === 2) return { kind: 'commit', versionId };
  if (versionId !== undefined && kind === 3 && !onlyActive) return { kind: 'discard', versionId };
  return { kind: 'write', entry: entry('active') };
}

describe('merging editions', () => {
  it('gives the same set in every order, with every repetition, in any grouping', () => {
    fc.assert(
      fc.property(history, fc.nat(), ({ made }, seed) => {
        const expected = revisionOf(mergeEditions([], made));
        const shuffled = new Random(seed).shuffle([...made, ...made]);
        expect(revisionOf(shuffled.reduce<EditionSet>((set, one) => mergeEditions(set, [one]), []))).toBe(expected);
        const cut = seed % (made.length + 1);
        const [left, right] = [mergeEditions([], made.slice(0, cut)), mergeEditions([], made.slice(cut))];
        expect(revisionOf(mergeEditions(left, right))).toBe(expected);
        expect(revisionOf(mergeEditions(right, left))).toBe(expected);
      }),
    );
  });

  it('lets nothing come back that an author who knew it has replaced', () => {
    fc.assert(
      fc.property(history, ({ made, held }) => {
        const everything = held.reduce<EditionSet>(mergeEditions, []);
        expect(revisionOf(mergeEditions(everything, made))).toBe(revisionOf(everything));
      }),
    );
  });

  it('keeps an active credential as long as there was one', () => {
    fc.assert(
      fc.property(history, ({ made }) => {
        expect(states(mergeEditions([], made))).toContain('active');
      }),
    );
  });

  it('keeps both credentials that were committed apart, until one is committed by somebody who knows both', () => {
    const base = next([], { kind: 'write', entry: entry('active') });
    const [one, other] = [entry('pending'), entry('pending')];
    const staged = next(next(base, { kind: 'stage', entry: one }), { kind: 'stage', entry: other });
    const left = next(staged, { kind: 'commit', versionId: one.versionId });
    const right = next(staged, { kind: 'commit', versionId: other.versionId });
    const both = mergeEditions(left, right);
    expect(both).toHaveLength(2);
    expect(states(both)).toEqual(['active', 'active', 'previous']);
    const settled = next(both, { kind: 'commit', versionId: other.versionId });
    expect(settled).toHaveLength(1);
    expect(states(settled)).toEqual(['active', 'previous', 'previous']);
    expect(revisionOf(mergeEditions(settled, left))).toBe(revisionOf(settled));
  });

  it('forgets a discarded credential on an instance that slept through more changes than are named', () => {
    const asleep = next(next([], { kind: 'write', entry: entry('active') }), {
      kind: 'stage',
      entry: entry('pending'),
    });
    const pending = entriesOf(asleep).find(({ state }) => state === 'pending');
    let now = next(asleep, { kind: 'discard', versionId: pending?.versionId ?? '' });
    for (let change = 0; change < REPLACED_MAX + 50; change++)
      now = next(now, { kind: 'write', entry: entry('active') }, change);
    expect(now[0]?.replaced).toHaveLength(REPLACED_MAX);
    expect(revisionOf(mergeEditions(now, asleep))).toBe(revisionOf(now));
    expect(states(now)).not.toContain('pending');
  });
});

describe('the next edition', () => {
  it('retires what was active, and keeps previous versions neither for ever nor in any number', () => {
    let set = next([], { kind: 'write', entry: entry('active') });
    for (let change = 0; change < 6; change++) set = next(set, { kind: 'write', entry: entry('active') });
    expect(states(set)).toEqual(['active', 'previous', 'previous', 'previous']);
    set = next(set, { kind: 'write', entry: entry('active', 40 * DAY) }, 40 * DAY);
    expect(states(set)).toEqual(['active', 'previous']);
  });

  it('removes neither the only active version nor one that is not there', () => {
    const set = next([], { kind: 'write', entry: entry('active') });
    const versionId = entriesOf(set)[0]?.versionId ?? '';
    expect(() => next(set, { kind: 'discard', versionId })).toThrow('the only active one');
    expect(() => next(set, { kind: 'commit', versionId: 'unknown' })).toThrow('no version unknown');
  });

  it('drops the oldest previous versions where private keys leave no room, and says so where that does not help', () => {
    const large = (state: CredentialEntry['state']): CredentialEntry => ({
      ...entry(state),
      box: new Uint8Array(15_000),
    });
    let set = next([], { kind: 'write', entry: large('active') });
    for (let change = 0; change < 4; change++) set = next(set, { kind: 'write', entry: large('active') });
    expect(states(set)).toEqual(['active', 'previous', 'previous']);
    set = next(set, { kind: 'stage', entry: large('pending') });
    set = next(set, { kind: 'stage', entry: large('pending') });
    expect(states(set)).toEqual(['active', 'pending', 'pending']);
    expect(() => next(set, { kind: 'stage', entry: { ...entry('pending'), box: new Uint8Array(20_000) } })).toThrow(
      'bytes',
    );
  });
});

describe('who may sign an edition', () => {
  const init = { gatewayUid: 'gateway', recordId: RECORD, editionId: 'edition', unixMs: 1, from: [] };
  const edition = nextEdition({ ...init, change: { kind: 'write', entry: entry('active') } });
  const signedBy = (...keys: readonly unknown[]) => seal(credentialEditionSeal, edition, keys as never);

  it.each([
    ['an admin', [admin]],
    ['an instance together with the pool', [instance, pool]],
  ])('%s', (_, keys) => {
    expect(verifyEdition(signedBy(...keys), authority, keyring.verify).editionId).toBe('edition');
  });

  it.each([
    ['nobody', []],
    ['a stranger', [stranger]],
    ['an instance without the pool', [instance]],
    ['two instances without the pool', [instance, stranger]],
    ['the pool without saying who', [pool]],
  ])('not %s', (_, keys) => {
    expect(() => verifyEdition(signedBy(...keys), authority, keyring.verify)).toThrow('signed neither');
  });

  it('not for another gateway, and not one that claims to replace what is newer', () => {
    const other = seal(credentialEditionSeal, { ...edition, gatewayUid: 'other' }, [admin]);
    expect(() => verifyEdition(other, authority, keyring.verify)).toThrow('for gateway other');
    const newer = seal(credentialEditionSeal, { ...edition, horizon: 1 }, [admin]);
    expect(() => verifyEdition(newer, authority, keyring.verify)).toThrow('newer than itself');
  });
});
