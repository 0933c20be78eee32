import type { Command } from 'commander';
import { formatRule, readRule } from '../../../../../wire/discovery-rule.ts';
import { defineCommand } from '../../../../frame/command-tree.ts';
import { missingFlag } from '../../../../frame/flags.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import { printable } from '../../../../frame/text.ts';
import { addProfileOptions, type ProfileOptions, signWithOption, withClient } from '../../../connection.ts';
import { publishRule } from './publish-rule.ts';
import { addRuleOptions, findAdmin, parseRuleOptions, type RuleOptions } from './rule-flags.ts';
import { reportRule } from './rule-report.ts';

type AddOptions = ProfileOptions &
  RuleOptions & { readonly ignoreCase?: boolean; readonly signWith: readonly string[] };

const EXAMPLE = `pam action discover rule add -n printers -a ignore -p 10 -s "service == 'http' and banner ~= '*JetDirect*'"`;

/** `pam action discover rule add`: what becomes of what discoveries find. */
export function addRuleCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'add',
    summary: 'say what becomes of what discoveries find: added, ignored, or asked about',
    examples: [
      EXAMPLE,
      `pam action discover rule add -n databases -a add -p 20 -s "recordType == 'database'" --label team=data`,
    ],
  }).alias('a');
  return addProfileOptions(addRuleOptions(command))
    .option('--ignore-case', 'texts are compared whatever their case')
    .addOption(signWithOption())
    .action((options: AddOptions) => addRule(terminal, options));
}

async function addRule(terminal: Terminal, options: AddOptions): Promise<void> {
  const given = parseRuleOptions(options);
  const { name, action, priority, statement, admin, labels = [] } = given;
  if (name === undefined) throw missingFlag('--name', EXAMPLE);
  if (action === undefined) throw missingFlag('--action', EXAMPLE);
  if (priority === undefined) throw missingFlag('--priority', EXAMPLE);
  if (statement === undefined) throw missingFlag('--statement', EXAMPLE);
  const record = await withClient(terminal, options, async (connected) => {
    const adminRecordId = (await findAdmin(connected, admin, terminal)) ?? null;
    const ignoreCase = options.ignoreCase === true;
    const fields = formatRule(name, { action, priority, statement, ignoreCase, enabled: true, adminRecordId, labels });
    return publishRule(connected, fields, { signWith: options.signWith, terminal });
  });
  const report = reportRule(readRule(record));
  if (options.json === true) return terminal.printJson(report);
  terminal.print(record.recordId);
  terminal.note(`${printable(name)} added. Next: pam action discover rule list`);
}
