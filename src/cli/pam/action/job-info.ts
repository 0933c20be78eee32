import type { Command } from 'commander';
import { type JobReport, reportJob } from '../../../api/client.ts';
import { GatewayError } from '../../../base/errors.ts';
import { JOB_ID_LENGTH } from '../../../wire/job.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseText } from '../../frame/flags.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatAgo, formatBytes, printable } from '../../frame/text.ts';
import { addProfileOptions, type Connected, type ProfileOptions, withClient } from '../connection.ts';
import { listRecords } from '../find-record.ts';
import { type JobOutput, readOutput } from './job-output.ts';

/** `pam action job-info JOB`: what the pool knows of a job, whichever instance is asked. */
export function jobInfoCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'job-info',
    summary: 'what the pool knows of a job',
    examples: ['pam action job-info Xk2vQ9b1T0mYwz4c5d6e7f', 'pam action job-info Xk2vQ9b1T0mYwz4c5d6e7f --json'],
  }).alias('ji');
  return addProfileOptions(command)
    .argument('<job>', 'id of the job')
    .action(async (jobId: string, options: ProfileOptions) => {
      const job = await withClient(terminal, options, (connected) => findJob(connected, jobId, terminal.signal));
      if (options.json === true) return terminal.printJson(job);
      terminal.print(renderJob(job, terminal.style()).join('\n'));
    });
}

/** The job, with its record's title where the caller may see it. Throws `not-found`. */
export async function findJob(
  { client }: Connected,
  jobId: string,
  signal: AbortSignal,
): Promise<JobReport & JobOutput> {
  parseText(jobId, { flag: 'JOB', max: JOB_ID_LENGTH });
  const { notice } = await client.request({ kind: 'job-info', jobId }, 'job', signal);
  if (notice === null) throw new GatewayError('not-found', `Job "${jobId}" not found`);
  const records = await listRecords(client, notice.recordId, signal);
  return { ...reportJob(notice, { find: () => records }), ...(await readOutput(client, notice, signal)) };
}

/** A fact per line. */
export function renderJob(job: JobReport & JobOutput, { palette, nowUnixMs }: Style): readonly string[] {
  const facts: readonly (readonly [string, string])[] = [
    ['job', job.jobId],
    ['kind', job.kind],
    ['record', job.recordTitle === null ? job.record : `${job.recordTitle} (${job.record})`],
    ['state', job.state],
    ['error', job.error === null ? '–' : `${job.error.code}: ${job.error.message}`],
    ['entry', job.entry],
    ['worker', job.worker ?? '–'],
    ['submitted', formatTime(job.submittedAt, nowUnixMs)],
    ['started', formatTime(job.startedAt, nowUnixMs)],
    ['ended', formatTime(job.endedAt, nowUnixMs)],
    ...work(job),
  ];
  const lines = facts.map(([name, value]) => `${palette.faint(name.padEnd(11))}${printable(value)}`);
  return [...lines, ...formatOutput(job.output)];
}

/** Bytes for what carried some; how far it is, how long it took and what it said for what ran by itself. */
function work(job: JobReport & JobOutput): readonly (readonly [string, string])[] {
  const { progress, startedAt, endedAt, outputMissing } = job;
  if (progress === null) return [['bytes', `${formatBytes(job.bytesIn)} in, ${formatBytes(job.bytesOut)} out`]];
  const tookMs = startedAt === null || endedAt === null ? null : Date.parse(endedAt) - Date.parse(startedAt);
  return [
    ['took', tookMs === null ? '–' : `${(tookMs / 1000).toFixed(1)} s`],
    ['done', `${progress.donePerMille / 10} %`],
    ['message', progress.message || '–'],
    ...(outputMissing === null ? [] : [['output', outputMissing] as const]),
  ];
}

function formatOutput(output: unknown): readonly string[] {
  if (output === null) return [];
  return ['', ...JSON.stringify(output, null, 2).split('\n').map(printable)];
}

function formatTime(at: string | null, nowUnixMs: number): string {
  return at === null ? '–' : `${at} (${formatAgo(at, nowUnixMs)})`;
}
