import type { Command } from 'commander';
import { ExitCode } from '../../base/errors.ts';
import { defineCommand, productVersion } from '../frame/command-tree.ts';
import { ExitWith } from '../frame/run-program.ts';
import type { Terminal } from '../frame/terminal.ts';
import { printable } from '../frame/text.ts';
import { createLog } from './log.ts';

/** Until listeners must be open. */
const START_MS = 30_000;

/** The part of the configuration that the command's flags come from; loaded only when they are needed. */
export type SettingsFlags = Pick<
  typeof import('../../config/index.ts'),
  'addSettingsFlags' | 'settingsFlags' | 'loadSettings'
>;

/** `gateway start`: joins the pool and serves until it is told to leave. Without `settings` only its line in the help. */
export function startCommand(terminal: Terminal, settings: SettingsFlags | undefined): Command {
  const command = defineCommand({
    name: 'start',
    summary: 'join the pool and serve until SIGTERM (drains first; a second one stops)',
    examples: [
      'gateway start --config-file gateway-config.json',
      'gateway start --config-file gateway-config.json --peer gateway-1.example.com:7400',
      'gateway start --config-file gateway-config.json --standby',
    ],
  });
  if (settings === undefined) return command;
  return settings.addSettingsFlags(command).action(() => start(terminal, command, settings));
}

async function start(
  terminal: Terminal,
  command: Command,
  { settingsFlags, loadSettings }: SettingsFlags,
): Promise<void> {
  const leaving = watchSignals();
  const settings = loadSettings({ flags: settingsFlags(command), env: terminal.env });
  const log = await createLog(settings);
  const { startInstance } = await import('../../instance.ts');
  const instance = await startInstance({ settings, log, version: productVersion() }, AbortSignal.timeout(START_MS));
  leaving.attach(instance);
  const { code, lines } = await instance.ended;
  // The reason of a refusal must be the last thing on stderr, below every line of the log.
  for (const line of lines) terminal.note(printable(line));
  if (code !== ExitCode.done) throw new ExitWith(code);
}

interface Leaving {
  drain(reason: string): void;
  stop(reason: string): void;
}

/** The first signal drains, the second stops; one that comes while the instance starts is not forgotten. */
function watchSignals(): { attach(instance: Leaving): void } {
  let received = 0;
  let attached: Leaving | undefined;
  const act = (signal: string): void => {
    if (received === 1) attached?.drain(signal);
    if (received > 1) attached?.stop(signal);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      received += 1;
      act(signal);
    });
  }
  return {
    attach(instance) {
      attached = instance;
      act('signal while starting');
    },
  };
}
