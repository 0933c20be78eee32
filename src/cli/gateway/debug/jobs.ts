import type { Command } from 'commander';
import { JOBS_DEFAULT, JOBS_MAX, type JobReport, type JobsReport } from '../../../api/client.ts';
import { parseNumber } from '../../frame/flags.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatAgo, formatBytes, formatDuration, formatId } from '../../frame/text.ts';
import { defineReportCommand, type ReportOptions, showReport } from './define-report.ts';
import { paintState } from './pool-line.ts';

/** `gateway debug jobs`: the latest jobs of the pool. */
export function jobsCommand(terminal: Terminal): Command {
  return defineReportCommand({
    name: 'jobs',
    summary: 'the latest jobs of the pool, newest first',
    examples: ['gateway debug jobs -n 20'],
  })
    .option('-n, --most <number>', `how many at most (default: ${JOBS_DEFAULT})`)
    .action((options: ReportOptions & { readonly most?: string }) => {
      const most =
        options.most === undefined
          ? {}
          : { most: parseNumber(options.most, { flag: '--most', min: 1, max: JOBS_MAX }) };
      return showReport(terminal, { ask: { kind: 'jobs', ...most }, render: renderJobs }, options);
    });
}

/** The table of jobs. */
export function renderJobs({ jobs }: JobsReport, style: Style): readonly string[] {
  const { palette, width, verbose, nowUnixMs } = style;
  if (jobs.length === 0) return ['No jobs yet. Start one with: pam tunnel start RECORD'];
  return formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'JOB' },
      { title: 'KIND' },
      { title: 'RECORD', cutTo: 8 },
      { title: 'STATE', paint: (cell, row) => paintState(jobs[row]?.state ?? '', palette)(cell) },
      { title: 'WORKER' },
      { title: 'ENTRY', dropOrder: 4 },
      { title: 'SUBMITTED', align: 'right', dropOrder: 1 },
      { title: 'TOOK', align: 'right', dropOrder: 2 },
      { title: 'IN', align: 'right', dropOrder: 3 },
      { title: 'OUT', align: 'right', dropOrder: 3 },
      { title: 'ERROR', cutTo: 12 },
    ],
    rows: jobs.map((job) => [
      job.jobId,
      job.kind,
      job.recordTitle ?? job.record,
      job.state,
      formatId(job.worker, verbose),
      formatId(job.entry, verbose),
      formatAgo(job.submittedAt, nowUnixMs),
      formatTook(job, nowUnixMs),
      formatBytes(job.bytesIn),
      formatBytes(job.bytesOut),
      job.error === null ? '' : `${job.error.code}: ${job.error.message}`,
    ]),
  });
}

/** How long a job ran, or runs already. */
export function formatTook(
  { startedAt, endedAt }: Pick<JobReport, 'startedAt' | 'endedAt'>,
  nowUnixMs: number,
): string {
  if (startedAt === null) return '–';
  return formatDuration((endedAt === null ? nowUnixMs : Date.parse(endedAt)) - Date.parse(startedAt));
}
