import type { Command } from 'commander';
import { defineCommand, jsonOption } from '../frame/command-tree.ts';
import { parseDuration } from '../frame/flags.ts';
import type { Terminal } from '../frame/terminal.ts';
import { formatDuration } from '../frame/text.ts';
import { chooseDataDir, dataDirOption } from './data-dir.ts';
import { waitUntilGone } from './leave.ts';

const TIMEOUT_DEFAULT = '30s';

interface StopOptions {
  readonly json?: boolean;
  readonly dataDir?: string;
  readonly timeout: string;
}

/** `gateway stop`: ends now, sessions or not; the seat is freed. */
export function stopCommand(terminal: Terminal): Command {
  return defineCommand({
    name: 'stop',
    summary: 'end the instance now, running sessions included (gateway drain lets them finish)',
    examples: ['gateway stop'],
  })
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .option('--timeout <DURATION>', 'how long to wait for its end', TIMEOUT_DEFAULT)
    .action((options: StopOptions) => stop(terminal, options));
}

async function stop(terminal: Terminal, { json, dataDir, timeout }: StopOptions): Promise<void> {
  const timeoutMs = parseDuration(timeout, '--timeout');
  const { askControl } = await import('../../api/client.ts');
  const directory = await chooseDataDir(dataDir, terminal.env);
  const { instanceId, name, processId } = await askControl(directory, { kind: 'stop' }, terminal.signal);
  const elapsedMs = await waitUntilGone(terminal, { directory, name, processId, timeoutMs });
  if (json === true) return terminal.printJson({ instanceId, name, stopped: true, elapsedMs });
  terminal.print(`${name}: stopped in ${formatDuration(elapsedMs)}`);
}
