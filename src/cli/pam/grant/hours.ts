/** Hours of the week in a time zone: what people write, and what a grant carries. */
import { GatewayError } from '../../../base/errors.ts';
import { GRANT_OFFSETS_MAX, GRANT_WINDOWS_MAX } from '../../../wire/bounds.ts';
import { type GrantHours, WEEK_MINUTES } from '../../../wire/grant.ts';
import type { Validity } from './conditions.ts';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const DAY_MINUTES = 24 * 60;
const HOUR_MS = 3_600_000;
/** How far ahead the changes of a zone's offset are written into a grant that never expires. */
const AHEAD_MS = 20 * 365 * 24 * HOUR_MS;

/** `Mon-Fri 08:00-18:00 Europe/Berlin`; several parts are separated by commas, the zone comes last (UTC without one). Throws `bad-usage`. */
export function parseHours(text: string, { issuedUnixMs, expiresUnixMs }: Validity): GrantHours {
  const words = text.trim().split(/\s+/);
  const last = words.at(-1) ?? '';
  const hasZone = /^[A-Za-z_]+(\/[A-Za-z0-9_+-]+)+$/.test(last) || last === 'UTC';
  const zone = hasZone ? last : 'UTC';
  const parts = (hasZone ? words.slice(0, -1) : words).join(' ').split(',');
  const windows = parts.flatMap((part) => parsePart(part.trim(), text));
  if (windows.length > GRANT_WINDOWS_MAX)
    throw new GatewayError('bad-usage', `--hours: ${windows.length} windows a week; at most ${GRANT_WINDOWS_MAX}`);
  return { zone, offsets: offsetsOf(zone, issuedUnixMs, expiresUnixMs ?? issuedUnixMs + AHEAD_MS), windows };
}

/** The hours in words: `Mon 08:00-18:00, Tue 08:00-18:00 Europe/Berlin`. */
export function formatHours({ zone, windows }: GrantHours): string {
  const shown = windows.map(({ fromMinute, toMinute }) => {
    const day = Math.floor(fromMinute / DAY_MINUTES);
    const name = DAYS[day] ?? '';
    const from = formatMinute(fromMinute - day * DAY_MINUTES);
    return `${name.charAt(0).toUpperCase()}${name.slice(1)} ${from}-${formatMinute(toMinute - day * DAY_MINUTES)}`;
  });
  return `${shown.join(', ')} ${zone}`;
}

function formatMinute(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

function parsePart(part: string, whole: string): GrantHours['windows'] {
  const found = /^([a-z]{3})(?:-([a-z]{3}))? (\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/i.exec(part);
  const [firstDay, lastDay] = [dayOf(found?.[1]), dayOf(found?.[2] ?? found?.[1])];
  const from = minuteOf(found?.[3], found?.[4]);
  const to = minuteOf(found?.[5], found?.[6]);
  if (firstDay < 0 || lastDay < 0 || !(from < DAY_MINUTES) || !(to <= DAY_MINUTES) || from === to) throw wrong(whole);
  const days = Array.from({ length: ((lastDay - firstDay + 7) % 7) + 1 }, (_, index) => (firstDay + index) % 7);
  return days.flatMap((day) =>
    windowsOf(day * DAY_MINUTES + from, day * DAY_MINUTES + (to > from ? to : to + DAY_MINUTES)),
  );
}

/** A window over midnight on Sunday goes on in the first minutes of the week. */
function windowsOf(fromMinute: number, toMinute: number): GrantHours['windows'] {
  if (toMinute <= WEEK_MINUTES) return [{ fromMinute, toMinute }];
  return [
    { fromMinute, toMinute: WEEK_MINUTES },
    { fromMinute: 0, toMinute: toMinute - WEEK_MINUTES },
  ];
}

function dayOf(name: string | undefined): number {
  return (DAYS as readonly string[]).indexOf(name?.toLowerCase() ?? '');
}

function minuteOf(hour: string | undefined, minute: string | undefined): number {
  const [hours, minutes] = [Number(hour), Number(minute)];
  return hours <= 24 && minutes < 60 ? hours * 60 + minutes : Number.NaN;
}

/** Every change of the zone's offset between two times, found to the minute. */
function offsetsOf(zone: string, fromUnixMs: number, toUnixMs: number): GrantHours['offsets'] {
  const format = formatIn(zone);
  const offsets = [{ fromUnixMs: 0, westToEastMinutes: offsetAt(format, fromUnixMs) }];
  // No zone changes twice within a week.
  for (let at = fromUnixMs; at < toUnixMs && offsets.length < GRANT_OFFSETS_MAX; at += 7 * 24 * HOUR_MS) {
    const next = Math.min(at + 7 * 24 * HOUR_MS, toUnixMs);
    const westToEastMinutes = offsetAt(format, next);
    if (westToEastMinutes === offsets.at(-1)?.westToEastMinutes) continue;
    offsets.push({ fromUnixMs: changeBetween(format, at, next), westToEastMinutes });
  }
  return offsets;
}

function changeBetween(format: Intl.DateTimeFormat, before: number, after: number): number {
  const wanted = offsetAt(format, after);
  let [low, high] = [before, after];
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(format, middle) === wanted) high = middle;
    else low = middle;
  }
  return Math.round(high / 60_000) * 60_000;
}

function formatIn(zone: string): Intl.DateTimeFormat {
  try {
    const parts = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
    return new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...parts });
  } catch (cause) {
    throw new GatewayError('bad-usage', `--hours: "${zone}" is no time zone`, {
      cause,
      remedy: 'Write for example Europe/Berlin or UTC.',
    });
  }
}

function offsetAt(format: Intl.DateTimeFormat, unixMs: number): number {
  const parts = Object.fromEntries(format.formatToParts(unixMs).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts;
  const local = Date.UTC(year, month - 1, day, hour, minute);
  return Math.round((local - Math.floor(unixMs / 60_000) * 60_000) / 60_000);
}

function wrong(text: string): GatewayError {
  return new GatewayError('bad-usage', `--hours: "${text}" is wrong; expected DAYS FROM-TO ZONE`, {
    remedy: 'Write for example "Mon-Fri 08:00-18:00 Europe/Berlin", or "Mon-Thu 08:00-17:00, Fri 08:00-14:00 UTC".',
  });
}
