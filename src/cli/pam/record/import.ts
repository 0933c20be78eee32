import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { formatRandomId, RANDOM_ID_BYTES } from '../../../base/ids.ts';
import type { Secret } from '../../../base/secret.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { readTextFile } from '../../frame/read-input.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type Connected, type ProfileOptions, signWithOption, withClient } from '../connection.ts';
import { listRecords } from '../find-record.ts';
import { type CredentialToPublish, publishCredential } from './publish-credential.ts';
import { publishRecord } from './publish-record.ts';
import type { ImportedRecord } from './record-lines.ts';

type ImportOptions = ProfileOptions & { readonly signWith: readonly string[]; readonly skipExisting?: boolean };

/** Bytes of a file: as many lines as there may be records, each as long as a few addresses. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

/** `pam record import FILE`: adds records from JSON lines or CSV; all lines are checked before the first one is added. */
export function importRecordsCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'import',
    summary: 'add records from JSON lines or CSV',
    examples: ['pam record import records.jsonl', 'pam record import servers.csv --skip-existing'],
  });
  return addProfileOptions(command)
    .argument(
      '<file>',
      'lines as export writes them, or CSV with a header: title,type,host,port,protocol,user,labels,on,password',
    )
    .option('--skip-existing', 'leave out records whose title is taken; else nothing is imported')
    .addOption(signWithOption())
    .action((path: string, options: ImportOptions) => importRecords(terminal, path, options));
}

async function importRecords(terminal: Terminal, path: string, options: ImportOptions): Promise<void> {
  // With the bounds of credentials, which no other command has to load.
  const { parseRecordLines } = await import('./record-lines.ts');
  const lines = parseRecordLines(readTextFile(path, { flag: 'FILE', bytesMax: FILE_BYTES_MAX }));
  const { signal } = terminal;
  const added = await withClient(terminal, options, async (connected) => {
    const known = new Map((await listRecords(connected.client, null, signal)).map((record) => [record.title, record]));
    const fresh = chooseFresh(lines, known, options.skipExisting === true);
    const byName = new Map<string, TargetRecord>(known);
    // What others are on comes first.
    const ordered = [...fresh.filter(({ on }) => on === null), ...fresh.filter(({ on }) => on !== null)];
    const how = { signWith: options.signWith, terminal };
    for (const line of ordered) {
      const record = await toTarget(connected, line, byName, signal);
      await publishRecord(connected, record, how);
      if (line.password !== null) await publishCredential(connected, toCredential(record, line.password, how));
      byName.set(record.title, record);
      if (line.id !== null) byName.set(line.id, record);
    }
    return ordered.length;
  });
  const skipped = lines.length - added;
  if (options.json === true) return terminal.printJson({ added, skipped });
  terminal.print(`${added} records added${skipped > 0 ? `, ${skipped} left out: their titles are taken` : ''}.`);
}

function toCredential(
  { recordId, user }: TargetRecord,
  password: Secret<string>,
  how: Pick<CredentialToPublish, 'signWith' | 'terminal'>,
): CredentialToPublish {
  return { recordId, credential: { user, password, privateKey: null, passphrase: null, certificate: null }, ...how };
}

/** Refuses what would end half done: titles that are taken, in the pool or twice in the file, and records on others that are nowhere. */
function chooseFresh(
  lines: readonly ImportedRecord[],
  known: ReadonlyMap<string, TargetRecord>,
  skip: boolean,
): readonly ImportedRecord[] {
  const fresh = lines.filter(({ fields }) => !known.has(fields.title));
  const names = new Set([...known.keys(), ...lines.flatMap(({ fields, id }) => [fields.title, id ?? fields.title])]);
  const titles = new Set<string>();
  for (const { line, fields, on } of lines) {
    const problem =
      titles.has(fields.title) || (!skip && known.has(fields.title))
        ? `a record "${fields.title}" exists already`
        : on !== null && !names.has(on)
          ? `there is no record "${on}" that it could be on`
          : undefined;
    titles.add(fields.title);
    if (problem === undefined) continue;
    throw new GatewayError('already-exists', `nothing was imported: line ${line}: ${problem}`, {
      remedy: 'Leave the line out, or give --skip-existing for titles that are taken.',
    });
  }
  return fresh;
}

async function toTarget(
  { client, profile }: Connected,
  { fields, on }: ImportedRecord,
  byName: ReadonlyMap<string, TargetRecord>,
  signal: AbortSignal,
): Promise<TargetRecord> {
  const parent = on === null ? undefined : byName.get(on);
  const { unixMs } = await client.welcome(signal);
  return {
    gatewayUid: profile.gateway.uid,
    recordId: formatRandomId(randomBytes(RANDOM_ID_BYTES)),
    revision: 1,
    deleted: false,
    type: fields.type,
    title: fields.title,
    host: fields.host ?? parent?.host ?? '',
    port: fields.port ?? parent?.port ?? 1,
    protocol: fields.protocol ?? parent?.protocol ?? 'tcp',
    user: fields.user ?? null,
    labels: fields.labels ?? [],
    changedUnixMs: unixMs,
    parentId: parent?.recordId ?? null,
  };
}
