/** Schedules as people write them. */

import { describe, expect, it } from 'vitest';
import { type ScheduleOptions, scheduleChanges } from '../../../../src/cli/pam/rotation/schedule-flags.ts';
import { readSchedule } from '../../../../src/wire/rotation-schedule.ts';

const NOW = 1_750_000_000_123;

async function labels(options: ScheduleOptions): Promise<Record<string, string>> {
  const changes = await scheduleChanges(options, NOW);
  return Object.fromEntries(Object.entries(changes).flatMap(([key, value]) => (value == null ? [] : [[key, value]])));
}

const json = (given: object): ScheduleOptions => ({ scheduleJson: JSON.stringify(given) });

describe('a schedule', () => {
  it.each<[ScheduleOptions, string]>([
    [{ every: '30d' }, 'every 30d'],
    [{ scheduleCron: '0 0 3 * * MON-FRI' }, 'cron 0 0 3 * * MON-FRI UTC'],
    [{ scheduleCron: '15 3 * * 0', zone: 'Europe/Zurich' }, 'cron 0 15 3 * * 0 Europe/Zurich'],
    [{ scheduleCron: '0 0 3 ? * 1' }, 'cron 0 0 3 * * SUN UTC'],
    [{ scheduleCron: '0 0 3 ? * 2-6' }, 'cron 0 0 3 * * MON-FRI UTC'],
    [{ scheduleCron: '0 0 3 ? * 2#1' }, 'cron 0 0 3 * * MON#1 UTC'],
    [json({ type: 'DAILY', time: '03:05' }), 'cron 0 5 3 * * * UTC'],
    [
      json({ type: 'WEEKLY', weekday: 'SUNDAY', time: '10:00', tz: 'Europe/London' }),
      'cron 0 0 10 * * SUN Europe/London',
    ],
    [json({ type: 'MONTHLY_BY_DAY', monthDay: 31, time: '1:00:07' }), 'cron 7 0 1 31 * * UTC'],
    [
      json({ type: 'MONTHLY_BY_WEEKDAY', weekday: 'FRIDAY', occurrence: 'LAST', time: '22:30' }),
      'cron 0 30 22 * * FRI#L UTC',
    ],
    [json({ type: 'YEARLY', month: 'FEBRUARY', monthDay: 1, time: '0:00' }), 'cron 0 0 0 1 2 * UTC'],
    [json({ type: 'CRON', cron: '0 0 4 ? * SUN', tz: 'Asia/Tokyo' }), 'cron 0 0 4 * * SUN Asia/Tokyo'],
  ])('%o is %s', async (options, expected) => {
    const set = await labels(options);
    const zone = set['rotation.zone'];
    expect(`${set['rotation.schedule']}${zone === undefined ? '' : ` ${zone}`}`).toBe(expected);
    expect(set['rotation.from']).toBe('1750000000000');
    const read = readSchedule({ labels: Object.entries(set).map(([key, value]) => ({ key, value })), deleted: false });
    expect(read).toMatchObject({ kind: expected.split(' ')[0], fromUnixMs: 1_750_000_000_000 });
  });

  it.each<[ScheduleOptions, string]>([
    [{ every: '59s' }, '--every'],
    [{ every: '30d', onDemand: true }, 'exclude each other'],
    [{ zone: 'UTC' }, '--zone belongs to'],
    [{ jitter: '25h' }, '--jitter'],
    [{ jitter: '5m', onDemand: true }, 'no due times'],
    [json([]), 'no JSON object'],
    [json({ type: 'DAILY', time: '24:00' }), '"time"'],
    [json({ type: 'DAILY', time: '03:00', intervalCount: 2 }), '"intervalCount"'],
    [json({ type: 'WEEKLY', weekday: 'SOMEDAY', time: '03:00' }), '"weekday"'],
    [json({ type: 'MONTHLY_BY_DAY', monthDay: 32, time: '03:00' }), '"monthDay"'],
    [json({ type: 'MONTHLY_BY_WEEKDAY', weekday: 'FRIDAY', occurrence: 'FIFTH', time: '03:00' }), '"occurrence"'],
  ])('%o is refused', (options, why) => expect(labels(options)).rejects.toThrow(why));

  it('is taken away with its jitter, and left alone where nothing is said', async () => {
    const demanded = await scheduleChanges({ onDemand: true }, NOW);
    expect(Object.values(demanded).filter((value) => value === null)).toHaveLength(4);
    expect(
      Object.values(await scheduleChanges({ afterSession: 'off' }, NOW)).filter((value) => value !== undefined),
    ).toEqual([null]);
  });
});
