import { type Command, Option } from 'commander';
import { GatewayError } from '../../../../../base/errors.ts';
import { NAME_LENGTH_MAX } from '../../../../../wire/bounds.ts';
import {
  PRIORITY_MAX,
  RULE_ACTIONS,
  RULE_LABEL_KEY_MAX,
  RULE_LABELS_MAX,
  RULE_NAME_MAX,
  type RuleTerms,
} from '../../../../../wire/discovery-rule.ts';
import { parseStatement } from '../../../../../wire/discovery-statement.ts';
import type { Label } from '../../../../../wire/member-record.ts';
import { collect, parseLabel, parseNumber, parseText, parseWord } from '../../../../frame/flags.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import type { Connected } from '../../../connection.ts';
import { findRecord } from '../../../find-record.ts';

/** Flags that say what a rule does, as typed. */
export interface RuleOptions {
  readonly name?: string;
  readonly action?: string;
  readonly priority?: string;
  readonly statement?: string;
  readonly admin?: string;
  readonly label: readonly string[];
}

/** What those flags give; `admin` as it was typed. */
export interface GivenRule extends Partial<Pick<RuleTerms, 'action' | 'priority' | 'statement' | 'labels'>> {
  readonly name?: string;
  readonly admin?: string;
}

/** Adds the flags. */
export function addRuleOptions(command: Command): Command {
  return command
    .option('-n, --name <NAME>', 'what people call the rule')
    .option('-a, --action <ACTION>', RULE_ACTIONS.join(', '))
    .option('-p, --priority <N>', 'rules are asked in ascending order; the first that matches decides')
    .option('-s, --statement <STATEMENT>', "for example: recordType == 'database' and hostName ~= '10.1.*'")
    .option('--admin <RECORD>', 'record that rotates the accounts that the rule adds')
    .addOption(
      new Option('--label <KEY=VALUE>', 'of the records that the rule adds (repeatable)')
        .default([], 'none')
        .argParser(collect),
    );
}

/** The flags that were given, each checked. Throws `bad-usage`. */
export function parseRuleOptions({ name, action, priority, statement, admin, label }: RuleOptions): GivenRule {
  if (statement !== undefined) parseStatement(parseText(statement, { flag: '--statement', max: STATEMENT_TYPED_MAX }));
  return {
    ...(name === undefined ? {} : { name: parseText(name, { flag: '--name', max: RULE_NAME_MAX }) }),
    ...(action === undefined ? {} : { action: parseWord(action, '--action', RULE_ACTIONS) }),
    ...(priority === undefined
      ? {}
      : { priority: parseNumber(priority, { flag: '--priority', min: 0, max: PRIORITY_MAX }) }),
    ...(statement === undefined ? {} : { statement: statement.trim() }),
    ...(admin === undefined ? {} : { admin: admin && parseText(admin, { flag: '--admin', max: NAME_LENGTH_MAX }) }),
    ...(label.length === 0 ? {} : { labels: parseLabels(label) }),
  };
}

/** Its own bound says more than this one. */
const STATEMENT_TYPED_MAX = 100_000;

/** The record's id, where one is named; the empty text names none. */
export async function findAdmin(
  { client }: Connected,
  admin: string | undefined,
  { signal }: Terminal,
): Promise<string | null | undefined> {
  if (admin === undefined) return undefined;
  return admin === '' ? null : (await findRecord(client, admin, signal)).recordId;
}

function parseLabels(texts: readonly string[]): readonly Label[] {
  if (texts.length > RULE_LABELS_MAX)
    throw new GatewayError('bad-usage', `--label: ${texts.length} labels; at most ${RULE_LABELS_MAX} of one rule`);
  return texts.map((text) => {
    const { key, value } = parseLabel(text, '--label');
    return {
      key: parseText(key, { flag: '--label', max: RULE_LABEL_KEY_MAX }),
      value: parseText(value, { flag: '--label', max: NAME_LENGTH_MAX }),
    };
  });
}
