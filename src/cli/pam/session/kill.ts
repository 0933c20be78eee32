import type { Command } from 'commander';
import { ERROR_TEXT_MAX } from '../../../wire/bounds.ts';
import { JOB_ID_LENGTH } from '../../../wire/job.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseText } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';

/** `pam session kill SESSION`: ends a session wherever it runs; whoever sits there is told why. */
export function killSessionCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'kill',
    summary: 'end a session wherever it runs, with a message for whoever sits there',
    examples: ['pam session kill Xk2vQ9b1T0mYwz4c5d6e7f --message "maintenance begins"'],
  });
  return addProfileOptions(command)
    .argument('<session>', 'id of the session')
    .option('--message <TEXT>', 'what the person is told', 'ended by an administrator')
    .action(async (text: string, options: ProfileOptions & { readonly message: string }) => {
      const jobId = parseText(text, { flag: 'SESSION', max: JOB_ID_LENGTH });
      const reason = parseText(options.message, { flag: '--message', max: ERROR_TEXT_MAX });
      const { notice } = await withClient(terminal, options, ({ client }) =>
        client.request({ kind: 'job-cancel', jobId, reason }, 'job', terminal.signal),
      );
      const state = notice?.state ?? 'cancelled';
      if (options.json === true) return terminal.printJson({ jobId, state });
      terminal.print(`${jobId}: ${state}`);
    });
}
