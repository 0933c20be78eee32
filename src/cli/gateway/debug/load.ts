import type { Command } from 'commander';
import type { LoadReport } from '../../../api/client.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatBytes, formatDuration, formatId, formatPerMille } from '../../frame/text.ts';
import { defineReport } from './define-report.ts';

const BAR_WIDTH = 20;
const HIGH_PER_MILLE = 850;
const RAISED_PER_MILLE = 600;

/** `gateway debug load`: what this instance believes of everybody's load. */
export function loadCommand(terminal: Terminal): Command {
  return defineReport(terminal, {
    name: 'load',
    summary: 'how loaded each instance is, as this one believes, and how old that is',
    ask: { kind: 'load' },
    render: renderLoad,
  });
}

/** One bar per instance, and the share of all sessions that it has. */
export function renderLoad({ self, instances }: LoadReport, style: Style): readonly string[] {
  const { palette, width, verbose } = style;
  const counts = instances.map(({ sessions }) => Object.values(sessions).reduce((sum, count) => sum + count, 0));
  const all = counts.reduce((sum, count) => sum + count, 0);
  const paintLoad = (cell: string, row: number): string => {
    const perMille = instances[row]?.perMille ?? 0;
    if (perMille >= HIGH_PER_MILLE) return palette.bad(cell);
    return perMille >= RAISED_PER_MILLE ? palette.warning(cell) : palette.good(cell);
  };
  return formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'INSTANCE', cutTo: 8 },
      { title: 'ID', dropOrder: 4 },
      { title: 'LOAD', align: 'right', paint: paintLoad },
      { title: '', dropOrder: 5, paint: paintLoad },
      { title: 'BUSY', align: 'right', dropOrder: 3 },
      { title: 'MEMORY', align: 'right' },
      { title: 'SESSIONS', align: 'right' },
      { title: 'SHARE', align: 'right', dropOrder: 2 },
      { title: 'AGE', align: 'right' },
      { title: 'KINDS', cutTo: 8, dropOrder: 6 },
    ],
    rows: instances.map((instance, index) => [
      instance.name + (instance.instanceId === self ? ' (self)' : ''),
      formatId(instance.instanceId, verbose),
      formatPerMille(instance.perMille),
      '█'.repeat(Math.round((instance.perMille * BAR_WIDTH) / 1000)).padEnd(BAR_WIDTH, '░'),
      formatPerMille(instance.busyPerMille),
      `${formatBytes(instance.reservedBytes)} of ${formatBytes(instance.budgetBytes)}`,
      String(counts[index] ?? 0),
      all === 0 ? '–' : formatPerMille(((counts[index] ?? 0) * 1000) / all),
      instance.instanceId === self ? '–' : formatDuration(instance.ageMs),
      Object.entries(instance.sessions)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(', '),
    ]),
  });
}
