import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { formatUnixMs } from '../../../base/stamp.ts';
import type { CredentialVersion } from '../../../vault/index.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { addProfileOptions, type Connected, type ProfileOptions, withClient } from '../connection.ts';
import { findRecord } from '../find-record.ts';
import { renderRecord, reportRecord } from './record-report.ts';

type ShowOptions = ProfileOptions & { readonly reveal?: boolean };

/** `pam record show RECORD`. */
export function showRecordCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'show',
    summary: 'one record with all its fields',
    examples: ['pam record show web-1', 'pam record show web-1-root --reveal'],
  });
  return addProfileOptions(command)
    .argument('<record>', 'id or unique title')
    .option('--reveal', 'print its secrets; the audit tells that you did')
    .action((named: string, options: ShowOptions) => showRecord(terminal, named, options));
}

async function showRecord(terminal: Terminal, named: string, options: ShowOptions): Promise<void> {
  const { json, reveal = false } = options;
  if (reveal && json === true)
    throw new GatewayError(
      'bad-usage',
      '--reveal and --json do not go together: documents are kept, secrets should not be',
    );
  const [record, versions] = await withClient(terminal, options, async (connected) => {
    const found = await findRecord(connected.client, named, terminal.signal);
    return [found, reveal ? await revealed(connected, found.recordId, terminal.signal) : []] as const;
  });
  const report = reportRecord(record);
  if (json === true) return terminal.printJson(report);
  const style = terminal.style();
  terminal.print(renderRecord(report, style).join('\n'));
  if (!reveal) return;
  if (versions.length === 0) return terminal.note('The record has no credential.');
  for (const version of versions) terminal.print(renderVersion(version).join('\n'));
}

async function revealed(
  { client, profile }: Connected,
  recordId: string,
  signal: AbortSignal,
): Promise<readonly CredentialVersion[]> {
  const { askReveal } = await import('../../../vault/client.ts');
  const asked = askReveal(profile.gateway.uid);
  const request = { kind: 'reveal', recordId, recipient: asked.recipient } as const;
  return asked.open(recordId, (await client.request(request, 'revealed', signal)).entries);
}

/** The one place where a secret is printed: its owner has asked for it, and keys are printed as the files they are. */
function renderVersion({ state, changedUnixMs, credential }: CredentialVersion): readonly string[] {
  const { user, password, privateKey, passphrase, certificate } = credential;
  const facts = [
    ['user', user],
    ['password', password?.reveal() ?? null],
    ['passphrase', passphrase?.reveal() ?? null],
  ] as const;
  return [
    '',
    `${state} since ${formatUnixMs(changedUnixMs)}`,
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(10)}  ${printable(value)}`])),
    ...[certificate, privateKey?.reveal() ?? null].flatMap((text) => (text === null ? [] : [text.trimEnd()])),
  ];
}
