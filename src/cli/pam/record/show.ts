import type { Command } from 'commander';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { findRecord } from '../find-record.ts';
import { renderRecord, reportRecord } from './record-report.ts';

/** `pam record show RECORD`. */
export function showRecordCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'show',
    summary: 'one record with all its fields',
    examples: ['pam record show web-1'],
  });
  return addProfileOptions(command)
    .argument('<record>', 'id or unique title')
    .action(async (named: string, options: ProfileOptions) => {
      const record = reportRecord(
        await withClient(terminal, options, ({ client }) => findRecord(client, named, terminal.signal)),
      );
      if (options.json === true) return terminal.printJson(record);
      terminal.print(renderRecord(record, terminal.style()).join('\n'));
    });
}
