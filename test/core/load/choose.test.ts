import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatKeyId, type InstanceId } from '../../../src/base/ids.ts';
import { fits, HEADROOM_PER_MILLE, rankWorkers, score, type Worker } from '../../../src/core/load/choose.ts';
import { costKib } from '../../../src/core/load/cost.ts';
import { OwnLoad } from '../../../src/core/load/own-load.ts';
import type { LoadSample } from '../../../src/wire/pulse.ts';
import { Random } from '../../simulator/random.ts';

const GIB = 1024 * 1024;

function sample(changes: Partial<LoadSample> = {}): LoadSample {
  return { number: 1, reservedKib: 0, budgetKib: 10 * GIB, busyPerMille: 0, sessions: [], ...changes };
}

function instance(number: number): InstanceId {
  return formatKeyId(Uint8Array.from({ length: 32 }, (_, index) => (number >> (index % 4)) * 37 + index * number));
}

function worker(number: number, load: Partial<LoadSample> = {}, pendingKib = 0): Worker {
  return { instanceId: instance(number), load: sample(load), pendingKib };
}

const kib = fc.integer({ min: 0, max: 64 * GIB });
const anyLoad = fc.record({
  reservedKib: kib,
  budgetKib: fc.integer({ min: 64 * 1024, max: 64 * GIB }),
  busyPerMille: fc.integer({ min: 0, max: 1000 }),
});
const anyWorkers = fc
  .array(fc.record({ load: anyLoad, pendingKib: fc.integer({ min: 0, max: GIB }) }), { maxLength: 12 })
  .map((list) => list.map(({ load, pendingKib }, number) => worker(number, load, pendingKib)));

describe('whether a job fits', () => {
  const table: readonly (readonly [string, Partial<LoadSample>, number, number, boolean])[] = [
    ['an idle instance takes what leaves the headroom', {}, 0, 8.5 * GIB, true],
    ['one KiB more would touch the headroom', {}, 0, 8.5 * GIB + 1, false],
    ['what is promised counts', { reservedKib: 8.5 * GIB - 1024 }, 0, 1024, true],
    ['what is promised and what is on its way count together', { reservedKib: 8.5 * GIB - 1024 }, 1, 1024, false],
    ['a lease costs nothing and fits while nothing is over', { reservedKib: 8.5 * GIB }, 0, 0, true],
    ['a lease does not fit where the headroom is gone', { reservedKib: 8.5 * GIB + 1 }, 0, 0, false],
    ['being busy is no reason to refuse', { busyPerMille: 1000 }, 0, 1024, true],
    ['64 MB hold 54 tunnelled connections', { budgetKib: 64 * 1024, reservedKib: 53 * 1024 }, 0, 1024, true],
    ['64 MB do not hold 55', { budgetKib: 64 * 1024, reservedKib: 54 * 1024 }, 0, 1024, false],
  ];
  it.each(table)('%s', (_name, load, pendingKib, cost, expected) => {
    expect(fits(sample(load), pendingKib, cost)).toBe(expected);
  });

  it('leaves the headroom of the budget free, exactly', () => {
    fc.assert(
      fc.property(anyLoad, kib, kib, (load, pendingKib, cost) => {
        const used = BigInt(load.reservedKib) + BigInt(pendingKib) + BigInt(cost);
        const expected = used * 1000n <= BigInt(load.budgetKib) * BigInt(1000 - HEADROOM_PER_MILLE);
        expect(fits(sample(load), pendingKib, cost)).toBe(expected);
      }),
    );
  });
});

describe('the score of an instance', () => {
  it('is a whole number that only rises with memory and busyness', () => {
    fc.assert(
      fc.property(anyLoad, kib, kib, fc.integer({ min: 0, max: 1000 }), (load, more, cost, busier) => {
        const one: Worker = { ...worker(1, load), pendingKib: 0 };
        const least = score(one, cost);
        expect(Number.isSafeInteger(least) && least > 0).toBe(true);
        expect(score({ ...one, pendingKib: more }, cost)).toBeGreaterThanOrEqual(least);
        expect(
          score({ ...one, load: { ...one.load, reservedKib: load.reservedKib + more } }, cost),
        ).toBeGreaterThanOrEqual(least);
        const busyPerMille = Math.max(load.busyPerMille, busier);
        expect(score({ ...one, load: { ...one.load, busyPerMille } }, cost)).toBeGreaterThanOrEqual(least);
      }),
    );
  });

  it('counts sessions by what is left of the processor: the noise of an idle one not at all, the last twentieth twenty times', () => {
    const at = (busyPerMille: number): number => score(worker(1, { busyPerMille, reservedKib: 99 * 1024 }), 1024);
    expect(at(600)).toBe(at(0));
    expect(at(800)).toBeGreaterThanOrEqual(2 * at(0) - 2);
    expect(at(800)).toBeLessThanOrEqual(2 * at(0) + 2);
    expect(at(1000)).toBe(20 * at(0));
  });

  it('compares shares of the budget, so that twice the memory takes twice the sessions', () => {
    const small = worker(1, { budgetKib: 2 * GIB, reservedKib: 50 * 1024 });
    const large = worker(2, { budgetKib: 4 * GIB, reservedKib: 101 * 1024 });
    expect(score(small, 1024)).toBe(score(large, 1024));
  });
});

describe('the ranking of instances', () => {
  it('is that of a naive model: those that fit, by the share they would use and what is left of their processor', () => {
    fc.assert(
      fc.property(anyWorkers, fc.integer({ min: 0, max: GIB }), (workers, cost) => {
        const ranked = rankWorkers(workers, cost, () => 0);
        const expected = workers.filter(({ load, pendingKib }) => fits(load, pendingKib, cost));
        expect(new Set(ranked)).toEqual(new Set(expected));
        const values = ranked.map((one) => naiveScore(one, cost));
        for (const [place, value] of values.slice(1).entries()) {
          // Shares are whole millionths: two neighbours may be exchanged by less than that, at most twenty times counted.
          expect(value).toBeGreaterThan((values[place] ?? 0) - 21);
        }
      }),
    );
  });

  it('depends on who is there, not on the order in which they were found', () => {
    fc.assert(
      fc.property(anyWorkers, fc.integer(), (workers, seed) => {
        const rank = (list: readonly Worker[]) =>
          rankWorkers(list, 1024, new Random(seed).uint32).map(({ instanceId }) => instanceId);
        expect(rank([...workers].reverse())).toEqual(rank(workers));
        expect(rank(new Random(seed).shuffle(workers))).toEqual(rank(workers));
      }),
    );
  });

  it('favours nobody among equals', () => {
    const workers = [1, 2, 3, 4, 5].map((number) => worker(number));
    const { uint32 } = new Random(20);
    const draws = 20_000;
    const counts = new Map<string, number>();
    for (let draw = 0; draw < draws; draw++) {
      // Every place of the ranking, not only the first: the second best is asked when the best declines.
      for (const [place, { instanceId }] of rankWorkers(workers, 1024, uint32).entries()) {
        const key = `${place} ${instanceId}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    expect(counts.size).toBe(25);
    // Sixteen degrees of freedom (the margins are fixed); 45 is exceeded once in ten thousand honest runs.
    const expected = draws / 5;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(45);
  });

  it('draws a lot for each instance of each choice, so that entries with one view choose differently', () => {
    const workers = [1, 2, 3, 4, 5].map((number) => worker(number));
    const firsts = Array.from(
      { length: 50 },
      (_, entry) => rankWorkers(workers, 1024, new Random(entry).uint32)[0]?.instanceId,
    );
    expect(new Set(firsts).size).toBe(5);
  });

  it('counts what was sent and is not in the sample yet', () => {
    const [first] = rankWorkers([worker(1, {}, 1024), worker(2)], 1024, () => 0);
    expect(first?.instanceId).toBe(instance(2));
  });

  it('is empty when nobody has room', () => {
    expect(rankWorkers([worker(1, { reservedKib: 10 * GIB })], 1024, () => 0)).toEqual([]);
    expect(rankWorkers([], 1024, () => 0)).toEqual([]);
  });
});

describe("an instance's own load", () => {
  it('is what was reserved and not released, whatever the order', () => {
    const kinds = fc.constantFrom('tunnel', 'connection');
    fc.assert(
      fc.property(fc.array(fc.tuple(kinds, fc.integer({ min: 0, max: 4096 }))), fc.integer(), (jobs, seed) => {
        const load = new OwnLoad(GIB);
        for (const [kind, cost] of jobs) load.reserve(kind, cost);
        const ended = new Random(seed).shuffle(jobs);
        const cut = ended.length >> 1;
        for (const [kind, cost] of ended.slice(0, cut)) load.release(kind, cost);
        const left = ended.slice(cut);
        expect(load.sample().reservedKib).toBe(left.reduce((sum, [, cost]) => sum + cost, 0));
        for (const { kind, count } of load.sample().sessions)
          expect(count).toBe(left.filter(([other]) => other === kind).length);
        expect(load.sample().sessions.map(({ kind }) => kind)).toEqual([...new Set(left.map(([kind]) => kind))].sort());
      }),
    );
  });

  it('numbers every change, so that of two samples the newer one is known', () => {
    const load = new OwnLoad(GIB);
    const numbers = [load.sample().number];
    const note = () => numbers.push(load.sample().number);
    load.reserve('tunnel', 1024);
    note();
    load.busy(730);
    note();
    load.release('tunnel', 1024);
    note();
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(load.sample()).toBe(load.sample());
  });

  it('tells busyness in steps, so that noise is no news', () => {
    const load = new OwnLoad(GIB);
    load.busy(520);
    const { number, busyPerMille } = load.sample();
    expect(busyPerMille).toBe(500);
    load.busy(480);
    expect(load.sample().number).toBe(number);
    for (const [told, kept] of [
      [-5, 0],
      [999, 1000],
      [4000, 1000],
    ] as const) {
      load.busy(told);
      expect(load.sample().busyPerMille).toBe(kept);
    }
  });

  it('costs nothing for a lease, which carries no bytes', () => {
    const parameters = [{ name: 'role', value: 'control' }];
    expect(costKib({ kind: 'tunnel', parameters })).toBe(0);
    expect(costKib({ kind: 'tunnel', parameters: [] })).toBeGreaterThan(0);
  });
});

/** The same thought in floating point. */
function naiveScore({ load, pendingKib }: Worker, cost: number): number {
  const share = (load.reservedKib + pendingKib + Math.max(1, cost)) / load.budgetKib;
  const overPerMille = Math.floor(Math.max(0, load.busyPerMille - 600) / 0.4);
  return (share * 1e6) / Math.max(0.05, 1 - overPerMille / 1000);
}
