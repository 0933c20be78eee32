import type { Command } from 'commander';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { listRecords } from '../find-record.ts';
import { reportRecord } from './record-report.ts';

/** `pam record export`: all records the caller may see, one JSON document a line, as `import` reads them. Secrets are not among them. */
export function exportRecordsCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'export',
    summary: 'all records as JSON lines, without secrets',
    examples: ['pam record export > records.jsonl'],
  });
  return addProfileOptions(command).action(async (options: ProfileOptions) => {
    const records = await withClient(terminal, options, ({ client }) => listRecords(client, null, terminal.signal));
    if (options.json === true) return terminal.printJson({ records: records.map(reportRecord) });
    for (const record of records.map(reportRecord)) terminal.printJson(record, { line: true });
    terminal.note(`${records.length} records. Secrets are not exported: pam record show RECORD --reveal prints one.`);
  });
}
