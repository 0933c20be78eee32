/** The command tree of `gateway`: what runs on a server. */
import type { Command } from 'commander';
import { defineProgram } from '../frame/command-tree.ts';
import { completionCommand } from '../frame/completion-command.ts';
import type { Terminal } from '../frame/terminal.ts';
import { auditGroup } from './audit/index.ts';
import { debugGroup } from './debug/index.ts';
import { drainCommand } from './drain.ts';
import { healthCheckCommand } from './health-check.ts';
import { startCommand } from './start.ts';
import { stopCommand } from './stop.ts';

/** Words of a command line that need the flags of `gateway start`, which load everything that reads configurations. */
const SETTINGS_WORDS: readonly string[] = ['start', 'completion', 'help'];

/** The tree for a command line. */
export async function assembleGateway(terminal: Terminal, args: readonly string[]): Promise<Command> {
  const settings = args.some((arg) => SETTINGS_WORDS.includes(arg)) ? await import('../../config/index.ts') : undefined;
  return defineProgram(
    {
      name: 'gateway',
      summary: 'one instance of a gateway pool: joins it, serves, and shows what it knows',
      examples: ['gateway start --config-file gateway-config.json', 'gateway debug members'],
    },
    [
      startCommand(terminal, settings),
      healthCheckCommand(terminal),
      drainCommand(terminal),
      stopCommand(terminal),
      debugGroup(terminal),
      auditGroup(terminal),
      completionCommand('gateway', terminal),
    ],
    terminal,
  );
}
