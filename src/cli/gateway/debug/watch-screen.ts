/** Pure: the picture that `gateway debug watch` draws. */
import type { AdmissionReport, EventsReport, JobsReport, MembersReport, PoolReport } from '../../../api/client.ts';
import type { Style } from '../../frame/terminal.ts';
import { formatClock } from '../../frame/text.ts';
import { renderEvents } from './events.ts';
import { renderJobs } from './jobs.ts';
import { renderMembers } from './members.ts';
import { formatPoolLine } from './pool-line.ts';

/** What one look has found. */
export interface WatchReports {
  readonly pool: PoolReport;
  readonly members: MembersReport;
  readonly admission: AdmissionReport;
  readonly jobs: JobsReport;
  readonly events: EventsReport;
  /** Why this picture is not of now; null while it is. */
  readonly problem: string | null;
}

const JOBS_LEAST = 4;

/** Members first and whole where they fit; what is left of the screen is shared by jobs and events. */
export function renderWatch(reports: WatchReports, style: Style, rows: number): readonly string[] {
  const { palette, nowUnixMs } = style;
  const clock = palette.faint(`${formatClock(new Date(nowUnixMs).toISOString())} UTC   q leaves`);
  const head = [
    `${formatPoolLine(reports.pool, style)}   ${clock}`,
    ...(reports.problem === null ? [] : [palette.bad(`not of now: ${reports.problem}`)]),
    ...(reports.admission.hint === null ? [] : [palette.warning(reports.admission.hint)]),
    '',
    ...renderMembers(reports.members, style),
  ];
  const left = Math.max(0, rows - head.length - 2);
  const jobs = renderJobs(reports.jobs, style).slice(0, Math.max(JOBS_LEAST, Math.ceil(left / 2)));
  const events = renderEvents(reports.events, style);
  const eventRows = Math.max(0, left - jobs.length);
  return [...head, '', ...jobs, '', ...(eventRows === 0 ? [] : events.slice(-eventRows))].slice(0, rows);
}
