/** Pure: due times of a schedule, and the ids of the jobs that instances make by themselves. */
import { sha256 } from '../../base/bytes.ts';
import { derivedId } from '../../base/ids.ts';
import type { TargetRecord } from '../../wire/record.ts';
import type { Schedule } from '../../wire/rotation-schedule.ts';

/** What a cron pattern means depends on calendars and time zones, which the core does not know: a power that it is given. Whole seconds; null: never. */
export interface CronTimes {
  /** The last due time at or before this moment. */
  latest(pattern: string, zone: string, unixMs: number): number | null;
  /** The first due time after this moment. */
  next(pattern: string, zone: string, unixMs: number): number | null;
}

/** The last due time at or before this moment; null: none since the schedule was set. */
export function latestDue(schedule: Schedule, unixMs: number, cron: CronTimes): number | null {
  const { fromUnixMs } = schedule;
  if (schedule.kind === 'cron') {
    const due = cron.latest(schedule.pattern, schedule.zone, unixMs);
    return due === null || due <= fromUnixMs ? null : due;
  }
  const periods = Math.floor((unixMs - fromUnixMs) / schedule.periodMs);
  return periods < 1 ? null : fromUnixMs + periods * schedule.periodMs;
}

/** The first due time after this moment; null: never again. */
export function nextDue(schedule: Schedule, unixMs: number, cron: CronTimes): number | null {
  const after = Math.max(unixMs, schedule.fromUnixMs);
  if (schedule.kind === 'cron') return cron.next(schedule.pattern, schedule.zone, after);
  const periods = Math.floor((after - schedule.fromUnixMs) / schedule.periodMs);
  return schedule.fromUnixMs + (periods + 1) * schedule.periodMs;
}

/** How long after its due times this record begins: from nothing to the schedule's jitter, always the same for one record. */
export function delayOf({ recordId }: Pick<TargetRecord, 'recordId'>, { jitterMs }: Schedule): number {
  const [a = 0, b = 0, c = 0, d = 0] = sha256(`jitter|${recordId}`);
  return (((a * 256 + b) * 256 + c) * 256 + d) % (jitterMs + 1);
}

/** The id of the job that carries out one due time of a record: the same whoever makes it. */
export function dueJobId(gatewayUid: string, recordId: string, dueUnixMs: number): string {
  return derivedId(`due|${gatewayUid}|${recordId}|${dueUnixMs}`);
}

/** The id of the rotation that follows a session. */
export function afterSessionJobId(gatewayUid: string, sessionJobId: string): string {
  return derivedId(`after-session|${gatewayUid}|${sessionJobId}`);
}
