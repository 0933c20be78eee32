import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { HOST_KEY_LABEL } from '../../../wire/connection-message.ts';
import type { Label } from '../../../wire/member-record.ts';
import { RotationLabel } from '../../../wire/rotation-profile.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, signWithOption, withClient } from '../connection.ts';
import { findRecord } from '../find-record.ts';
import { addCredentialOptions, type CredentialOptions, givesCredential, readCredential } from './credential-input.ts';
import { addFieldOptions, type FieldOptions, parseFields } from './fields.ts';
import { findParent } from './parent.ts';
import { publishCredential } from './publish-credential.ts';
import { publishRecord } from './publish-record.ts';
import { reportRecord } from './record-report.ts';

type EditOptions = ProfileOptions &
  FieldOptions &
  CredentialOptions & { readonly signWith: readonly string[]; readonly removeCredential?: boolean };

/** `pam record edit RECORD`: changes the fields that are given. */
export function editRecordCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'edit',
    summary: 'change fields of a record; labels (but those that other commands write) and the credential as a whole',
    examples: ['pam record edit web-1 --host 10.0.0.6', 'pam record edit web-1 --password-stdin < password.txt'],
  });
  return addProfileOptions(addCredentialOptions(addFieldOptions(command)))
    .argument('<record>', 'id or unique title')
    .option('--remove-credential', 'forget the credential')
    .addOption(signWithOption())
    .action((named: string, options: EditOptions) => editRecord(terminal, named, options));
}

/** Labels that other commands write: whoever replaces the rest has not meant the pinned host key, nor how it is rotated. */
function replaceLabels(before: readonly Label[], given: readonly Label[]): readonly Label[] {
  const isManaged = ({ key }: Label): boolean =>
    key === HOST_KEY_LABEL || Object.values<string>(RotationLabel).includes(key);
  const kept = before.filter((label) => isManaged(label) && !given.some(({ key }) => key === label.key));
  return [...given, ...kept];
}

async function editRecord(terminal: Terminal, named: string, options: EditOptions): Promise<void> {
  const changes = parseFields(options);
  const { signal } = terminal;
  const { signWith, removeCredential = false } = options;
  if (removeCredential && givesCredential(options))
    throw new GatewayError('bad-usage', '--remove-credential goes with no other flag of the credential');
  if (Object.keys(changes).length === 0 && options.on === undefined && !removeCredential && !givesCredential(options)) {
    throw new GatewayError('bad-usage', 'nothing to change', {
      remedy:
        'Give at least one of --title, --host, --port, --protocol, --type, --user, --label, --on, --password-stdin, --private-key-file.',
    });
  }
  // Standard input is read before anything is connected: nobody waits for a person typing.
  const given = await readCredential(terminal, options, changes.user ?? null);
  const changed = await withClient(terminal, options, async (connected) => {
    const { client } = connected;
    const before = await findRecord(client, named, signal);
    const parent =
      options.on === undefined ? {} : { parentId: (await findParent(client, options.on, signal)).recordId };
    const { unixMs } = await client.welcome(signal);
    const labels = changes.labels === undefined ? before.labels : replaceLabels(before.labels, changes.labels);
    const record = { ...before, ...changes, ...parent, labels, revision: before.revision + 1, changedUnixMs: unixMs };
    await publishRecord(connected, record, { signWith, terminal });
    const { recordId } = record;
    const credential = given === null ? null : { ...given, user: given.user ?? record.user };
    if (credential !== null || removeCredential)
      await publishCredential(connected, { recordId, credential, signWith, terminal });
    return record;
  });
  if (options.json === true) return terminal.printJson(reportRecord(changed));
  terminal.print(`${printable(changed.title)} (${changed.recordId}): revision ${changed.revision}`);
}
