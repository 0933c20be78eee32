import type { AccessClient } from '../../../../../access/client/index.ts';
import { GatewayError } from '../../../../../base/errors.ts';
import { type DiscoveryRule, orderRules, readRule } from '../../../../../wire/discovery-rule.ts';
import type { TargetRecord } from '../../../../../wire/record.ts';
import { listEverything } from '../../../find-record.ts';

/** The pool's rules in the order in which they are asked. Throws `bad-usage` for one that this version does not understand. */
export async function listRules(client: AccessClient, signal: AbortSignal): Promise<readonly DiscoveryRule[]> {
  const all = await listEverything(client, null, signal);
  return orderRules(all.filter(({ type }) => type === 'rule').map(readRule));
}

/** The rule with this id or name, with the record that carries it. Throws `not-found`. */
export async function findRule(
  client: AccessClient,
  named: string,
  signal: AbortSignal,
): Promise<{ readonly record: TargetRecord; readonly rule: DiscoveryRule }> {
  const records = (await listEverything(client, null, signal)).filter(({ type }) => type === 'rule');
  const rules = records.map((record) => ({ record, rule: readRule(record) }));
  const found = rules.find(({ rule }) => rule.ruleId === named || rule.name === named);
  if (found !== undefined) return found;
  throw new GatewayError('not-found', `Discovery rule "${named}" not found`, {
    remedy: 'pam action discover rule list shows them.',
  });
}
