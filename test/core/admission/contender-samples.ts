import fc from 'fast-check';
import { formatKeyId, type InstanceId } from '../../../src/base/ids.ts';
import type { Contender } from '../../../src/core/admission/seats.ts';
import { MEMBER_STATES } from '../../../src/wire/member-record.ts';

/** Ids of small numbers, in their order. */
export function idOf(number: number): InstanceId {
  const key = new Uint8Array(32);
  key[0] = number;
  return formatKeyId(key);
}

const joinedAt = fc.record({ unixMs: fc.nat(4), counter: fc.nat(1) });
const seat = fc.record({
  limitVersion: fc.integer({ min: 1, max: 3 }),
  maxInstances: fc.integer({ min: 1, max: 6 }),
  grantedAt: joinedAt,
  handedOverBy: fc.constant(null),
});

/** Up to eight contenders in any state, many of them with equal stamps. */
export const anyContenders: fc.Arbitrary<readonly Contender[]> = fc
  .uniqueArray(fc.nat(9), { maxLength: 8 })
  .chain((numbers) =>
    fc.tuple(
      ...numbers.map((number) =>
        fc.record({
          instanceId: fc.constant(idOf(number)),
          joinedAt,
          state: fc.constantFrom(...MEMBER_STATES.filter((state) => state !== 'left')),
          seat: fc.option(seat, { nil: null }),
          successor: fc.option(fc.nat(9).map(idOf), { nil: null, freq: 4 }),
          resumes: fc.boolean(),
          suspect: fc.boolean(),
          stampTooEarly: fc.boolean(),
        }),
      ),
    ),
  );

/** The same in another order. */
export function shuffledWith<T>(list: readonly T[], lots: readonly number[]): readonly T[] {
  return list
    .map((value, index) => ({ value, lot: lots[index % Math.max(lots.length, 1)] ?? 0 }))
    .sort((a, b) => a.lot - b.lot)
    .map(({ value }) => value);
}
