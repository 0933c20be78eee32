import type { Command } from 'commander';
import { GatewayError } from '../../../../base/errors.ts';
import { formatUnixMs } from '../../../../base/stamp.ts';
import { isFinal, JOB_ID_LENGTH, type JobNotice } from '../../../../wire/job.ts';
import { defineCommand } from '../../../frame/command-tree.ts';
import { parseText, requireFlag } from '../../../frame/flags.ts';
import type { Style, Terminal } from '../../../frame/terminal.ts';
import { printable } from '../../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../../connection.ts';
import { readOutput } from '../job-output.ts';
import { readFindings, renderFindings } from './findings.ts';

type StatusOptions = ProfileOptions & { readonly job?: string };

const EXAMPLE = 'pam action discover status -j Xk2vQ9b1T0mYwz4c5d6e7f';

/** `pam action discover status`: how far a discovery is, and what it has found. */
export function discoveryStatusCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'status',
    summary: 'how far a discovery is, and what it has found',
    examples: [EXAMPLE],
  }).alias('st');
  return addProfileOptions(command)
    .option('-j, --job <JOB>', 'id of the discovery')
    .action(async (options: StatusOptions) => {
      const jobId = parseText(requireFlag(options.job, '--job', EXAMPLE), { flag: '--job', max: JOB_ID_LENGTH });
      const { notice, output, outputMissing } = await withClient(terminal, options, async ({ client }) => {
        const found = await client.request({ kind: 'job-info', jobId }, 'job', terminal.signal);
        if (found.notice?.kind !== 'discovery') throw new GatewayError('not-found', `Discovery "${jobId}" not found`);
        return { notice: found.notice, ...(await readOutput(client, found.notice, terminal.signal)) };
      });
      const findings = readFindings(output);
      if (options.json === true) return terminal.printJson({ ...reportState(notice), outputMissing, ...findings });
      const shown = output === null ? [] : renderFindings(findings, terminal.style());
      const missing = outputMissing === null ? [] : [outputMissing];
      terminal.print([...renderState(notice, terminal.style()), ...shown, ...missing].join('\n'));
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
