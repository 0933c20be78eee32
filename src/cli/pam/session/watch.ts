import type { Command } from 'commander';
import { JOB_ID_LENGTH } from '../../../wire/job.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseText } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { askTheDeskThatKnows } from '../every-desk.ts';
import { castEvents, showEvent } from '../recording/cast-events.ts';

/** `pam session watch SESSION`: what a session shows, from now on; nothing can be typed. */
export function watchSessionCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'watch',
    summary: 'see what a session shows from now on, without touching it; Ctrl-C ends the watching',
    examples: ['pam session watch Xk2vQ9b1T0mYwz4c5d6e7f'],
  });
  return addProfileOptions(command)
    .argument('<session>', 'id of the session')
    .action(async (text: string, options: ProfileOptions) => {
      const jobId = parseText(text, { flag: 'SESSION', max: JOB_ID_LENGTH });
      await withClient(terminal, options, async ({ client }) => {
        const parts = askTheDeskThatKnows(client, { kind: 'watch-session', jobId }, terminal.signal);
        for await (const event of castEvents(parts, () => undefined)) showEvent(event, process.stdout);
        terminal.note('\r\nThe session has ended.');
      });
    });
}
