import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  firstMatch,
  formatRule,
  orderRules,
  RULE_LABEL_KEY_MAX,
  RULE_NAME_MAX,
  type RuleTerms,
  readRule,
} from '../../src/wire/discovery-rule.ts';
import {
  formatTerm,
  matchesStatement,
  parseStatement,
  STATEMENT_LENGTH_MAX,
} from '../../src/wire/discovery-statement.ts';
import { RECORD_ID_LENGTH, type TargetRecord, targetRecordCodec } from '../../src/wire/record.ts';

const SSH = {
  recordType: 'machine',
  hostName: '10.0.0.5',
  port: 2222,
  service: 'ssh',
  banner: 'SSH-2.0-OpenSSH_9.2p1 Debian',
  admin: null,
};

function matches(statement: string, ignoreCase = false): boolean {
  return matchesStatement(parseStatement(statement), SSH, ignoreCase);
}

function record(changes: Partial<TargetRecord>): TargetRecord {
  return {
    gatewayUid: 'g',
    recordId: 'r'.repeat(RECORD_ID_LENGTH),
    revision: 1,
    deleted: false,
    type: 'rule',
    title: 't',
    host: '-',
    port: 1,
    protocol: 'rule',
    user: null,
    labels: [],
    changedUnixMs: 1,
    parentId: null,
    ...changes,
  };
}

describe('a statement', () => {
  it.each([
    ["hostName == '10.0.0.5'", true],
    ["hostName == '10.0.0.6'", false],
    ["hostName ~= '10.0.*' and port > 1024 and port <= 2222", true],
    ["hostName ~= '10.0.*' and port < 2222", false],
    ["hostName !~= '10.0.*'", false],
    ['port != 22', true],
    [`service == "ssh" AND banner ~= '*Debian*'`, true],
    ["service == 'SSH'", false],
    ["recordType == 'pamMachine'", true],
    ["recordtype == 'machine'", true],
    // What is not known matches nothing, not even its opposite.
    ["login != 'root'", false],
    ['admin == false', false],
  ])('%s is %s', (statement, expected) => expect(matches(statement)).toBe(expected));

  it('is told to ignore the case of texts', () => {
    expect([matches("service == 'SSH'", true), matches("banner ~= '*DEBIAN'", true)]).toEqual([true, true]);
  });

  it.each([
    ['', 'the end begins with no field'],
    ["colour == 'red'", 'fields are recordType, '],
    ["hostName = 'x'", 'hostName is compared by == != ~= !~='],
    ["port ~= '22'", 'port is compared by == != < <= > >='],
    ["port == '22'", 'port is compared with a whole number'],
    ['hostName == x', "a text in quotes ('…')"],
    ["hostName == 'x", "a text in quotes ('…')"],
    ["admin == 'yes'", 'true or false'],
    ["hostName == 'x' or port == 1", '"and" is expected before "or port'],
    ["hostName == 'x' and", 'expected before "and"'],
    [Array.from({ length: 17 }, () => 'port == 1').join(' and '), 'more than 16'],
    [`hostName == '${'x'.repeat(STATEMENT_LENGTH_MAX)}'`, `at most ${STATEMENT_LENGTH_MAX}`],
  ])('%s is refused', (statement, why) => expect(() => parseStatement(statement)).toThrow(why));

  it('means the same when it is written out and read again', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    fc.assert(
      fc.property(text, fc.nat(65_535), fc.boolean(), (login, port, admin) => {
        const terms = parseStatement(
          [
            formatTerm({ field: 'login', operator: '==', value: login }),
            formatTerm({ field: 'port', operator: '>=', value: port }),
            formatTerm({ field: 'admin', operator: '!=', value: admin }),
          ].join(' and '),
        );
        expect(terms.map(({ value }) => value)).toEqual([login, port, admin]);
      }),
    );
  });
});

describe('a rule', () => {
  const terms: RuleTerms = {
    action: 'ignore',
    priority: 10,
    statement: "recordType == 'machine'",
    ignoreCase: true,
    enabled: true,
    adminRecordId: 'a'.repeat(RECORD_ID_LENGTH),
    labels: [{ key: 'team', value: 'data' }],
  };

  it('survives being a record, whatever its size', () => {
    const statement = `banner == '${'x'.repeat(STATEMENT_LENGTH_MAX - 14)}' `.trim();
    const labels = [{ key: 'k'.repeat(RULE_LABEL_KEY_MAX), value: 'v'.repeat(128) }];
    const written = { ...terms, statement, labels, enabled: false };
    const carried = record(formatRule('n'.repeat(RULE_NAME_MAX), written));
    const read = targetRecordCodec.fromWire(targetRecordCodec.toWire(carried), 'record');
    expect(readRule(read)).toMatchObject({ ...written, name: 'n'.repeat(RULE_NAME_MAX) });
  });

  it('is not passed over when it is not understood', () => {
    const labels = formatRule('x', terms).labels.filter(({ key }) => key !== 'action');
    expect(() => readRule(record({ labels }))).toThrow('is not understood by this version');
  });

  it('decides alone: the first that matches in ascending priority, and among equals the older one', () => {
    const rule = (name: string, changes: Partial<RuleTerms>, changedUnixMs = 1) =>
      readRule(record({ ...formatRule(name, { ...terms, ...changes }), changedUnixMs }));
    const rules = [
      rule('late', { priority: 30 }),
      rule('newer', { priority: 20, action: 'add' }, 2),
      rule('older', { priority: 20, action: 'prompt' }),
      rule('other', { priority: 5, statement: "recordType == 'database'" }),
      rule('off', { priority: 1, enabled: false }),
    ];
    expect(firstMatch(orderRules(rules), SSH)?.name).toBe('older');
    expect(firstMatch(orderRules([...rules].reverse()), SSH)?.name).toBe('older');
    expect(firstMatch(orderRules(rules), { recordType: 'user' })).toBeUndefined();
  });
});
