import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, signWithOption, withClient } from '../connection.ts';
import { findRecord } from '../find-record.ts';
import { addFieldOptions, type FieldOptions, parseFields } from './fields.ts';
import { publishRecord } from './publish-record.ts';
import { reportRecord } from './record-report.ts';

type EditOptions = ProfileOptions & FieldOptions & { readonly signWith: readonly string[] };

/** `pam record edit RECORD`: changes the fields that are given. */
export function editRecordCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'edit',
    summary: 'change fields of a record; labels are replaced as a whole',
    examples: ['pam record edit web-1 --host 10.0.0.6', 'pam record edit web-1 --title web-one'],
  });
  return addProfileOptions(addFieldOptions(command))
    .argument('<record>', 'id or unique title')
    .addOption(signWithOption())
    .action((named: string, options: EditOptions) => editRecord(terminal, named, options));
}

async function editRecord(terminal: Terminal, named: string, options: EditOptions): Promise<void> {
  const changes = parseFields(options);
  if (Object.keys(changes).length === 0) {
    throw new GatewayError('bad-usage', 'nothing to change', {
      remedy: 'Give at least one of --title, --host, --port, --protocol, --type, --user, --label.',
    });
  }
  const { signal } = terminal;
  const changed = await withClient(terminal, options, async (connected) => {
    const before = await findRecord(connected.client, named, signal);
    const { unixMs } = await connected.client.welcome(signal);
    const record = { ...before, ...changes, revision: before.revision + 1, changedUnixMs: unixMs };
    await publishRecord(connected, record, { signWith: options.signWith, signal });
    return record;
  });
  if (options.json === true) return terminal.printJson(reportRecord(changed));
  terminal.print(`${printable(changed.title)} (${changed.recordId}): revision ${changed.revision}`);
}
