/** Pure: jobs, their paths, and events. */
import { formatUnixMs } from '../../base/stamp.ts';
import type { PoolView, RecordsView } from '../../core/index.ts';
import type { JobNotice, TraceStep } from '../../wire/job.ts';
import type { TimedNote } from '../event-list.ts';
import type { EventsReport, JobReport, TraceReport } from './report.ts';

/** One job as every program shows it. */
export function reportJob(notice: JobNotice, records: Pick<RecordsView, 'find'>): JobReport {
  return {
    jobId: notice.jobId,
    kind: notice.kind,
    record: notice.recordId,
    recordTitle: records.find(notice.recordId)[0]?.title ?? null,
    state: notice.state,
    entry: notice.entry,
    worker: notice.worker,
    parent: notice.parent,
    caller: notice.caller,
    submittedAt: formatUnixMs(notice.submittedUnixMs),
    startedAt: formatOptional(notice.startedUnixMs),
    endedAt: formatOptional(notice.endedUnixMs),
    error: notice.error,
    bytesIn: notice.bytesIn,
    bytesOut: notice.bytesOut,
    progress: notice.progress,
  };
}

/** A job's path across instances, in the order of their clocks. */
export function reportTrace(
  jobId: string,
  found: {
    readonly job: JobReport | null;
    readonly steps: readonly TraceStep[];
    readonly members: PoolView['members'];
  },
): TraceReport {
  const names = new Map<string, string>(found.members.map(({ record }) => [record.instanceId, record.name]));
  const inOrder = [...found.steps].sort((left, right) => left.atUnixMs - right.atUnixMs);
  const steps = inOrder.map(({ atUnixMs, instanceId, what, detail }) => ({
    at: formatUnixMs(atUnixMs),
    instanceId,
    name: names.get(instanceId) ?? '',
    what,
    detail,
  }));
  return { jobId, job: found.job, steps };
}

/** Events, oldest first. */
export function reportEvents(notes: readonly TimedNote[]): EventsReport {
  return {
    events: notes.map(({ atUnixMs, level, event, detail }) => ({ at: formatUnixMs(atUnixMs), level, event, detail })),
  };
}

function formatOptional(unixMs: number | null): string | null {
  return unixMs === null ? null : formatUnixMs(unixMs);
}
