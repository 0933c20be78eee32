import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareStamps,
  formatUnixMs,
  laterStamp,
  nextStamp,
  STAMP_COUNTER_MAX,
  STAMP_UNIX_MS_MAX,
  STAMP_ZERO,
  type Stamp,
} from '../../src/base/stamp.ts';

const unixMs = fc.oneof(fc.nat(5), fc.integer({ min: 0, max: STAMP_UNIX_MS_MAX - 1 }));
const counter = fc.oneof(fc.nat(3), fc.constant(STAMP_COUNTER_MAX), fc.integer({ min: 0, max: STAMP_COUNTER_MAX }));
const stamp: fc.Arbitrary<Stamp> = fc.record({ unixMs, counter });

describe('stamps', () => {
  it('are totally ordered', () => {
    fc.assert(
      fc.property(stamp, stamp, stamp, (a, b, c) => {
        expect(Math.sign(compareStamps(a, b))).toBe(-Math.sign(compareStamps(b, a)) + 0);
        if (compareStamps(a, b) === 0) expect(a).toEqual(b);
        if (compareStamps(a, b) <= 0 && compareStamps(b, c) <= 0) expect(compareStamps(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('always rise, and never fall behind the wall clock', () => {
    fc.assert(
      fc.property(stamp, unixMs, (last, wall) => {
        const next = nextStamp(last, wall);
        expect(compareStamps(next, last)).toBeGreaterThan(0);
        expect(next.unixMs).toBeGreaterThanOrEqual(wall);
        expect(next.counter).toBeLessThanOrEqual(STAMP_COUNTER_MAX);
      }),
    );
  });

  it('rise by no more than they must: the wall clock leads again as soon as it is ahead', () => {
    fc.assert(
      fc.property(
        stamp,
        (last) => void expect(nextStamp(last, last.unixMs + 1)).toEqual({ unixMs: last.unixMs + 1, counter: 0 }),
      ),
    );
  });

  it('begin after zero', () => expect(compareStamps(nextStamp(STAMP_ZERO, 0), STAMP_ZERO)).toBeGreaterThan(0));

  it('know the later of two, whichever comes first', () => {
    fc.assert(
      fc.property(stamp, stamp, (a, b) => {
        expect(laterStamp(a, b)).toEqual(laterStamp(b, a));
        expect(compareStamps(laterStamp(a, b), a)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('are shown as every other program shows that time', () => {
    const shown = fc.integer({ min: 0, max: 253_402_300_799_999 });
    fc.assert(
      fc.property(shown, (ms) => void expect(formatUnixMs(ms)).toBe(new Date(ms).toISOString())),
      { numRuns: 2000 },
    );
  });

  it.each([
    '1970-01-01T00:00:00.000Z',
    '2000-02-29T23:59:59.999Z',
    '2100-02-28T12:00:00.000Z',
    '2024-12-31T23:59:59.999Z',
  ])('are right on %s', (text) => expect(formatUnixMs(Date.parse(text))).toBe(text));
});
