import { assert } from './assert.ts';

/**
 * A hybrid logical clock stamp (Kulkarni et al., "Logical Physical Clocks", 2014): wall-clock milliseconds that never go
 * back and never fall behind a stamp already seen, with a counter for events of one millisecond. Whoever knows of an event
 * stamps later than it, whatever its own wall clock says.
 */
export interface Stamp {
  /** Milliseconds since 1970, UTC, of this clock or of the furthest one it has heard of. */
  readonly unixMs: number;
  /** Distinguishes stamps within one millisecond. */
  readonly counter: number;
}

/** Greatest time a stamp can carry: far beyond any use, and exact in a double. */
export const STAMP_UNIX_MS_MAX = 8_640_000_000_000_000;
/** Greatest counter; a clock that reaches it moves to the next millisecond. */
export const STAMP_COUNTER_MAX = 0xffff_ffff;

/** Earlier than every real stamp. */
export const STAMP_ZERO: Stamp = { unixMs: 0, counter: 0 };

/** Orders stamps by time, then counter. */
export function compareStamps(left: Stamp, right: Stamp): number {
  return left.unixMs - right.unixMs || left.counter - right.counter;
}

/** The later of two stamps. */
export function laterStamp(left: Stamp, right: Stamp): Stamp {
  return compareStamps(left, right) >= 0 ? left : right;
}

/** The stamp of a new event: later than `last`, and not before the wall clock. */
export function nextStamp(last: Stamp, wallUnixMs: number): Stamp {
  assert(Number.isSafeInteger(wallUnixMs), `wall clock must be whole milliseconds, got ${wallUnixMs}`);
  if (wallUnixMs > last.unixMs) return { unixMs: wallUnixMs, counter: 0 };
  if (last.counter >= STAMP_COUNTER_MAX) return { unixMs: last.unixMs + 1, counter: 0 };
  return { unixMs: last.unixMs, counter: last.counter + 1 };
}

/** ISO 8601 text of the stamp's time, in UTC. */
export function formatUnixMs(unixMs: number): string {
  const days = Math.floor(unixMs / 86_400_000);
  const inDay = unixMs - days * 86_400_000;
  const [year, month, day] = civilDate(days);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = `${two(Math.floor(inDay / 3_600_000))}:${two(Math.floor(inDay / 60_000) % 60)}:${two(Math.floor(inDay / 1000) % 60)}`;
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${clock}.${String(inDay % 1000).padStart(3, '0')}Z`;
}

/** Gregorian date of a day number since 1970-01-01 (Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days). */
function civilDate(dayNumber: number): readonly [number, number, number] {
  const shifted = dayNumber + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthIndex = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthIndex + 2) / 5) + 1;
  const month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}
