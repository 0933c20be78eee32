import type { Command } from 'commander';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, signWithOption, withClient } from '../connection.ts';
import { findRecord } from '../find-record.ts';
import { publishRecord } from './publish-record.ts';

type RemoveOptions = ProfileOptions & { readonly signWith: readonly string[] };

/** `pam record remove RECORD`: nobody can reach it through the gateway any more. */
export function removeRecordCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'remove',
    summary: 'remove a record; sessions that run are not ended',
    examples: ['pam record remove web-1'],
  }).alias('rm');
  return addProfileOptions(command)
    .argument('<record>', 'id or unique title')
    .addOption(signWithOption())
    .action((named: string, options: RemoveOptions) => removeRecord(terminal, named, options));
}

async function removeRecord(terminal: Terminal, named: string, options: RemoveOptions): Promise<void> {
  const { signal } = terminal;
  const removed = await withClient(terminal, options, async (connected) => {
    const before = await findRecord(connected.client, named, signal);
    const { unixMs } = await connected.client.welcome(signal);
    const record = { ...before, deleted: true, revision: before.revision + 1, changedUnixMs: unixMs };
    await publishRecord(connected, record, { signWith: options.signWith, terminal });
    return record;
  });
  if (options.json === true)
    return terminal.printJson({ record: removed.recordId, title: removed.title, removed: true });
  terminal.print(`${printable(removed.title)} (${removed.recordId}) has been removed.`);
}
