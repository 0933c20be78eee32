import type { Command } from 'commander';
import { defineCommand, jsonOption } from '../frame/command-tree.ts';
import { parseDuration } from '../frame/flags.ts';
import type { Terminal } from '../frame/terminal.ts';
import { formatDuration } from '../frame/text.ts';
import { chooseDataDir, dataDirOption } from './data-dir.ts';
import { waitUntilGone } from './leave.ts';

/** Longer than any drain time an operator sets: the instance ends its own waiting first. */
const TIMEOUT_DEFAULT = '24h';

interface DrainOptions {
  readonly json?: boolean;
  readonly dataDir?: string;
  readonly wait: boolean;
  readonly timeout: string;
}

/** `gateway drain`: no new jobs, sessions finish, the seat is freed, the process ends. */
export function drainCommand(terminal: Terminal): Command {
  return defineCommand({
    name: 'drain',
    summary: 'take no new jobs, let sessions finish, free the seat and end; waits until that is done',
    examples: ['gateway drain', 'gateway drain --no-wait'],
  })
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .option('--no-wait', 'return as soon as it has begun')
    .option('--timeout <DURATION>', 'stop waiting after this time; the drain goes on', TIMEOUT_DEFAULT)
    .action((options: DrainOptions) => drain(terminal, options));
}

async function drain(terminal: Terminal, { json, dataDir, wait, timeout }: DrainOptions): Promise<void> {
  const timeoutMs = parseDuration(timeout, '--timeout');
  const { askControl } = await import('../../api/client.ts');
  const directory = await chooseDataDir(dataDir, terminal.env);
  const { instanceId, name, processId } = await askControl(directory, { kind: 'drain' }, terminal.signal);
  const drainedMs = wait ? await waitUntilGone(terminal, { directory, name, processId, timeoutMs }) : null;
  if (json === true) return terminal.printJson({ instanceId, name, drained: drainedMs !== null, elapsedMs: drainedMs });
  terminal.print(drainedMs === null ? `${name}: draining` : `${name}: drained in ${formatDuration(drainedMs)}`);
}
