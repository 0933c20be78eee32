/**
 * Cron patterns: what they mean in a time zone, and whether they can be read. It is *not* concerned with who carries a due time out. The calendar is that of
 * `croner`, the zones are those of the runtime.
 */
import { Cron } from 'croner';
import { GatewayError } from '../base/errors.ts';
import type { CronTimes } from '../core/index.ts';

/** Due times by pattern and zone; what cannot be read is never due. */
export const cronTimes: CronTimes = {
  latest: (pattern, zone, unixMs) => {
    // The reference itself is not among the earlier ones.
    const after = new Date(Math.floor(unixMs / 1000) * 1000 + 1000);
    return ask(pattern, zone, (cron) => cron.previousRuns(1, after)[0]);
  },
  next: (pattern, zone, unixMs) => ask(pattern, zone, (cron) => cron.nextRun(new Date(unixMs))),
};

/** Throws `bad-usage` for a pattern or a zone that cannot be read, and for one that is never due. */
export function assertCron(pattern: string, zone: string, flag: string): void {
  if (ask(pattern, zone, (cron) => cron.nextRun()) !== null) return;
  throw new GatewayError('bad-usage', `${flag}: "${pattern}" in ${zone} is never due`, {
    remedy:
      'Fields: second, minute, hour, day, month, day of the week; for example "0 0 3 * * SUN" --zone Europe/Zurich.',
  });
}

/** Null also for a pattern or a zone that the library refuses: it throws when it reads the one, and when it uses the other. */
function ask(pattern: string, zone: string, question: (cron: Cron) => Date | null | undefined): number | null {
  try {
    const cron = new Cron(pattern, { mode: '6-part', timezone: zone, paused: true });
    return question(cron)?.getTime() ?? null;
  } catch {
    return null;
  }
}
