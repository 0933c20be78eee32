/** `pam record`: what can be reached through the gateway. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addRecordCommand } from './add.ts';
import { editRecordCommand } from './edit.ts';
import { exportRecordsCommand } from './export.ts';
import { importRecordsCommand } from './import.ts';
import { listRecordsCommand } from './list.ts';
import { removeRecordCommand } from './remove.ts';
import { showRecordCommand } from './show.ts';

/** The group and its commands. */
export function recordGroup(terminal: Terminal): Command {
  return defineGroup(
    { name: 'record', summary: 'machines, databases and others that can be reached', examples: ['pam record list'] },
    [
      addRecordCommand(terminal),
      listRecordsCommand(terminal),
      showRecordCommand(terminal),
      editRecordCommand(terminal),
      removeRecordCommand(terminal),
      importRecordsCommand(terminal),
      exportRecordsCommand(terminal),
    ],
  );
}
