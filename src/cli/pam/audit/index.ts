/** `pam audit`: who did what, on all instances. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { exportCommand } from './export.ts';
import { searchCommand } from './search.ts';
import { tailCommand } from './tail.ts';
import { verifyCommand } from './verify.ts';

/** The group and its commands. */
export function auditGroup(terminal: Terminal): Command {
  return defineGroup(
    {
      name: 'audit',
      summary: 'who did what, on all instances, and the proof of it',
      examples: ['pam audit tail', 'pam audit verify'],
    },
    [tailCommand(terminal), searchCommand(terminal), verifyCommand(terminal), exportCommand(terminal)],
  );
}
