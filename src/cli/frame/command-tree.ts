import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { Terminal } from './terminal.ts';

/** What every command has: its line in the help, and an example of its use. */
export interface CommandInit {
  readonly name: string;
  readonly summary: string;
  /** Whole command lines, most useful first. */
  readonly examples: readonly string[];
}

/** A command with its help; flags and action are added by its own file. */
export function defineCommand({ name, summary, examples }: CommandInit): Command {
  const title = examples.length === 1 ? 'Example:' : 'Examples:';
  return new Command(name)
    .description(summary)
    .addHelpText('after', `\n${title}\n${examples.map((line) => `  ${line}`).join('\n')}`);
}

/** A command that only holds others. */
export function defineGroup(init: CommandInit, commands: readonly Command[]): Command {
  const group = defineCommand(init);
  for (const command of commands) group.addCommand(command);
  return group;
}

/** The root of a program's tree: every mistake in the command line ends it with a message and the way to the help. */
export function defineProgram(init: CommandInit, commands: readonly Command[], terminal: Terminal): Command {
  const program = defineGroup(init, commands).version(productVersion(), '--version', 'print the version');
  prepare(program, '', terminal);
  return program;
}

/** `--json`, which every command has. */
export function jsonOption(): Option {
  return new Option('--json', 'print one JSON document');
}

/** The version of this program, from its package. */
export function productVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined;
  return typeof version === 'string' ? version : '0.0.0';
}

function prepare(command: Command, parentPath: string, terminal: Terminal): void {
  const path = `${parentPath} ${command.name()}`.trim();
  command
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError(`See: ${path} --help`)
    .helpOption('-h, --help', 'show this help')
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
    });
  for (const child of command.commands) prepare(child, path, terminal);
}
