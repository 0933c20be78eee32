import { GatewayError } from '../base/errors.ts';
import { matchesPattern } from './permission.ts';

/**
 * Pure: the statement of a discovery rule, `FIELD OPERATOR VALUE`, several joined by `and`: `recordType == 'database' and port != 5432`. Texts stand in
 * quotes, `~=` compares with a pattern in which `*` stands for any characters. There is no `or`: a second rule says that.
 */

/** What a field holds. */
const FIELD_TYPES = {
  recordType: 'text',
  recordTitle: 'text',
  hostName: 'text',
  ip: 'text',
  port: 'number',
  protocol: 'text',
  service: 'text',
  version: 'text',
  banner: 'text',
  operatingSystem: 'text',
  databaseType: 'text',
  directoryType: 'text',
  useSSL: 'boolean',
  login: 'text',
  distinguishedName: 'text',
  admin: 'boolean',
  active: 'boolean',
  parentRecordType: 'text',
  parentTitle: 'text',
} as const satisfies Readonly<Record<string, 'text' | 'number' | 'boolean'>>;

/** A field that a statement can look at. */
export type StatementField = keyof typeof FIELD_TYPES;
/** What a discovery knows of a thing it has found; what is left out matches nothing, not even `!=`. */
export type StatementFacts = Readonly<Partial<Record<StatementField, string | number | boolean | null>>>;

/** All fields, for messages and help. */
export const STATEMENT_FIELDS = Object.keys(FIELD_TYPES) as readonly StatementField[];

/** Longest first, so that none is taken for the beginning of another one. */
const OPERATORS = ['!~=', '==', '!=', '<=', '>=', '~=', '<', '>'] as const;
type Operator = (typeof OPERATORS)[number];
/** Of texts and truth values; numbers have all but the patterns. */
const TEXT_OPERATORS: readonly Operator[] = ['==', '!=', '~=', '!~='];
const BOOLEAN_OPERATORS: readonly Operator[] = ['==', '!='];
const NUMBER_OPERATORS: readonly Operator[] = ['==', '!=', '<', '<=', '>', '>='];

/** One comparison. */
export interface Term {
  readonly field: StatementField;
  readonly operator: Operator;
  readonly value: string | number | boolean;
}

/** Characters of a statement. */
export const STATEMENT_LENGTH_MAX = 1024;
/** Comparisons of one statement. */
const TERMS_MAX = 16;
/** What the reference product calls the types of records. */
const TYPE_SYNONYMS: Readonly<Record<string, string>> = {
  pamMachine: 'machine',
  pamDatabase: 'database',
  pamUser: 'user',
  pamDirectory: 'directory',
};

/** Reads a statement. Throws `bad-usage` that says where it goes wrong and what could stand there. */
export function parseStatement(text: string): readonly Term[] {
  if (text.length > STATEMENT_LENGTH_MAX)
    throw wrong(text, `${text.length} characters; at most ${STATEMENT_LENGTH_MAX}`);
  const terms: Term[] = [];
  let rest = text.trim();
  while (terms.length < TERMS_MAX) {
    const [term, behind] = parseTerm(rest, text);
    terms.push(term);
    if (behind === '') return terms;
    const joined = /^and\s+/i.exec(behind);
    if (joined === null) throw wrong(text, `"and" is expected before ${shown(behind)}`);
    rest = behind.slice(joined[0].length);
  }
  throw wrong(text, `more than ${TERMS_MAX} comparisons`);
}

/** True when all comparisons hold. */
export function matchesStatement(terms: readonly Term[], facts: StatementFacts, ignoreCase: boolean): boolean {
  return terms.every((term) => holds(term, facts[term.field] ?? null, ignoreCase));
}

/** One field and its comparison. */
export function formatTerm({ field, operator, value }: Term): string {
  const literal = typeof value === 'string' ? `'${value.replace(/[\\']/g, '\\$&')}'` : String(value);
  return `${field} ${operator} ${literal}`;
}

function parseTerm(rest: string, text: string): readonly [Term, string] {
  const name = /^[A-Za-z]+/.exec(rest)?.[0] ?? '';
  const field = STATEMENT_FIELDS.find((known) => known.toLowerCase() === name.toLowerCase());
  if (field === undefined)
    throw wrong(text, `${shown(rest)} begins with no field; fields are ${STATEMENT_FIELDS.join(', ')}`);
  const behindName = rest.slice(name.length).trimStart();
  const operator = OPERATORS.find((known) => behindName.startsWith(known));
  const fitting = operatorsOf(field);
  if (operator === undefined || !fitting.includes(operator))
    throw wrong(text, `${field} is compared by ${fitting.join(' ')}, not by ${shown(behindName)}`);
  const [value, behind] = parseValue(behindName.slice(operator.length).trimStart(), field, text);
  const meant = field.endsWith('ecordType') && typeof value === 'string' ? (TYPE_SYNONYMS[value] ?? value) : value;
  return [{ field, operator, value: meant }, behind.trimStart()];
}

function operatorsOf(field: StatementField): readonly Operator[] {
  const type = FIELD_TYPES[field];
  return type === 'text' ? TEXT_OPERATORS : type === 'number' ? NUMBER_OPERATORS : BOOLEAN_OPERATORS;
}

function parseValue(rest: string, field: StatementField, text: string): readonly [Term['value'], string] {
  const type = FIELD_TYPES[field];
  const found = VALUES[type].exec(rest);
  if (found === null) throw wrong(text, `${field} is compared with ${EXPECTED[type]}, not with ${shown(rest)}`);
  const [whole] = found;
  const behind = rest.slice(whole.length);
  if (type === 'text') return [whole.slice(1, -1).replace(/\\(.)/g, '$1'), behind];
  return [type === 'number' ? Number(whole) : /^t/i.test(whole), behind];
}

/** A text ends at the quote it began with. */
const VALUES = {
  text: /^(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/,
  number: /^\d{1,9}(?![\w.])/,
  boolean: /^(?:true|false)\b/i,
} as const;
const EXPECTED = { text: "a text in quotes ('…')", number: 'a whole number', boolean: 'true or false' } as const;

function holds({ operator, value }: Term, fact: string | number | boolean | null, ignoreCase: boolean): boolean {
  if (fact === null) return false;
  if (typeof value === 'number') return typeof fact === 'number' && compares(operator, fact - value);
  if (typeof value === 'boolean') return (fact === value) === (operator === '==');
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  const [wanted, known] = [fold(value), fold(String(fact))];
  const isPattern = operator === '~=' || operator === '!~=';
  return (isPattern ? matchesPattern(wanted, known) : wanted === known) === (operator === '==' || operator === '~=');
}

function compares(operator: Operator, difference: number): boolean {
  switch (operator) {
    case '==':
      return difference === 0;
    case '!=':
      return difference !== 0;
    case '<':
      return difference < 0;
    case '<=':
      return difference <= 0;
    case '>':
      return difference > 0;
    case '>=':
      return difference >= 0;
    case '~=':
    case '!~=':
      return false;
  }
}

function shown(text: string): string {
  return text === '' ? 'the end' : JSON.stringify(text.length > 32 ? `${text.slice(0, 32)}…` : text);
}

function wrong(text: string, why: string): GatewayError {
  return new GatewayError('bad-usage', `--statement: ${JSON.stringify(text.slice(0, 120))}: ${why}`, {
    remedy: "Write for example: recordType == 'database' and port != 5432 and hostName ~= '10.1.*'",
  });
}
