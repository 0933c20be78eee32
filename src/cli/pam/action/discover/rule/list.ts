import type { Command } from 'commander';
import { defineCommand } from '../../../../frame/command-tree.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../../../connection.ts';
import { renderRules, reportRule } from './rule-report.ts';
import { listRules } from './rules.ts';

type ListOptions = ProfileOptions & { readonly search?: string };

/** `pam action discover rule list`: the rules, in the order in which they are asked. */
export function listRulesCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'list',
    summary: 'the rules, in the order in which they are asked',
    examples: ['pam action discover rule list', 'pam action discover rule list --search postgres --json'],
  }).alias('l');
  return addProfileOptions(command)
    .option('-s, --search <TEXT>', 'only rules with this in their name or statement')
    .action(async (options: ListOptions) => {
      const found = await withClient(terminal, options, ({ client }) => listRules(client, terminal.signal));
      const wanted = (options.search ?? '').toLowerCase();
      const rules = found
        .map(reportRule)
        .filter(({ name, statement }) => `${name}\n${statement}`.toLowerCase().includes(wanted));
      if (options.json === true) return terminal.printJson({ rules });
      terminal.print(renderRules(rules, terminal.style()).join('\n'));
    });
}
