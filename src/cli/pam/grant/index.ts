/** `pam grant`: what users may do. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { newGrantCommand } from './new.ts';

/** The group and its commands. */
export function grantGroup(terminal: Terminal): Command {
  return defineGroup(
    { name: 'grant', summary: 'let users in', examples: ['pam grant new --name alice --out alice.json'] },
    [newGrantCommand(terminal)],
  );
}
