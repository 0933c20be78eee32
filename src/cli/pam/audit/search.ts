import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import type { AuditMatch } from '../../../wire/access-message.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseNumber } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { type EntryReport, orderEntries, renderEntry, reportEntry } from './entry-report.ts';
import { type InstanceLog, type PoolLogs, readLog, withLogs } from './logs.ts';
import { addMatchOptions, type MatchOptions, readMatch } from './match.ts';
import { noteSilent } from './silent.ts';

interface SearchOptions extends ProfileOptions, MatchOptions {
  readonly most: string;
  readonly verbose?: boolean;
}

const MOST_MAX = 10_000;
const EXAMPLE = 'pam audit search --kind denied --since 1h';

/** `pam audit search`: events of the whole pool that match. */
export function searchCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'search',
    summary: 'events of all instances by kind, text and time, oldest first',
    examples: [EXAMPLE, 'pam audit search --text web-1 --json'],
  });
  return addMatchOptions(addProfileOptions(command))
    .option('-n, --most <number>', `how many at most of each instance, up to ${MOST_MAX}`, '1000')
    .option('-v, --verbose', 'whole ids and times')
    .action((options: SearchOptions) => {
      const wanted = readWanted(options);
      return withClient(terminal, options, (connected) =>
        withLogs(connected, terminal.signal, (logs) => search(terminal, logs, { ...options, ...wanted })),
      );
    });
}

interface Wanted {
  readonly match: AuditMatch;
  readonly count: number;
}

function readWanted(options: SearchOptions): Wanted {
  const count = parseNumber(options.most, { flag: '--most', min: 1, max: MOST_MAX });
  const match = readMatch(options);
  if (match !== null) return { match, count };
  throw new GatewayError('bad-usage', 'say what to search for: --kind, --text, --since or --until', {
    remedy: `Type for example: ${EXAMPLE}. All of it: pam audit export.`,
  });
}

async function search(terminal: Terminal, pool: PoolLogs, options: SearchOptions & Wanted): Promise<void> {
  const { match, count: most } = options;
  noteSilent(terminal, pool);
  const found = await Promise.all(pool.logs.map((log) => find(log, { match, most, signal: terminal.signal })));
  const entries = orderEntries(found.flat());
  if (options.json === true) return terminal.printJson({ entries });
  const style = terminal.style({ verbose: options.verbose });
  for (const entry of entries) terminal.print(renderEntry(entry, style));
  if (entries.length === 0) terminal.note('nothing found');
}

async function find(
  log: InstanceLog,
  { match, most, signal }: { readonly match: AuditMatch; readonly most: number; readonly signal: AbortSignal },
): Promise<readonly EntryReport[]> {
  const entries: EntryReport[] = [];
  for await (const line of readLog(log, { match, signal })) {
    const entry = reportEntry(line, { instanceId: log.instanceId, name: log.name });
    if (entry !== null) entries.push(entry);
    if (entries.length >= most) break;
  }
  return entries;
}
