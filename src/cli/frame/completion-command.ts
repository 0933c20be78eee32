import type { Command } from 'commander';
import { defineCommand } from './command-tree.ts';
import { parseWord } from './flags.ts';
import type { Terminal } from './terminal.ts';

/** `completion SHELL`: prints the completion script of this very program. */
export function completionCommand(programName: string, terminal: Terminal): Command {
  const command = defineCommand({
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    examples: [`source <(${programName} completion bash)`, `${programName} completion fish | source`],
  });
  return command.argument('<shell>', 'bash, zsh or fish').action(async (shell: string) => {
    const { formatCompletion, SHELLS } = await import('./completion.ts');
    const known = parseWord(shell, 'completion', SHELLS);
    const root = command.parent;
    if (root !== null) terminal.print(formatCompletion(root, known));
  });
}
