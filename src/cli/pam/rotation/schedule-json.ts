/** Pure: schedules in the JSON form of Keeper Commander, as cron patterns. */
import { GatewayError } from '../../../base/errors.ts';
import { ZONE_DEFAULT } from '../../../wire/rotation-schedule.ts';

const WEEKDAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;
const MONTHS = [
  ...['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE', 'JULY', 'AUGUST'],
  ...['SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'],
] as const;
const OCCURRENCES: Readonly<Record<string, string>> = {
  FIRST: '#1',
  SECOND: '#2',
  THIRD: '#3',
  FOURTH: '#4',
  LAST: '#L',
};
const EXAMPLE = '{"type":"WEEKLY","weekday":"SUNDAY","time":"03:00","tz":"Europe/Zurich","intervalCount":1}';

/** A pattern in its zone; null: on demand. Throws `bad-usage`. */
export function cronOfJson(text: string): { readonly pattern: string; readonly zone: string } | null {
  const given = read(text);
  const type = word(given, 'type');
  if (type === 'ON_DEMAND') return null;
  const zone = String(given['tz'] ?? ZONE_DEFAULT);
  if (type === 'CRON') return { pattern: word(given, 'cron'), zone };
  if (Number(given['intervalCount'] ?? 1) !== 1)
    throw wrong('"intervalCount" other than 1 has no cron pattern; use --every or --schedule-cron');
  const clock = clockOf(String(given['time'] ?? given['utcTime'] ?? ''));
  return { pattern: `${clock} ${daysOf(type, given)}`, zone };
}

type Given = Readonly<Record<string, unknown>>;

function daysOf(type: string, given: Given): string {
  switch (type) {
    case 'DAILY':
      return '* * *';
    case 'WEEKLY':
      return `* * ${weekday(given)}`;
    case 'MONTHLY_BY_DAY':
      return `${monthDay(given)} * *`;
    case 'MONTHLY_BY_WEEKDAY':
      return `* * ${weekday(given)}${OCCURRENCES[word(given, 'occurrence')] ?? fail('occurrence', given)}`;
    case 'YEARLY':
      return `${monthDay(given)} ${one(MONTHS, 'month', given)} *`;
    default:
      throw wrong(`"type" is none of ON_DEMAND, CRON, DAILY, WEEKLY, MONTHLY_BY_DAY, MONTHLY_BY_WEEKDAY, YEARLY`);
  }
}

function read(text: string): Given {
  try {
    const given: unknown = JSON.parse(text);
    if (typeof given === 'object' && given !== null && !Array.isArray(given)) return { ...given };
  } catch {
    // Told below, like any other text that is no object.
  }
  throw wrong('it is no JSON object');
}

function word(given: Given, name: string): string {
  const value = given[name];
  return typeof value === 'string' ? value : fail(name, given);
}

function clockOf(text: string): string {
  const [, hours, minutes, seconds = '0'] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text) ?? [];
  if (hours === undefined || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59)
    throw wrong(`"time" is not HH:MM`);
  return `${Number(seconds)} ${Number(minutes)} ${Number(hours)}`;
}

function weekday(given: Given): string {
  return one(WEEKDAYS, 'weekday', given).slice(0, 3);
}

function monthDay(given: Given): number {
  const day = Number(given['monthDay']);
  return Number.isInteger(day) && day >= 1 && day <= 31 ? day : fail('monthDay', given);
}

function one(words: readonly string[], name: string, given: Given): string {
  const index = words.indexOf(String(given[name]));
  if (index < 0) return fail(name, given);
  return name === 'month' ? String(index + 1) : String(words[index]);
}

function fail(name: string, given: Given): never {
  throw wrong(`"${name}" is ${JSON.stringify(given[name])}`);
}

function wrong(why: string): GatewayError {
  return new GatewayError('bad-usage', `--schedule-json: ${why.slice(0, 200)}`, {
    remedy: `Write for example ${EXAMPLE}`,
  });
}
