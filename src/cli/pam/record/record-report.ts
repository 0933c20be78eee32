/** Pure: records as JSON and as tables. */
import { formatUnixMs } from '../../../base/stamp.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style } from '../../frame/terminal.ts';
import { formatAgo, printable } from '../../frame/text.ts';

/** A record as printed with `--json`. */
export interface RecordReport {
  /** The record's id. */
  readonly record: string;
  readonly title: string;
  readonly type: string;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly user: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** Id of the record that this account is on. */
  readonly on: string | null;
  readonly revision: number;
  readonly changedAt: string;
}

/** The document of one record. */
export function reportRecord(record: TargetRecord): RecordReport {
  const { recordId, title, type, protocol, host, port, user, labels, parentId, revision, changedUnixMs } = record;
  return {
    record: recordId,
    title,
    type,
    protocol,
    host,
    port,
    user,
    labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])),
    on: parentId,
    revision,
    changedAt: formatUnixMs(changedUnixMs),
  };
}

/** The table of records. */
export function renderRecords(
  records: readonly RecordReport[],
  { palette, width, nowUnixMs }: Style,
): readonly string[] {
  if (records.length === 0)
    return ['No records yet. Add one with: pam record add --type machine --title T --host H --port P'];
  return formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'RECORD' },
      { title: 'TITLE', cutTo: 8 },
      { title: 'TYPE' },
      { title: 'PROTOCOL', dropOrder: 2 },
      { title: 'TARGET', cutTo: 10 },
      { title: 'USER', dropOrder: 3, cutTo: 4 },
      { title: 'LABELS', dropOrder: 5, cutTo: 6 },
      { title: 'CHANGED', align: 'right', dropOrder: 4 },
    ],
    rows: records.map((record) => [
      record.record,
      record.title,
      record.type,
      record.protocol,
      formatTarget(record),
      record.user ?? '–',
      formatLabels(record.labels),
      formatAgo(record.changedAt, nowUnixMs),
    ]),
  });
}

/** One record, a fact per line. */
export function renderRecord(record: RecordReport, { palette, nowUnixMs }: Style): readonly string[] {
  const facts: readonly (readonly [string, string])[] = [
    ['record', record.record],
    ['title', record.title],
    ['type', record.type],
    ['protocol', record.protocol],
    ['target', formatTarget(record)],
    ['user', record.user ?? '–'],
    ['labels', formatLabels(record.labels) || '–'],
    ...(record.on === null ? [] : [['on', record.on] as const]),
    ['revision', `${record.revision}, changed ${formatAgo(record.changedAt, nowUnixMs)}`],
  ];
  return facts.map(([name, value]) => `${palette.faint(name.padEnd(10))}${printable(value)}`);
}

/** `host:port`, an IPv6 address in brackets. */
export function formatTarget({ host, port }: Pick<RecordReport, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function formatLabels(labels: RecordReport['labels']): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}
