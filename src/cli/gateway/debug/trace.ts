import type { Command } from 'commander';
import type { TraceReport } from '../../../api/client.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatBytes, formatClock, formatId, printable, shortenIds } from '../../frame/text.ts';
import { defineReportCommand, type ReportOptions, showReport } from './define-report.ts';
import { paintState } from './pool-line.ts';

/** `gateway debug trace JOB`: a job's path across instances. */
export function traceCommand(terminal: Terminal): Command {
  return defineReportCommand({
    name: 'trace',
    summary: "a job's path across the instances, with times",
    examples: ['gateway debug trace 3J98t1WpEZ73CNmQviecrn', 'gateway debug jobs'],
  })
    .argument('<job>', 'id of the job, as gateway debug jobs shows it')
    .action((jobId: string, options: ReportOptions) =>
      showReport(terminal, { ask: { kind: 'trace', jobId }, render: renderTrace }, options),
    );
}

/** One line per step; times are those of the instance it happened on, so a difference between two clocks shows as well. */
export function renderTrace({ jobId, job, steps }: TraceReport, style: Style): readonly string[] {
  const { palette, width, verbose } = style;
  const table = formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'TIME (UTC)' },
      { title: 'AFTER', align: 'right' },
      { title: 'INSTANCE', cutTo: 8 },
      { title: 'STEP' },
      { title: 'DETAIL', cutTo: 10 },
    ],
    rows: steps.map((step, index) => [
      formatClock(step.at, true),
      index === 0 ? '' : `+${Date.parse(step.at) - Date.parse(steps[index - 1]?.at ?? step.at)}ms`,
      `${step.name}${step.name === '' ? '' : ' '}${formatId(step.instanceId, verbose)}`,
      step.what,
      shortenIds(step.detail, verbose),
    ]),
  });
  return [...(job === null ? [`job ${printable(jobId)}`] : describeJob(job, style)), ...table];
}

function describeJob(job: NonNullable<TraceReport['job']>, { palette, verbose }: Style): readonly string[] {
  const state = paintState(job.state, palette)(job.state);
  const title = printable(job.recordTitle ?? job.record);
  const way = `${formatId(job.entry, verbose)} → ${formatId(job.worker, verbose)}`;
  const lines = [
    `${job.kind} of ${title}: ${state}`,
    `entry → worker ${way}, ${formatBytes(job.bytesIn)} in, ${formatBytes(job.bytesOut)} out`,
  ];
  if (job.error !== null) lines.push(palette.bad(printable(`${job.error.code}: ${job.error.message}`)));
  return lines;
}
