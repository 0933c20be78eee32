import type { Command } from 'commander';
import { compareText } from '../../../base/bytes.ts';
import { readProfile } from '../../../wire/rotation-profile.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { formatTable } from '../../frame/table.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { listRecords } from '../find-record.ts';

/** `pam rotation script`: which records run which scripts. They are set with `pam rotation edit`. */
export function rotationScriptCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'script',
    summary: 'scripts that records run when they are rotated; set with "rotation edit --script, --before, --after"',
    examples: ['pam rotation script'],
  }).alias('s');
  return addProfileOptions(command).action(async (options: ProfileOptions) => {
    const records = await withClient(terminal, options, ({ client }) => listRecords(client, null, terminal.signal));
    const scripts = records
      .flatMap((record) => {
        const { script, before, after } = readProfile(record);
        if (script === null && before === null && after === null) return [];
        return [{ record: record.recordId, title: record.title, script, before, after }];
      })
      .sort((a, b) => compareText(a.title, b.title) || compareText(a.record, b.record));
    if (options.json === true) return terminal.printJson({ scripts });
    if (scripts.length === 0) return terminal.print('No record runs a script when it is rotated.');
    const { width, palette } = terminal.style();
    const lines = formatTable({
      width,
      paintTitle: palette.faint,
      columns: [
        { title: 'RECORD', dropOrder: 1 },
        { title: 'TITLE', cutTo: 8 },
        { title: 'SCRIPT' },
        { title: 'BEFORE' },
        { title: 'AFTER' },
      ],
      rows: scripts.map(({ record, title, script, before, after }) => [
        record,
        title,
        ...[script, before, after].map((name) => name ?? '–'),
      ]),
    });
    terminal.print(lines.join('\n'));
  });
}
