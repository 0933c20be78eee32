import type { Command } from 'commander';
import { defineCommand } from '../../frame/command-tree.ts';
import { requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { findRecord } from '../find-record.ts';
import { renderRotation, reportRotation } from './report.ts';
import { listSchedules } from './schedules.ts';

const EXAMPLE = 'pam rotation info -r orders-db';

/** `pam rotation info -r RECORD`: how a record is rotated. */
export function rotationInfoCommand(terminal: Terminal): Command {
  const command = defineCommand({ name: 'info', summary: 'how a record is rotated', examples: [EXAMPLE] }).alias('i');
  return addProfileOptions(command)
    .option('-r, --record <RECORD>', 'id or unique title')
    .action(async (options: ProfileOptions & { readonly record?: string }) => {
      const named = requireFlag(options.record, '--record', EXAMPLE);
      const report = await withClient(terminal, options, async ({ client }) => {
        const record = await findRecord(client, named, terminal.signal);
        const [row] = await listSchedules(client, record.recordId, terminal.signal);
        return reportRotation(record, row);
      });
      if (options.json === true) return terminal.printJson(report);
      terminal.print(renderRotation(report, terminal.style()).join('\n'));
    });
}
