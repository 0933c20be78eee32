/** Pure: rules of discovery as JSON and as a table. */
import { formatUnixMs } from '../../../../../base/stamp.ts';
import type { DiscoveryRule } from '../../../../../wire/discovery-rule.ts';
import { formatTable } from '../../../../frame/table.ts';
import type { Style } from '../../../../frame/terminal.ts';

/** A rule as printed with `--json`. */
export interface RuleReport {
  readonly ruleId: string;
  readonly name: string;
  readonly action: string;
  readonly priority: number;
  readonly statement: string;
  readonly caseSensitive: boolean;
  readonly enabled: boolean;
  readonly adminRecord: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly changedAt: string;
}

/** The document of one rule. */
export function reportRule(rule: DiscoveryRule): RuleReport {
  const { ruleId, name, action, priority, statement, ignoreCase, enabled, adminRecordId, labels } = rule;
  return {
    ruleId,
    name,
    action,
    priority,
    statement,
    caseSensitive: !ignoreCase,
    enabled,
    adminRecord: adminRecordId,
    labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])),
    changedAt: formatUnixMs(rule.changedUnixMs),
  };
}

/** The table of rules, in the order in which they are asked. */
export function renderRules(rules: readonly RuleReport[], { palette, width }: Style): readonly string[] {
  if (rules.length === 0)
    return [`No rules yet. Add one with: pam action discover rule add -n NAME -a add -p 10 -s "port == 22"`];
  return formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'RULE ID', dropOrder: 3 },
      { title: 'NAME', cutTo: 8 },
      { title: 'ACTION' },
      { title: 'PRIORITY', align: 'right' },
      { title: 'CASE', dropOrder: 4 },
      { title: 'ENABLED', dropOrder: 5 },
      { title: 'RULE', cutTo: 16 },
    ],
    rows: rules.map((rule) => [
      rule.ruleId,
      rule.name,
      rule.action,
      String(rule.priority),
      rule.caseSensitive ? 'sensitive' : 'ignored',
      rule.enabled ? 'yes' : 'no',
      rule.statement,
    ]),
  });
}
