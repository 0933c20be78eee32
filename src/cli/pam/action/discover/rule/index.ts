/** `pam action discover rule`: what becomes of what discoveries find. */
import type { Command } from 'commander';
import { defineGroup } from '../../../../frame/command-tree.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import { addRuleCommand } from './add.ts';
import { listRulesCommand } from './list.ts';
import { removeRuleCommand } from './remove.ts';
import { updateRuleCommand } from './update.ts';

/** The group and its commands. */
export function ruleGroup(terminal: Terminal): Command {
  return defineGroup(
    {
      name: 'rule',
      summary: 'what becomes of what discoveries find',
      examples: ['pam action discover rule list'],
    },
    [addRuleCommand(terminal), listRulesCommand(terminal), updateRuleCommand(terminal), removeRuleCommand(terminal)],
  ).alias('r');
}
