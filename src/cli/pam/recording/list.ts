import type { Command } from 'commander';
import { compareText } from '../../../base/bytes.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { formatId, printable } from '../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { askEveryDesk, type EveryAnswer } from '../every-desk.ts';
import { renderRecordings, reportRecording } from './recording-report.ts';

/** `pam recording list`: recordings on all instances. */
export function listRecordingsCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'list',
    summary: 'recordings on all instances: all for an admin, your own for anybody else',
    examples: ['pam recording list', 'pam recording list --json'],
  });
  return addProfileOptions(command).action(async (options: ProfileOptions) => {
    const answer = await withClient(terminal, options, ({ client }) =>
      askEveryDesk(client, { kind: 'list-recordings' }, terminal.signal),
    );
    const recordings = answer.parts
      .flatMap(({ instanceId, part }) => (part.kind === 'recording' ? [reportRecording(instanceId, part.entry)] : []))
      .sort((left, right) => compareText(right.startedAt, left.startedAt) || compareText(left.id, right.id));
    noteSilent(terminal, answer);
    if (options.json === true) return terminal.printJson({ recordings, silent: answer.silent });
    terminal.print(renderRecordings(recordings, terminal.style()).join('\n'));
  });
}

/** Says which instances are missing in an answer: what they hold is not in it. */
export function noteSilent(terminal: Terminal, { silent }: EveryAnswer): void {
  for (const { instanceId, reason } of silent) {
    terminal.note(
      `Instance ${formatId(instanceId, false)} did not answer (${printable(reason)}): what it has is missing here.`,
    );
  }
}
