import type { Command } from 'commander';
import { SEARCH_LENGTH_MAX } from '../../../wire/desk-message.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseText } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { formatDuration, printable } from '../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { askEveryDesk } from '../every-desk.ts';
import { noteSilent } from './list.ts';
import { reportRecording } from './recording-report.ts';

/** `pam recording search TEXT`: where a text was shown. */
export function searchRecordingsCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'search',
    summary: 'where a text was shown, or sent to a database, whatever its case',
    examples: ['pam recording search "rm -rf"'],
  });
  return addProfileOptions(command)
    .argument('<text>', 'what to look for')
    .action(async (typed: string, options: ProfileOptions) => {
      const text = parseText(typed, { flag: 'TEXT', max: SEARCH_LENGTH_MAX });
      const answer = await withClient(terminal, options, ({ client }) =>
        askEveryDesk(client, { kind: 'search-recordings', text }, terminal.signal),
      );
      const found = answer.parts.flatMap(({ instanceId, part }) =>
        part.kind === 'found' ? [{ ...reportRecording(instanceId, part.entry), hits: part.hits }] : [],
      );
      noteSilent(terminal, answer);
      if (options.json === true) return terminal.printJson({ recordings: found, silent: answer.silent });
      for (const { id, title, user, startedAt, hits } of found) {
        terminal.print(`${id}  ${printable(title)}  ${printable(user)}  ${startedAt}`);
        for (const hit of hits) terminal.print(`  at ${formatDuration(hit.atMs)}: ${printable(hit.text)}`);
      }
      if (found.length === 0) terminal.note('Nothing found.');
    });
}
