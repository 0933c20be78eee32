/** Pure: entries as `pam audit` shows them. */
import { type AuditEntry, parseEntry } from '../../../audit/client.ts';
import { formatUnixMs } from '../../../base/stamp.ts';
import type { Style } from '../../frame/terminal.ts';
import { formatClock, formatId, printable, shortenIds } from '../../frame/text.ts';

/** One entry in the documents of `pam audit tail` and `search`. */
export interface EntryReport {
  readonly at: string;
  readonly instanceId: string;
  readonly name: string;
  readonly sequence: number;
  readonly kind: string;
  /** Values of the event. */
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

const KIND_WIDTH = 22;

/** The entry in a line of an instance's log; null for checkpoints and for what is no entry. */
export function reportEntry(
  line: Uint8Array,
  source: { readonly instanceId: string; readonly name: string },
): EntryReport | null {
  const entry: AuditEntry | undefined = parseEntry(new TextDecoder().decode(line));
  if (entry?.event === undefined) return null;
  const { kind, ...detail } = entry.event;
  return { at: formatUnixMs(entry.unixMs), ...source, sequence: entry.sequence, kind, detail };
}

/** In the order of time; entries of one instance stay in its own order. */
export function orderEntries(entries: readonly EntryReport[]): readonly EntryReport[] {
  return [...entries].sort(
    (left, right) => Date.parse(left.at) - Date.parse(right.at) || left.sequence - right.sequence,
  );
}

/** One line: time, instance, kind, values. */
export function renderEntry(entry: EntryReport, { palette, verbose }: Style): string {
  const time = verbose ? entry.at : formatClock(entry.at, true);
  const who = verbose ? `${entry.name} ${formatId(entry.instanceId, true)} ${entry.sequence}` : entry.name;
  const values = Object.entries(entry.detail)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${palette.faint(`${name}=`)}${printable(shortenIds(String(value), verbose))}`);
  return `${palette.faint(time)}  ${printable(who)}  ${printable(entry.kind).padEnd(KIND_WIDTH)}  ${values.join(' ')}`.trimEnd();
}
