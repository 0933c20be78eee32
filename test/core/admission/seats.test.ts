import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InstanceId } from '../../../src/base/ids.ts';
import { admit, type Contender, queue, seatOwners, yields } from '../../../src/core/admission/seats.ts';
import { anyContenders, idOf, shuffledWith } from './contender-samples.ts';

const limit = fc.integer({ min: 1, max: 6 });
const lots = fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 });
const ids = fc.uniqueArray(fc.nat(9).map(idOf), { maxLength: 3 });

/** DESIGN §5.1 in one line: who comes first. Written again here, over strings, to compare with. */
const place = ({ joinedAt, instanceId }: Contender): string =>
  `${String(joinedAt.unixMs).padStart(16, '0')} ${String(joinedAt.counter).padStart(10, '0')} ${instanceId}`;
const firstComes = (a: Contender, b: Contender): number => (place(a) < place(b) ? -1 : 1);

/** DESIGN §5.2, naively: hand out what is left of the limit to those who wait, first come first served, and see whether the claimant gets any. */
function naiveAdmit(maxInstances: number, contenders: readonly Contender[], claimant: InstanceId): boolean {
  const seats = new Set<InstanceId>();
  for (const { state, seat, resumes, successor, instanceId } of contenders) {
    const holds = seat !== null && (state === 'admitted' || state === 'draining' || (state === 'candidate' && resumes));
    const successorLives = contenders.some((other) => other.instanceId === successor);
    if (holds) seats.add(successor !== null && successorLives ? successor : instanceId);
  }
  if (seats.delete(claimant)) return seats.size < maxInstances;
  const waiting = contenders
    .filter(
      ({ state, suspect, stampTooEarly }) =>
        (state === 'candidate' || state === 'standby') && !suspect && !stampTooEarly,
    )
    .filter(({ instanceId }) => !seats.has(instanceId))
    .sort(firstComes);
  while (seats.size < maxInstances) {
    const next = waiting.shift();
    if (next === undefined) return false;
    if (next.instanceId === claimant) return true;
    seats.add(next.instanceId);
  }
  return false;
}

describe('admission', () => {
  it('does not depend on the order in which members became known', () => {
    fc.assert(
      fc.property(
        anyContenders,
        lots,
        limit,
        ids,
        fc.nat(9).map(idOf),
        (contenders, order, maxInstances, promised, claimant) => {
          const other = shuffledWith(contenders, order);
          expect(admit({ maxInstances, contenders: other, promised: promised.toReversed(), claimant })).toEqual(
            admit({ maxInstances, contenders, promised, claimant }),
          );
          expect(seatOwners(other)).toEqual(seatOwners(contenders));
          expect(queue(other, seatOwners(other)).map(({ instanceId }) => instanceId)).toEqual(
            queue(contenders, seatOwners(contenders)).map(({ instanceId }) => instanceId),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('agrees with a naive second model', () => {
    fc.assert(
      fc.property(anyContenders, limit, (contenders, maxInstances) => {
        for (const { instanceId: claimant } of contenders) {
          const { verdict } = admit({ maxInstances, contenders, promised: [], claimant });
          expect(verdict === 'seat', claimant).toBe(naiveAdmit(maxInstances, contenders, claimant));
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('never lets in more at once than there is room, if nobody holds a seat twice', () => {
    fc.assert(
      fc.property(anyContenders, limit, ids, (contenders, maxInstances, promised) => {
        const owners = seatOwners(contenders);
        const admitted = contenders.filter(
          ({ instanceId }) =>
            !owners.includes(instanceId) &&
            admit({ maxInstances, contenders, promised, claimant: instanceId }).verdict === 'seat',
        );
        const pending = promised.filter(
          (id) => !owners.includes(id) && !admitted.some(({ instanceId }) => instanceId === id),
        );
        expect(admitted.length).toBeLessThanOrEqual(Math.max(0, maxInstances - owners.length - pending.length + 0));
      }),
      { numRuns: 2000 },
    );
  });

  it('lets nobody in who is not the next of those who wait', () => {
    fc.assert(
      fc.property(anyContenders, limit, (contenders, maxInstances) => {
        const owners = seatOwners(contenders);
        const waiting = queue(contenders, owners);
        const verdicts = waiting.map(
          ({ instanceId }) => admit({ maxInstances, contenders, promised: [], claimant: instanceId }).verdict,
        );
        expect(verdicts.lastIndexOf('seat')).toBe(verdicts.filter((verdict) => verdict === 'seat').length - 1);
      }),
    );
  });

  it('says that there is no room when there is none, and whose turn it is otherwise', () => {
    fc.assert(
      fc.property(anyContenders, limit, fc.nat(9).map(idOf), (contenders, maxInstances, claimant) => {
        const { verdict, room } = admit({ maxInstances, contenders, promised: [], claimant });
        expect(verdict === 'no-room').toBe(room <= 0);
      }),
    );
  });
});

describe('yielding', () => {
  const underStated = ({ maxInstances }: { readonly maxInstances: number }): number => maxInstances;

  it('does not depend on the order in which members became known', () => {
    fc.assert(
      fc.property(anyContenders, lots, limit, (contenders, order, maxInstances) => {
        for (const { instanceId: self } of contenders) {
          const question = { maxInstances, self, grantedUnder: underStated };
          expect(yields({ ...question, contenders: shuffledWith(contenders, order) })).toBe(
            yields({ ...question, contenders }),
          );
        }
      }),
    );
  });

  it('never hits anybody because the limit was lowered', () => {
    fc.assert(
      fc.property(anyContenders, limit, (contenders, maxInstances) => {
        const holders = contenders.filter(({ state, seat }) => seat !== null && state === 'admitted').length;
        for (const { instanceId: self } of contenders) {
          // Whatever the limit is now: under the one that their seats were granted under there was room for all.
          expect(
            yields({
              maxInstances,
              contenders: contenders.map(settled),
              self,
              grantedUnder: () => Math.max(holders, contenders.length),
            }),
          ).toBe(false);
        }
      }),
    );
  });

  it('leaves exactly as many holders as the limit allows when all seats were granted under it', () => {
    fc.assert(
      fc.property(anyContenders, limit, (contenders, maxInstances) => {
        const plain = contenders.map(settled);
        const stays = plain.filter(({ instanceId: self, state, seat }) => {
          const holds = seat !== null && (state === 'admitted' || state === 'draining');
          return holds && !yields({ maxInstances, contenders: plain, self, grantedUnder: () => maxInstances });
        });
        const holding = plain.filter(
          ({ state, seat }) => seat !== null && (state === 'admitted' || state === 'draining'),
        );
        expect(stays).toHaveLength(Math.min(maxInstances, holding.length));
        const oldest = [...holding].sort(firstComes).slice(0, maxInstances);
        expect(new Set(stays)).toEqual(new Set(oldest));
      }),
      { numRuns: 2000 },
    );
  });

  it('hits only those who hold a seat', () => {
    fc.assert(
      fc.property(anyContenders, limit, (contenders, maxInstances) => {
        for (const { instanceId: self, seat } of contenders) {
          if (seat === null) expect(yields({ maxInstances, contenders, self, grantedUnder: underStated })).toBe(false);
        }
      }),
    );
  });
});

/** Without handovers, which move a seat to another owner. */
function settled(contender: Contender): Contender {
  return { ...contender, successor: null };
}
