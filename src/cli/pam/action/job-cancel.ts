import type { Command } from 'commander';
import { ERROR_TEXT_MAX } from '../../../wire/bounds.ts';
import { JOB_ID_LENGTH } from '../../../wire/job.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseText } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';

/** `pam action job-cancel JOB`: ends a job wherever it runs. */
export function jobCancelCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'job-cancel',
    summary: 'end a job wherever it runs',
    examples: ['pam action job-cancel Xk2vQ9b1T0mYwz4c5d6e7f --reason "wrong host"'],
  }).alias('jc');
  return addProfileOptions(command)
    .argument('<job>', 'id of the job')
    .option('--reason <TEXT>', 'why, for the record of the job', 'cancelled by its caller')
    .action(async (text: string, options: ProfileOptions & { readonly reason: string }) => {
      const jobId = parseText(text, { flag: 'JOB', max: JOB_ID_LENGTH });
      const reason = parseText(options.reason, { flag: '--reason', max: ERROR_TEXT_MAX });
      const { notice } = await withClient(terminal, options, ({ client }) =>
        client.request({ kind: 'job-cancel', jobId, reason }, 'job', terminal.signal),
      );
      // A job may have ended by itself a moment earlier: then that is what became of it.
      const state = notice?.state ?? 'cancelled';
      if (options.json === true) return terminal.printJson({ jobId, state, cancelled: state === 'cancelled' });
      terminal.print(`${jobId}: ${state}`);
    });
}
