import type { Command } from 'commander';
import { compareText } from '../../../base/bytes.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseWord } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { listRecords } from '../find-record.ts';
import { renderRecords, reportRecord } from './record-report.ts';

/** `pam record list`: what can be reached. */
export function listRecordsCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'list',
    summary: 'records that you may see',
    examples: ['pam record list', 'pam record list --json'],
  });
  return addProfileOptions(command)
    .option('--format <FORMAT>', 'table or json', 'table')
    .action(async (options: ProfileOptions & { readonly format: string }) => {
      const format = parseWord(options.format, '--format', ['table', 'json']);
      const found = await withClient(terminal, options, ({ client }) => listRecords(client, null, terminal.signal));
      const records = found
        .map(reportRecord)
        .sort((left, right) => compareText(left.title, right.title) || compareText(left.record, right.record));
      if (options.json === true || format === 'json') return terminal.printJson({ records });
      terminal.print(renderRecords(records, terminal.style()).join('\n'));
    });
}
