/**
 * Cron patterns: what they mean in a time zone, and whether they can be read. It is *not* concerned with who carries a due time out. The calendar is that of
 * `croner`, the zones are those of the runtime.
 */
import { Cron } from 'croner';
import { GatewayError } from '../base/errors.ts';
import type { CronTimes } from '../core/index.ts';

/** Due times by pattern and zone; a pattern that cannot be read is never due. */
export const cronTimes: CronTimes = {
  latest: (pattern, zone, unixMs) => {
    // The reference itself is not among the earlier ones.
    const after = new Date(Math.floor(unixMs / 1000) * 1000 + 1000);
    return read(pattern, zone)?.previousRuns(1, after)[0]?.getTime() ?? null;
  },
  next: (pattern, zone, unixMs) => read(pattern, zone)?.nextRun(new Date(unixMs))?.getTime() ?? null,
};

/** Throws `bad-usage` for a pattern or a zone that cannot be read, and for one that is never due. */
export function assertCron(pattern: string, zone: string, flag: string): void {
  if (read(pattern, zone)?.nextRun() instanceof Date) return;
  throw new GatewayError('bad-usage', `${flag}: "${pattern}" in ${zone} is never due`, {
    remedy:
      'Six fields: second, minute, hour, day, month, day of the week; for example "0 0 3 ? * SUN" and --zone Europe/Zurich.',
  });
}

function read(pattern: string, zone: string): Cron | undefined {
  try {
    return new Cron(pattern, { mode: '6-part', timezone: zone, paused: true });
  } catch {
    return undefined;
  }
}
