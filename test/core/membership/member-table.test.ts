import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareOrder, MemberTable } from '../../../src/core/membership/member-table.ts';
import { encode } from '../../../src/wire/codec.ts';
import { MEMBER_STATES, type MemberRecord, memberRecordCodec } from '../../../src/wire/member-record.ts';
import { idOf } from '../admission/contender-samples.ts';

const stamp = fc.record({ unixMs: fc.nat(3), counter: fc.nat(1) });
const seat = fc.record({
  limitVersion: fc.constant(1),
  maxInstances: fc.constant(3),
  grantedAt: stamp,
  handedOverBy: fc.constant(null),
});

const anyRecord: fc.Arbitrary<MemberRecord> = fc.record({
  instanceId: fc.nat(3).map(idOf),
  startId: fc.constant('00'),
  incarnation: fc.integer({ min: 1, max: 2 }),
  sequence: fc.integer({ min: 1, max: 4 }),
  issuedAt: stamp,
  startedAt: stamp,
  state: fc.constantFrom(...MEMBER_STATES),
  joinedAt: stamp,
  seat: fc.option(seat, { nil: null }),
  successor: fc.constant(null),
  replaces: fc.constant(null),
  claim: fc.nat(1),
  name: fc.constant('g'),
  version: fc.constant('0'),
  platform: fc.constant('p'),
  capabilities: fc.constant([]),
  labels: fc.constant([]),
  meshAddresses: fc.constant([]),
  accessAddresses: fc.constant([]),
});

function tableOf(records: readonly MemberRecord[]): MemberTable {
  const table = new MemberTable();
  for (const record of records) table.merge(record, encode(memberRecordCodec, record), { atMs: 0, metAt: null });
  return table;
}

function shown(table: MemberTable): readonly string[] {
  return [...table.all()].map(({ record }) => Buffer.from(encode(memberRecordCodec, record)).toString('hex')).sort();
}

describe('the member table', () => {
  it('holds the same records in whatever order they arrive, however often', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 8 }), fc.array(fc.nat(7), { maxLength: 6 }), (records, again) => {
        const repeated = again.flatMap((index) => records[index % Math.max(records.length, 1)] ?? []);
        const [one, other] = [tableOf(records), tableOf([...repeated, ...records.toReversed()])];
        expect(shown(other)).toEqual(shown(one));
        expect(other.admissionDigest('')).toBe(one.admissionDigest(''));
      }),
      { numRuns: 1000 },
    );
  });

  it('gives what two tables hold together, whichever is merged into which', () => {
    fc.assert(
      fc.property(fc.array(anyRecord), fc.array(anyRecord), fc.array(anyRecord), (a, b, c) => {
        const both = (left: MemberTable, right: MemberTable): MemberTable =>
          tableOf([...left.all(), ...right.all()].map(({ record }) => record));
        const [one, two, three] = [tableOf(a), tableOf(b), tableOf(c)];
        expect(shown(both(one, two))).toEqual(shown(both(two, one)));
        expect(shown(both(both(one, two), three))).toEqual(shown(both(one, both(two, three))));
        expect(shown(both(one, one))).toEqual(shown(one));
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the highest version of everybody: a naive second model', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 8 }), (records) => {
        for (const { record } of tableOf(records).all()) {
          const versions = records
            .filter(({ instanceId }) => instanceId === record.instanceId)
            .map(({ incarnation, sequence }) => incarnation * 100 + sequence);
          expect(record.incarnation * 100 + record.sequence).toBe(Math.max(...versions));
        }
      }),
    );
  });

  it('orders the live by stamp, then id, and shows nobody twice', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 8 }), (records) => {
        const live = tableOf(records)
          .live()
          .map(({ record }) => record);
        expect(live).toEqual([...live].sort(compareOrder));
        expect(new Set(live.map(({ instanceId }) => instanceId)).size).toBe(live.length);
        expect(live.every(({ state }) => state !== 'left')).toBe(true);
      }),
    );
  });
});
