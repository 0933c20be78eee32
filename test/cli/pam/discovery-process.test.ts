/** What becomes of each find, without a pool. */

import { describe, expect, it } from 'vitest';
import { type Findings, NOTHING_FOUND } from '../../../src/cli/pam/action/discover/findings.ts';
import { candidatesOf, misfitsOf } from '../../../src/cli/pam/action/discover/process/candidates.ts';
import { decide, KnownRecords } from '../../../src/cli/pam/action/discover/process/decide.ts';
import { formatRule, orderRules, type RuleAction, readRule } from '../../../src/wire/discovery-rule.ts';
import type { TargetRecord } from '../../../src/wire/record.ts';
import { RECORD } from '../../api/pool.ts';

function service(changes: Partial<Findings['found'][number]>): Findings['found'][number] {
  return {
    host: '10.0.0.5',
    port: 22,
    service: 'ssh',
    version: null,
    hostKey: null,
    account: null,
    banner: '',
    system: null,
    certificate: null,
    accounts: [],
    databases: [],
    machines: [],
    ...changes,
  };
}

function account(login: string, changes: Partial<Findings['found'][number]['accounts'][number]> = {}) {
  return { login, distinguishedName: null, admin: false, active: true, detail: '', ...changes };
}

function record(changes: Partial<TargetRecord>): TargetRecord {
  return { ...RECORD, type: 'machine', user: null, labels: [], parentId: null, ...changes };
}

function rule(action: RuleAction, priority: number, statement: string) {
  const terms = { action, priority, statement, ignoreCase: false, enabled: true, adminRecordId: null, labels: [] };
  return readRule(record({ recordId: `rule-${priority}`, ...formatRule(`rule-${priority}`, terms) }));
}

/** The fate of each candidate, by its title. */
function fates(
  found: Findings['found'],
  init: {
    readonly records?: readonly TargetRecord[];
    readonly rules?: ReturnType<typeof rule>[];
    readonly addAll?: boolean;
  },
): Readonly<Record<string, string>> {
  const known = new KnownRecords(init.records ?? []);
  const candidates = candidatesOf({ ...NOTHING_FOUND, found }, (place) => known.parentOf(place, null)?.title);
  const context = { known, rules: orderRules(init.rules ?? []), addAll: init.addAll ?? false };
  return Object.fromEntries(candidates.map((candidate) => [candidate.title, decide(candidate, context).kind]));
}

describe('what a discovery found', () => {
  const found = [
    service({ accounts: [account('root', { admin: true }), account('deploy'), account('gone', { active: false })] }),
    service({ port: 5432, service: 'postgres' }),
    service({ port: 9999, service: 'unknown' }),
  ];

  it('is asked about without a rule; all of it is what is recognised and can be logged in to', () => {
    expect(new Set(Object.values(fates(found, {})))).toEqual(new Set(['prompt']));
    expect(fates(found, { addAll: true })).toEqual({
      '10.0.0.5-ssh-22': 'add',
      '10.0.0.5-ssh-22-root': 'add',
      '10.0.0.5-ssh-22-deploy': 'add',
      '10.0.0.5-ssh-22-gone': 'prompt',
      '10.0.0.5-postgres-5432': 'add',
      '10.0.0.5-tcp-9999': 'prompt',
    });
  });

  it('is known where it is a record already, whatever the case of its name and whoever logs in there', () => {
    const records = [
      record({ recordId: 'a', title: 'web-1', host: '10.0.0.5', port: 22, user: 'deploy' }),
      record({ recordId: 'b', title: 'web-1-admin', host: '10.0.0.5', port: 22, type: 'user', user: 'root' }),
    ];
    expect(fates(found, { records, addAll: true })).toMatchObject({
      'web-1': 'known',
      'web-1-root': 'known',
      'web-1-deploy': 'known',
      '10.0.0.5-postgres-5432': 'add',
    });
    const named = [service({ host: 'DB.example.org' })];
    const same = record({ recordId: 'c', title: 'db', host: 'db.example.org', port: 22 });
    expect(fates(named, { records: [same] })).toEqual({ db: 'known' });
    expect(fates(named, { records: [{ ...same, type: 'user', user: 'x' }] })).toEqual({
      'DB.example.org-ssh-22': 'prompt',
    });
  });

  it('is decided by the first rule that matches, also where all of it is wanted', () => {
    const rules = [
      rule('ignore', 30, "recordType == 'user'"),
      rule('add', 20, 'admin == true'),
      rule('prompt', 10, "recordType == 'database'"),
      rule('add', 40, 'port == 9999'),
    ];
    expect(fates(found, { rules, addAll: true })).toEqual({
      '10.0.0.5-ssh-22': 'add',
      '10.0.0.5-ssh-22-root': 'add',
      '10.0.0.5-ssh-22-deploy': 'ignore',
      '10.0.0.5-ssh-22-gone': 'ignore',
      '10.0.0.5-postgres-5432': 'prompt',
      '10.0.0.5-tcp-9999': 'add',
    });
  });

  it('is left out where a record cannot hold its name', () => {
    const long = account('x', { distinguishedName: `uid=${'x'.repeat(130)}` });
    const findings = {
      ...NOTHING_FOUND,
      found: [service({ service: 'ldap', port: 389, accounts: [long, account('y')] })],
    };
    expect(misfitsOf(findings)).toEqual([long]);
    expect(candidatesOf(findings, () => undefined).map(({ user }) => user)).toEqual([null, 'y']);
  });

  it('gets a title that is free', () => {
    const known = new KnownRecords([record({ title: 'a' }), record({ title: 'a-2' })]);
    expect([known.freeTitle('a'), known.freeTitle('b')]).toEqual(['a-3', 'b']);
  });
});
