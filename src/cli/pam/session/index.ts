import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { killSessionCommand } from './kill.ts';
import { listSessionsCommand } from './list.ts';
import { watchSessionCommand } from './watch.ts';

/** `pam session …`. */
export function sessionGroup(terminal: Terminal): Command {
  return defineGroup(
    {
      name: 'session',
      summary: 'sessions under way: see them, watch one, end one',
      examples: ['pam session list', 'pam session watch Xk2vQ9b1T0mYwz4c5d6e7f'],
    },
    [listSessionsCommand(terminal), watchSessionCommand(terminal), killSessionCommand(terminal)],
  );
}
