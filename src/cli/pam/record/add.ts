import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { formatRandomId, RANDOM_ID_BYTES } from '../../../base/ids.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { missingFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, signWithOption, withClient } from '../connection.ts';
import { listRecords } from '../find-record.ts';
import { addCredentialOptions, type CredentialOptions, readCredential } from './credential-input.ts';
import { addFieldOptions, type FieldOptions, parseFields } from './fields.ts';
import { findParent } from './parent.ts';
import { publishCredential } from './publish-credential.ts';
import { publishRecord } from './publish-record.ts';

type AddOptions = ProfileOptions & FieldOptions & CredentialOptions & { readonly signWith: readonly string[] };

const EXAMPLE = 'pam record add --type machine --title web-1 --host 10.0.0.5 --port 22 --protocol ssh --user deploy';
const EXAMPLES = [
  EXAMPLE,
  'pam record add --type user --on web-1 --title web-1-root --user root --password-stdin < password.txt',
  'pam record add --type database --title orders --host db --port 5432 --user app --password-stdin < password.txt',
];
/** Protocols by the port they are usually found at. */
const PROTOCOL_OF_PORT: Readonly<Record<number, string>> = {
  22: 'ssh',
  23: 'telnet',
  389: 'ldap',
  3306: 'mysql',
  5432: 'postgres',
};

/** Protocols that `pam launch` opens. */
const LAUNCHED: ReadonlySet<string> = new Set(['ssh', 'postgres', 'mysql', 'mariadb']);

/** `pam record add`: something that can be reached through the gateway. */
export function addRecordCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'add',
    summary: 'add something that can be reached through the gateway',
    examples: EXAMPLES,
  });
  return addProfileOptions(addCredentialOptions(addFieldOptions(command)))
    .addOption(signWithOption())
    .action((options: AddOptions) => addRecord(terminal, options));
}

async function addRecord(terminal: Terminal, options: AddOptions): Promise<void> {
  const given = parseFields(options);
  const type = given.type ?? requireField('--type');
  const title = given.title ?? requireField('--title');
  if (options.on === undefined) {
    if (given.host === undefined) requireField('--host');
    if (given.port === undefined) requireField('--port');
  }
  const credential = await readCredential(terminal, options, given.user ?? null);
  const recordId = formatRandomId(randomBytes(RANDOM_ID_BYTES));
  const { signal } = terminal;
  const { protocol } = await withClient(terminal, options, async (connected) => {
    const { client, profile } = connected;
    refuseTakenTitle(await listRecords(client, title, signal), title);
    const parent = options.on === undefined ? undefined : await findParent(client, options.on, signal);
    const port = given.port ?? parent?.port ?? requireField('--port');
    const record = {
      gatewayUid: profile.gateway.uid,
      recordId,
      revision: 1,
      deleted: false,
      type,
      title,
      host: given.host ?? parent?.host ?? requireField('--host'),
      port,
      protocol: given.protocol ?? parent?.protocol ?? PROTOCOL_OF_PORT[port] ?? 'tcp',
      user: given.user ?? null,
      labels: given.labels ?? [],
      changedUnixMs: (await client.welcome(signal)).unixMs,
      parentId: parent?.recordId ?? null,
    };
    await publishRecord(connected, record, { signWith: options.signWith, terminal });
    if (credential !== null)
      await publishCredential(connected, { recordId, credential, signWith: options.signWith, terminal });
    return record;
  });
  if (options.json === true) return terminal.printJson({ record: recordId, title, credential: credential !== null });
  terminal.print(recordId);
  const next = LAUNCHED.has(protocol) ? 'launch' : 'tunnel start';
  terminal.note(`${printable(title)} added. Next: pam ${next} ${JSON.stringify(title)}`);
}

function requireField(flag: string): never {
  throw missingFlag(flag, EXAMPLE);
}

/** Titles name records in every other command, so a second one of the same title would make both unusable by title. */
function refuseTakenTitle(
  found: readonly { readonly recordId: string; readonly title: string }[],
  title: string,
): void {
  const taken = found.find((record) => record.title === title);
  if (taken === undefined) return;
  throw new GatewayError('already-exists', `a record "${title}" exists already (${taken.recordId})`, {
    remedy: `Choose another title, or change that one: pam record edit ${taken.recordId} …`,
  });
}
