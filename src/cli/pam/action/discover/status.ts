import type { Command } from 'commander';
import { formatUnixMs } from '../../../../base/stamp.ts';
import { isFinal, JOB_ID_LENGTH, type JobNotice } from '../../../../wire/job.ts';
import { defineCommand } from '../../../frame/command-tree.ts';
import { parseText } from '../../../frame/flags.ts';
import { formatTable } from '../../../frame/table.ts';
import type { Style, Terminal } from '../../../frame/terminal.ts';
import { formatAgo, printable } from '../../../frame/text.ts';
import { addProfileOptions, type Connected, type ProfileOptions, withClient } from '../../connection.ts';
import { NOTHING_FOUND, renderFindings } from './findings.ts';
import { joinNotices, latestOfParts, mayGoOn, readDiscovery } from './parts/read-discovery.ts';

type StatusOptions = ProfileOptions & { readonly job?: string };

/** `pam action discover status`: the discoveries that the pool knows, or how far one is and what it has found. */
export function discoveryStatusCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'status',
    summary: 'the discoveries that the pool knows, or one of them with what it has found',
    examples: ['pam action discover status', 'pam action discover status -j Xk2vQ9b1T0mYwz4c5d6e7f'],
  }).alias('st');
  return addProfileOptions(command)
    .option('-j, --job <JOB>', 'id of the discovery')
    .action((options: StatusOptions) => {
      const { job } = options;
      if (job === undefined) return showAll(terminal, options);
      return showOne(terminal, options, parseText(job, { flag: '--job', max: JOB_ID_LENGTH }));
    });
}

async function showOne(terminal: Terminal, options: StatusOptions, jobId: string): Promise<void> {
  const { notice, findings, outputMissing } = await withClient(terminal, options, (connected) =>
    readDiscovery(connected, jobId, terminal.signal),
  );
  if (options.json === true)
    return terminal.printJson({ ...reportState(notice), outputMissing, ...(findings ?? NOTHING_FOUND) });
  const shown = findings === null ? [] : renderFindings(findings, terminal.style());
  const missing = outputMissing === null ? [] : [outputMissing];
  terminal.print([...renderState(notice, terminal.style()), ...shown, ...missing].join('\n'));
}

async function showAll(terminal: Terminal, options: StatusOptions): Promise<void> {
  const known = await withClient(terminal, options, async (connected) => {
    const asked = { kind: 'list-jobs', jobKind: 'discovery', parent: null } as const;
    const { notices } = await connected.client.request(asked, 'jobs', terminal.signal);
    return joinParts(connected, notices, terminal.signal);
  });
  const discoveries = known.map(reportState);
  if (options.json === true) return terminal.printJson({ discoveries });
  terminal.print(renderAll(discoveries, terminal.style()).join('\n'));
}

/** Newest first, those that were cut in one line. */
async function joinParts(
  connected: Connected,
  notices: readonly JobNotice[],
  signal: AbortSignal,
): Promise<readonly JobNotice[]> {
  const byRun = new Map<string, JobNotice[]>();
  for (const notice of notices) {
    const run = notice.parent ?? notice.jobId;
    byRun.set(run, [...(byRun.get(run) ?? []), notice]);
  }
  const joined: JobNotice[] = [];
  for (const [run, jobs] of byRun) {
    const [only] = jobs;
    const parts = latestOfParts(jobs);
    const nowUnixMs = Date.now();
    if (jobs.length === 1 && only?.parent === null) joined.push(only);
    // How many parts were wanted, only their outputs tell: asked for where the next one may be about to begin.
    else if (mayGoOn(parts, nowUnixMs)) joined.push((await readDiscovery(connected, run, signal)).notice);
    else joined.push(joinNotices(run, parts, { of: parts.length, nowUnixMs }));
  }
  return joined;
}

function renderAll(
  discoveries: readonly ReturnType<typeof reportState>[],
  { palette, width, nowUnixMs }: Style,
): readonly string[] {
  if (discoveries.length === 0)
    return ['No discoveries. Begin one with: pam action discover start --target CIDR --wait'];
  return formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'JOB' },
      { title: 'STATE' },
      { title: 'DONE', align: 'right' },
      { title: 'STARTED', align: 'right', dropOrder: 1 },
      { title: 'MESSAGE', cutTo: 20, dropOrder: 2 },
    ],
    rows: discoveries.map(({ jobId, state, donePerMille, startedAt, message, error }) => [
      jobId,
      state,
      state === 'succeeded' ? '100 %' : `${donePerMille / 10} %`,
      startedAt === null ? '–' : formatAgo(startedAt, nowUnixMs),
      error?.message ?? message,
    ]),
  });
}

function reportState({ jobId, state, error, worker, startedUnixMs, endedUnixMs, progress }: JobNotice) {
  const at = (unixMs: number | null): string | null => (unixMs === null ? null : formatUnixMs(unixMs));
  return {
    jobId,
    state,
    error,
    worker,
    startedAt: at(startedUnixMs),
    endedAt: at(endedUnixMs),
    message: progress?.message ?? '',
    donePerMille: progress?.donePerMille ?? 0,
  };
}

function renderState(notice: JobNotice, { palette }: Style): readonly string[] {
  const { jobId, state, error, message, donePerMille, startedAt, endedAt } = reportState(notice);
  const done = isFinal(notice.state) ? '' : `, ${donePerMille / 10} % done`;
  const took =
    startedAt === null || endedAt === null
      ? ''
      : `, ${((Date.parse(endedAt) - Date.parse(startedAt)) / 1000).toFixed(1)} s`;
  const next = state === 'succeeded' ? [palette.faint(`Next: pam action discover process -j ${jobId}`)] : [];
  return [
    `${palette.strong(jobId)} ${state}${done}${took}`,
    ...(message === '' ? [] : [printable(message)]),
    ...(error === null ? [] : [printable(`${error.code}: ${error.message}`)]),
    ...next,
  ];
}
