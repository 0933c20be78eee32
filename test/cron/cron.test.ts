/** When a cron pattern is due. */

import { describe, expect, it } from 'vitest';
import { assertCron, cronTimes } from '../../src/cron/index.ts';

const at = (text: string): number => Date.parse(text);
const shown = (unixMs: number | null): string | null => (unixMs === null ? null : new Date(unixMs).toISOString());

describe('due times of a pattern', () => {
  it.each([
    ['the very second', '2026-03-01T03:00:00Z', '2026-03-01T03:00:00.000Z'],
    ['a part of it later', '2026-03-01T03:00:00.999Z', '2026-03-01T03:00:00.000Z'],
    ['the second before', '2026-03-01T02:59:59.999Z', '2026-02-28T03:00:00.000Z'],
  ])('include %s', (_, now, due) => {
    expect(shown(cronTimes.latest('0 0 3 * * *', 'UTC', at(now)))).toBe(due);
  });

  it('come after the moment, not at it', () => {
    expect(shown(cronTimes.next('0 0 3 * * *', 'UTC', at('2026-03-01T03:00:00Z')))).toBe('2026-03-02T03:00:00.000Z');
  });

  it('follow summer time, and come once on the days of its changes', () => {
    const day = (from: string): readonly (string | null)[] => {
      const first = cronTimes.next('0 30 2 * * *', 'Europe/Zurich', at(from));
      return [shown(first), shown(cronTimes.next('0 30 2 * * *', 'Europe/Zurich', first ?? 0))];
    };
    // 2:30 does not exist on the 29th of March, where it is due when the clock goes on, and twice on the 25th of October.
    expect(day('2026-03-28T12:00:00Z')).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
    expect(day('2026-10-24T12:00:00Z')).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
  });

  it.each([
    ['0 30 2 * * *', 'Europe/Zurich'],
    ['0 15 * * * *', 'America/New_York'],
    ['0 0,30 1-3 * * *', 'Australia/Lord_Howe'],
    ['30 59 23 L * *', 'Asia/Kathmandu'],
  ])('are the same looked at from before and from behind: %s in %s', (pattern, zone) => {
    let due = at('2026-03-07T00:00:00Z');
    for (let count = 0; count < 800; count++) {
      const next = cronTimes.next(pattern, zone, due);
      expect(next).toBeGreaterThan(due);
      due = next ?? Number.NaN;
      expect(shown(cronTimes.latest(pattern, zone, due))).toBe(shown(due));
    }
  });

  it('are none of a pattern or a zone that cannot be read', () => {
    for (const [pattern, zone] of [
      ['0 0 3 * *', 'UTC'],
      ['x', 'UTC'],
      ['0 0 3 * * *', 'Nowhere/There'],
    ] as const) {
      expect([cronTimes.latest(pattern, zone, at('2026-03-01')), cronTimes.next(pattern, zone, 0)]).toEqual([
        null,
        null,
      ]);
      expect(() => assertCron(pattern, zone, '--schedule-cron')).toThrow('is never due');
    }
    expect(() => assertCron('0 0 0 31 2 *', 'UTC', '--schedule-cron')).toThrow('is never due');
    expect(() => assertCron('0 0 3 * * SUN#L', 'Europe/Zurich', '--schedule-cron')).not.toThrow();
  });
});
