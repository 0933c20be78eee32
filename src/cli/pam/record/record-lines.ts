/** Pure: records as text, one a line: JSON documents as `export` writes them, or CSV with a header. */
import { GatewayError } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import { PASSWORD_BYTES_MAX } from '../../../vault/client.ts';
import { type FieldOptions, parseFields, type RecordFields } from './fields.ts';

/** One record to be added. */
export interface ImportedRecord {
  readonly line: number;
  readonly fields: Partial<RecordFields> & Pick<RecordFields, 'type' | 'title'>;
  /** Its id where it came from: what others of the file may be `on`. */
  readonly id: string | null;
  /** Title, or id in the file, of the record that it is on. */
  readonly on: string | null;
  readonly password: Secret<string> | null;
}

/** Lines of one file. */
export const LINES_MAX = 100_000;
const NAMES = [
  'record',
  'title',
  'type',
  'protocol',
  'host',
  'port',
  'user',
  'labels',
  'on',
  'revision',
  'changedAt',
  'password',
];
const MISTAKES_SHOWN = 20;

/** Reads all lines; throws `bad-usage` with every mistake and its line; of a password no message tells more than that it is too long. */
export function parseRecordLines(text: string): readonly ImportedRecord[] {
  const lines = text.split(/\r?\n/).map((content, index) => ({ line: index + 1, content }));
  const filled = lines.filter(({ content }) => content.trim() !== '');
  if (filled.length > LINES_MAX) throw new GatewayError('bad-usage', `${filled.length} lines; at most ${LINES_MAX}`);
  const [header] = filled;
  const isCsv = header !== undefined && !header.content.trimStart().startsWith('{');
  const names = isCsv ? splitCsv(header.content).map((name) => name.trim()) : [];
  const mistakes: string[] = [];
  const records = (isCsv ? filled.slice(1) : filled).flatMap(({ line, content }) => {
    try {
      return [toRecord(line, isCsv ? rowOf(names, splitCsv(content)) : documentOf(content))];
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      mistakes.push(`line ${line}: ${error.message}`);
      return [];
    }
  });
  if (mistakes.length === 0) return records;
  const more = mistakes.length > MISTAKES_SHOWN ? `\nand ${mistakes.length - MISTAKES_SHOWN} more` : '';
  throw new GatewayError('bad-usage', `nothing was imported:\n${mistakes.slice(0, MISTAKES_SHOWN).join('\n')}${more}`);
}

type Row = Readonly<Record<string, unknown>>;

function toRecord(line: number, row: Row): ImportedRecord {
  const unknown = Object.keys(row).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw new GatewayError('bad-usage', `"${unknown}" is none of ${NAMES.join(', ')}`);
  const text = (name: string): string | null => {
    const value = row[name];
    return value === undefined || value === null || value === '' ? null : String(value);
  };
  const given = (name: keyof FieldOptions): object => (text(name) === null ? {} : { [name]: text(name) });
  const plain = (['type', 'title', 'host', 'port', 'protocol', 'user'] as const).map(given);
  const fields = parseFields(Object.assign({ label: labelsOf(row['labels']) }, ...plain) as FieldOptions);
  const { type, title } = fields;
  if (type === undefined || title === undefined) throw new GatewayError('bad-usage', 'type and title are needed');
  const on = text('on');
  if (on === null && (fields.host === undefined || fields.port === undefined))
    throw new GatewayError('bad-usage', 'host and port are needed where the record is on no other');
  return { line, fields: { ...fields, type, title }, id: text('record'), on, password: passwordOf(row['password']) };
}

function passwordOf(value: unknown): Secret<string> | null {
  if (value === undefined || value === null || value === '') return null;
  if (typeof value !== 'string') throw new GatewayError('bad-usage', 'password is no text');
  if (Buffer.byteLength(value) > PASSWORD_BYTES_MAX)
    throw new GatewayError('bad-usage', `password: ${Buffer.byteLength(value)} bytes; at most ${PASSWORD_BYTES_MAX}`);
  return new Secret(value);
}

/** An object, or `KEY=VALUE KEY=VALUE` in CSV. */
function labelsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(' ').filter((label) => label !== '');
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).map(([key, label]) => `${key}=${String(label)}`);
}

function documentOf(content: string): Row {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below: what the parser says quotes the line.
  }
  throw new GatewayError('bad-usage', 'is no JSON document');
}

function rowOf(names: readonly string[], values: readonly string[]): Row {
  if (values.length !== names.length)
    throw new GatewayError('bad-usage', `${values.length} values; the header names ${names.length}`);
  return Object.fromEntries(names.map((name, index) => [name, values[index]]));
}

/** RFC 4180 without line ends in quotes. */
function splitCsv(content: string): readonly string[] {
  const values = [...content.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)];
  return values.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}
