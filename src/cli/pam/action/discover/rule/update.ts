import type { Command } from 'commander';
import { GatewayError } from '../../../../../base/errors.ts';
import { formatRule, readRule } from '../../../../../wire/discovery-rule.ts';
import { defineCommand } from '../../../../frame/command-tree.ts';
import { requireFlag } from '../../../../frame/flags.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import { printable } from '../../../../frame/text.ts';
import {
  addProfileOptions,
  type Connected,
  type ProfileOptions,
  signWithOption,
  withClient,
} from '../../../connection.ts';
import { publishRecord } from '../../../record/publish-record.ts';
import { addRuleOptions, findAdmin, type GivenRule, parseRuleOptions, type RuleOptions } from './rule-flags.ts';
import { reportRule } from './rule-report.ts';
import { findRule } from './rules.ts';

type UpdateOptions = ProfileOptions &
  RuleOptions & {
    readonly rule?: string;
    readonly active?: boolean;
    readonly disable?: boolean;
    readonly ignoreCase?: boolean;
    readonly matchCase?: boolean;
    readonly clearAdmin?: boolean;
    readonly signWith: readonly string[];
  };

const EXAMPLE = 'pam action discover rule update -i printers --disable';

/** `pam action discover rule update -i RULE`: changes what is given. */
export function updateRuleCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'update',
    summary: 'change a rule: what is given, and nothing else',
    examples: [EXAMPLE, 'pam action discover rule update -i printers -p 5'],
  }).alias('u');
  return addProfileOptions(addRuleOptions(command))
    .option('-i, --rule <RULE>', 'id or name')
    .option('--active', 'let it decide again')
    .option('--disable', 'keep it, but let it decide nothing')
    .option('--ignore-case', 'texts are compared whatever their case')
    .option('--match-case', 'texts have to have the same case')
    .option('--clear-admin', 'accounts are rotated by the record the discovery logged in with')
    .addOption(signWithOption())
    .action((options: UpdateOptions) => {
      const named = requireFlag(options.rule, '--rule', EXAMPLE);
      const given = parseRuleOptions(options);
      assertSomething(given, options);
      return withClient(terminal, options, (connected) => update(connected, { named, given, options }, terminal));
    });
}

async function update(
  connected: Connected,
  wanted: { readonly named: string; readonly given: GivenRule; readonly options: UpdateOptions },
  terminal: Terminal,
): Promise<void> {
  const { named, given, options } = wanted;
  const { record: before, rule } = await findRule(connected.client, named, terminal.signal);
  const { admin, name = rule.name, ...terms } = given;
  const adminRecordId = options.clearAdmin === true ? null : await findAdmin(connected, admin, terminal);
  const fields = formatRule(name, {
    ...rule,
    ...terms,
    ...(adminRecordId === undefined ? {} : { adminRecordId }),
    enabled: options.active === true || (options.disable !== true && rule.enabled),
    ignoreCase: options.ignoreCase === true || (options.matchCase !== true && rule.ignoreCase),
  });
  const { unixMs } = await connected.client.welcome(terminal.signal);
  const record = { ...before, ...fields, revision: before.revision + 1, changedUnixMs: unixMs };
  await publishRecord(connected, record, { signWith: options.signWith, terminal });
  if (options.json === true) return terminal.printJson(reportRule(readRule(record)));
  terminal.print(`${printable(name)} (${record.recordId}): revision ${record.revision}`);
}

function assertSomething(given: GivenRule, options: UpdateOptions): void {
  const { active, disable, ignoreCase, matchCase, clearAdmin } = options;
  if (active === true && disable === true)
    throw new GatewayError('bad-usage', '--active and --disable exclude each other');
  if (ignoreCase === true && matchCase === true)
    throw new GatewayError('bad-usage', '--ignore-case and --match-case exclude each other');
  if (clearAdmin === true && given.admin !== undefined)
    throw new GatewayError('bad-usage', '--admin and --clear-admin exclude each other');
  const switches = [active, disable, ignoreCase, matchCase, clearAdmin];
  if (Object.keys(given).length > 0 || switches.includes(true)) return;
  throw new GatewayError('bad-usage', 'nothing to change', { remedy: `Type for example: ${EXAMPLE}` });
}
