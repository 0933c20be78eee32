import type { Command } from 'commander';
import { formatSyslog, parseEntry } from '../../../audit/client.ts';
import { GatewayError } from '../../../base/errors.ts';
import type { AuditMatch } from '../../../wire/access-message.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseWord } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { type InstanceLog, type PoolLogs, readLog, withLogs } from './logs.ts';
import { addMatchOptions, type MatchOptions, readMatch } from './match.ts';
import { noteSilent } from './silent.ts';

interface ExportOptions extends ProfileOptions, MatchOptions {
  readonly format: string;
  readonly instance?: string;
}

/** Forms of an export. */
const FORMATS = ['json', 'syslog'] as const;

/** `pam audit export`: the log for other programs. */
export function exportCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'export',
    summary: 'all entries of all instances, one after the other: JSON lines, or syslog (RFC 5424)',
    examples: [
      'pam audit export > audit.jsonl',
      'pam audit export --instance gw-1 > gw-1.jsonl',
      'pam audit export --format syslog --since 24h',
    ],
  });
  return addMatchOptions(addProfileOptions(command))
    .option('--format <FORMAT>', 'json: the lines as they are in the log, which can be verified; or syslog', 'json')
    .option('--instance <INSTANCE>', 'only the instance with this id or name')
    .action((options: ExportOptions) => {
      const wanted = { format: parseWord(options.format, '--format', FORMATS), match: readMatch(options) };
      return withClient(terminal, options, (connected) =>
        withLogs(connected, terminal.signal, (logs) => exportLogs(terminal, logs, { ...options, ...wanted })),
      );
    });
}

async function exportLogs(
  terminal: Terminal,
  pool: PoolLogs,
  options: ExportOptions & { readonly match: AuditMatch | null },
): Promise<void> {
  const { format, match } = options;
  const wanted = pool.logs.filter((log) => isNamed(log, options.instance));
  if (wanted.length === 0) throw new GatewayError('not-found', `no reachable instance is called "${options.instance}"`);
  if (options.instance === undefined) noteSilent(terminal, pool);
  for (const log of wanted) {
    for await (const line of readLog(log, { match, signal: terminal.signal })) {
      const text = new TextDecoder().decode(line);
      terminal.print(format === 'json' ? text : toSyslog(text, log));
    }
  }
}

function isNamed({ instanceId, name }: InstanceLog, named: string | undefined): boolean {
  return named === undefined || named === instanceId || named === name;
}

/** A line that is no entry has no form in syslog: that it is there is told by the entry behind it. */
function toSyslog(text: string, { instanceId, name }: InstanceLog): string {
  const entry = parseEntry(text);
  return entry === undefined ? '' : formatSyslog(entry, { instanceId, host: name });
}
