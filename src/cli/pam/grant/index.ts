/** `pam grant`: what users may do. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { listGrantsCommand } from './list.ts';
import { newGrantCommand } from './new.ts';
import { revokeGrantCommand } from './revoke.ts';
import { showGrantCommand } from './show.ts';

/** The group and its commands. */
export function grantGroup(terminal: Terminal): Command {
  return defineGroup(
    { name: 'grant', summary: 'say what users may do', examples: ['pam grant new --name alice --out alice.json'] },
    [newGrantCommand(terminal), listGrantsCommand(terminal), showGrantCommand(terminal), revokeGrantCommand(terminal)],
  );
}
