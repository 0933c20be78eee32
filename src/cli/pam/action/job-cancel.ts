import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import type { AccessClient } from '../../../access/client/index.ts';
import { GatewayError } from '../../../base/errors.ts';
import { ERROR_TEXT_MAX } from '../../../wire/bounds.ts';
import { isFinal, JOB_ID_LENGTH, type JobState } from '../../../wire/job.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseText } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { findJob } from './await-job.ts';

/** Looks at the parts of a discovery until all have ended. */
const LOOKS_MAX = 20;
const LOOK_MS = 500;

/** `pam action job-cancel JOB`: ends a job wherever it runs. */
export function jobCancelCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'job-cancel',
    summary: 'end a job wherever it runs, or a discovery with all its parts',
    examples: ['pam action job-cancel Xk2vQ9b1T0mYwz4c5d6e7f --reason "wrong host"'],
  }).alias('jc');
  return addProfileOptions(command)
    .argument('<job>', 'id of the job')
    .option('--reason <TEXT>', 'why, for the record of the job', 'cancelled by its caller')
    .action(async (text: string, options: ProfileOptions & { readonly reason: string }) => {
      const jobId = parseText(text, { flag: 'JOB', max: JOB_ID_LENGTH });
      const reason = parseText(options.reason, { flag: '--reason', max: ERROR_TEXT_MAX });
      const state = await withClient(terminal, options, ({ client }) =>
        cancel(client, { jobId, reason }, terminal.signal),
      );
      if (options.json === true) return terminal.printJson({ jobId, state, cancelled: state === 'cancelled' });
      terminal.print(`${jobId}: ${state}`);
    });
}

interface Asked {
  readonly jobId: string;
  readonly reason: string;
}

/** What became of the job: it may have ended by itself a moment earlier. */
async function cancel(client: AccessClient, { jobId, reason }: Asked, signal: AbortSignal): Promise<JobState> {
  const known = await findJob(client, jobId, signal);
  // A discovery in one piece goes on as a part of itself where its worker was lost.
  const goesOn = known === null || (known.kind === 'discovery' && known.state === 'lost');
  if (goesOn) return cancelParts(client, { jobId, reason }, signal);
  const { notice } = await client.request({ kind: 'job-cancel', jobId, reason }, 'job', signal);
  return notice?.state ?? 'cancelled';
}

/** No part follows one that was cancelled; one that is done at that moment is followed by another, which the next look finds. */
async function cancelParts(client: AccessClient, { jobId, reason }: Asked, signal: AbortSignal): Promise<JobState> {
  for (let look = 1; ; look++) {
    const asked = { kind: 'list-jobs', jobKind: 'discovery', parent: jobId } as const;
    const { notices } = await client.request(asked, 'jobs', signal);
    if (notices.length === 0) throw new GatewayError('not-found', `job ${jobId} is not known to this gateway`);
    const open = notices.filter(({ state }) => !isFinal(state));
    if (open.length === 0) return notices.some(({ state }) => state === 'cancelled') ? 'cancelled' : 'succeeded';
    if (look > LOOKS_MAX)
      throw new GatewayError('outcome-unknown', `${open.length} parts of discovery ${jobId} do not end`);
    for (const part of open) await client.request({ kind: 'job-cancel', jobId: part.jobId, reason }, 'job', signal);
    await delay(LOOK_MS, undefined, { signal });
  }
}
