import { GatewayError } from '../base/errors.ts';
import { NAME_LENGTH_MAX } from './bounds.ts';
import {
  matchesStatement,
  parseStatement,
  STATEMENT_LENGTH_MAX,
  type StatementFacts,
  type Term,
} from './discovery-statement.ts';
import type { Label } from './member-record.ts';
import type { TargetRecord } from './record.ts';

/**
 * Pure: rules of discovery, as records of the type `rule` carry them in their labels. So an admin has signed them, every instance holds them, and a
 * removed one stays removed, as with every other record.
 */

/** What becomes of a find. Append only. */
export const RULE_ACTIONS = ['add', 'ignore', 'prompt'] as const;
/** What a rule does with what it matches. */
export type RuleAction = (typeof RULE_ACTIONS)[number];

/** What a rule says. */
export interface RuleTerms {
  readonly action: RuleAction;
  /** Lower ones are asked first. */
  readonly priority: number;
  readonly statement: string;
  readonly ignoreCase: boolean;
  readonly enabled: boolean;
  /** Record that rotates the accounts that the rule adds; null: the one the discovery logged in with. */
  readonly adminRecordId: string | null;
  /** Labels of the records that the rule adds. */
  readonly labels: readonly Label[];
}

/** A rule of the pool. */
export interface DiscoveryRule extends RuleTerms {
  readonly ruleId: string;
  readonly name: string;
  readonly changedUnixMs: number;
  readonly terms: readonly Term[];
}

/** Highest priority number. */
export const PRIORITY_MAX = 1_000_000;
/** Labels that a rule can give what it adds. */
export const RULE_LABELS_MAX = 8;
const TITLE_PREFIX = 'discovery-rule/';
/** Characters of a rule's name. */
export const RULE_NAME_MAX = NAME_LENGTH_MAX - TITLE_PREFIX.length;
/** Characters of the key of a label that a rule gives. */
export const RULE_LABEL_KEY_MAX = NAME_LENGTH_MAX - 'add.'.length;

/** The fields of a record that say what a rule does. The rest of the record means nothing: no job can be had on a rule. */
export function formatRule(name: string, terms: RuleTerms): Pick<TargetRecord, 'type' | 'title' | 'labels'> {
  const { action, priority, statement, ignoreCase, enabled, adminRecordId, labels } = terms;
  const facts: readonly (readonly [string, string | null])[] = [
    ['action', action],
    ['priority', String(priority)],
    ['ignore-case', ignoreCase ? 'yes' : null],
    ['disabled', enabled ? null : 'yes'],
    ['admin', adminRecordId],
    ...piecesOf(statement).map((piece, index) => [`statement.${index}`, piece] as const),
    ...labels.map(({ key, value }) => [`add.${key}`, value] as const),
  ];
  return {
    type: 'rule',
    title: `${TITLE_PREFIX}${name}`,
    labels: facts.flatMap(([key, value]) => (value === null ? [] : [{ key, value }])),
  };
}

/** Reads a rule. Throws `bad-usage` for one that this version does not understand: to pass over it might add what it ignores. */
export function readRule({ recordId, title, labels, changedUnixMs }: TargetRecord): DiscoveryRule {
  const value = (key: string): string | null => labels.find((label) => label.key === key)?.value ?? null;
  const name = title.startsWith(TITLE_PREFIX) ? title.slice(TITLE_PREFIX.length) : title;
  const action = RULE_ACTIONS.find((known) => known === value('action'));
  const priority = Number(value('priority') ?? Number.NaN);
  if (action === undefined || !Number.isInteger(priority)) {
    throw new GatewayError('bad-usage', `discovery rule "${name}" (${recordId}) is not understood by this version`, {
      remedy: 'Update pam, or write the rule anew.',
    });
  }
  const pieces = Array.from({ length: PIECES_MAX }, (_, index) => value(`statement.${index}`) ?? '');
  const statement = pieces.join('');
  return {
    ruleId: recordId,
    name,
    action,
    priority,
    statement,
    terms: parseStatement(statement),
    ignoreCase: value('ignore-case') === 'yes',
    enabled: value('disabled') !== 'yes',
    adminRecordId: value('admin'),
    labels: labels.flatMap(({ key, value }) => (key.startsWith('add.') ? [{ key: key.slice(4), value }] : [])),
    changedUnixMs,
  };
}

/** In the order in which they are asked: by priority, then the older one, then by id. */
export function orderRules(rules: readonly DiscoveryRule[]): readonly DiscoveryRule[] {
  return [...rules].sort(
    (left, right) =>
      left.priority - right.priority ||
      left.changedUnixMs - right.changedUnixMs ||
      (left.ruleId < right.ruleId ? -1 : 1),
  );
}

/** The first enabled rule of those in order whose statement holds. */
export function firstMatch(ordered: readonly DiscoveryRule[], facts: StatementFacts): DiscoveryRule | undefined {
  return ordered.find((rule) => rule.enabled && matchesStatement(rule.terms, facts, rule.ignoreCase));
}

/** A label holds less than a statement may have. */
const PIECES_MAX = Math.ceil(STATEMENT_LENGTH_MAX / NAME_LENGTH_MAX);

function piecesOf(statement: string): readonly string[] {
  return Array.from({ length: Math.ceil(statement.length / NAME_LENGTH_MAX) }, (_, index) =>
    statement.slice(index * NAME_LENGTH_MAX, (index + 1) * NAME_LENGTH_MAX),
  );
}
