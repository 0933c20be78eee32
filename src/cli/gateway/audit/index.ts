/** `gateway audit`: the log of this server's instance. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { verifyCommand } from './verify.ts';

/** The group and its commands. */
export function auditGroup(terminal: Terminal): Command {
  return defineGroup({ name: 'audit', summary: 'the audit log on this server', examples: ['gateway audit verify'] }, [
    verifyCommand(terminal),
  ]);
}
