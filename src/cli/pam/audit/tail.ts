import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseNumber } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { type EntryReport, orderEntries, renderEntry, reportEntry } from './entry-report.ts';
import { type InstanceLog, type PoolLogs, withLogs } from './logs.ts';
import { noteSilent } from './silent.ts';

interface TailOptions extends ProfileOptions {
  readonly most: string;
  readonly follow?: boolean;
  readonly verbose?: boolean;
}

/** Between two questions while following. */
const FOLLOW_MS = 1000;
const MOST_MAX = 500;

/** `pam audit tail`: the newest events of the whole pool. */
export function tailCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'tail',
    summary: 'the newest events of all instances, oldest first',
    examples: ['pam audit tail', 'pam audit tail -n 100 --json', 'pam audit tail -f'],
  });
  return addProfileOptions(command)
    .option('-n, --most <number>', `how many at most, up to ${MOST_MAX}`, '20')
    .option('-f, --follow', 'go on showing what happens, until Ctrl-C; with --json one document per line')
    .option('-v, --verbose', 'whole ids and times')
    .action((options: TailOptions) => {
      const most = parseNumber(options.most, { flag: '--most', min: 1, max: MOST_MAX });
      return withClient(terminal, options, (connected) =>
        withLogs(connected, terminal.signal, (logs) => tail(terminal, logs, { ...options, count: most })),
      );
    });
}

async function tail(
  terminal: Terminal,
  pool: PoolLogs,
  options: TailOptions & { readonly count: number },
): Promise<void> {
  const most = options.count;
  noteSilent(terminal, pool);
  const reached = new Map<InstanceLog, number>();
  const newest = await collect(pool.logs, reached, { most, signal: terminal.signal });
  const shown = newest.slice(-most);
  if (options.follow !== true && options.json === true) return terminal.printJson({ entries: shown });
  show(terminal, shown, options);
  while (options.follow === true && !terminal.signal.aborted) {
    await delay(FOLLOW_MS, undefined, { signal: terminal.signal }).catch(() => undefined);
    if (terminal.signal.aborted) return;
    show(terminal, await collect(pool.logs, reached, { most: MOST_MAX, signal: terminal.signal }), options);
  }
}

/** What is new on each instance since the last time; an instance that is lost meanwhile ends the command. */
async function collect(
  logs: readonly InstanceLog[],
  reached: Map<InstanceLog, number>,
  { most, signal }: { readonly most: number; readonly signal: AbortSignal },
): Promise<readonly EntryReport[]> {
  const pages = logs.map(async (log) => {
    const after = reached.get(log) ?? null;
    const page = await log.page({ after, most, match: EVERY_EVENT }, signal);
    reached.set(log, page.next);
    const source = { instanceId: log.instanceId, name: log.name };
    return page.lines.flatMap((line) => reportEntry(line, source) ?? []);
  });
  return orderEntries((await Promise.all(pages)).flat());
}

/** Without checkpoints, which are of no interest here. */
const EVERY_EVENT = { kinds: [], text: '', sinceUnixMs: null, untilUnixMs: null };

function show(terminal: Terminal, entries: readonly EntryReport[], options: TailOptions): void {
  const style = terminal.style({ verbose: options.verbose });
  for (const entry of entries) {
    if (options.json === true) terminal.printJson(entry, { line: true });
    else terminal.print(renderEntry(entry, style));
  }
}
