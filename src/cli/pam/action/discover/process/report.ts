/** Pure: what processing a discovery came to, as JSON and as text. */
import { formatTable } from '../../../../frame/table.ts';
import type { Style } from '../../../../frame/terminal.ts';
import { formatTarget } from '../../../record/record-report.ts';
import type { Candidate } from './candidates.ts';

/** What became of one find. `left`: nobody has decided. */
export type Fate = 'added' | 'known' | 'ignored' | 'left';

/** One find as printed with `--json`. */
export interface FateReport {
  readonly fate: Fate;
  /** Id of the record that was added or was there before; null without one, and in a dry run. */
  readonly record: string | null;
  readonly title: string;
  readonly type: string;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly user: string | null;
  /** Name of the rule that decided it. */
  readonly rule: string | null;
}

/** The document of one find. */
export function reportFate(
  { type, protocol, host, port, user, title }: Candidate,
  fate: Pick<FateReport, 'fate' | 'record' | 'rule'> & { readonly title?: string },
): FateReport {
  return { title, type, protocol, host, port, user, ...fate };
}

/** How many came to what. */
export function countFates(fates: readonly FateReport[]): Readonly<Record<Fate, number>> {
  const count = (wanted: Fate): number => fates.filter(({ fate }) => fate === wanted).length;
  return { added: count('added'), known: count('known'), ignored: count('ignored'), left: count('left') };
}

/** The table, and the summary. */
export function renderFates(
  fates: readonly FateReport[],
  { isDryRun, jobId }: { readonly isDryRun: boolean; readonly jobId: string },
  { palette, width }: Style,
): readonly string[] {
  const { added, known, ignored, left } = countFates(fates);
  const summary = `${added} ${isDryRun ? 'would be added' : 'added'}, ${known} known before, ${ignored} ignored, ${left} left`;
  const rows = fates.map((one) => [
    isDryRun && one.fate === 'added' ? 'to add' : one.fate,
    one.title,
    one.type,
    one.protocol,
    formatTarget(one),
    one.user ?? '–',
    one.rule ?? '–',
  ]);
  const table = formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'FATE' },
      { title: 'TITLE', cutTo: 10 },
      { title: 'TYPE' },
      { title: 'PROTOCOL', dropOrder: 3 },
      { title: 'TARGET', cutTo: 10, dropOrder: 2 },
      { title: 'USER', cutTo: 6 },
      { title: 'RULE', dropOrder: 4, cutTo: 6 },
    ],
    rows,
  });
  const next = left > 0 && !isDryRun ? [`Next: pam action discover process -j ${jobId}`] : [];
  return [...(fates.length === 0 ? [] : table), summary, ...next];
}
