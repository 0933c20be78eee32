import type { Command } from 'commander';
import type { AdmissionReport } from '../../../api/client.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatClock, formatId, printable, shortenIds } from '../../frame/text.ts';
import { defineReport } from './define-report.ts';
import { formatAgreement, paintState } from './pool-line.ts';

/** `gateway debug admission`: who may serve and why. */
export function admissionCommand(terminal: Terminal): Command {
  return defineReport(terminal, {
    name: 'admission',
    summary: 'who holds a seat and why, and whether all instances see it alike',
    ask: { kind: 'admission' },
    render: renderAdmission,
  });
}

/** What to do, the order of decisions, and who sees it otherwise. */
export function renderAdmission({ order, hint, agreement }: AdmissionReport, style: Style): readonly string[] {
  const { palette, width, verbose } = style;
  const table = formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: '#', align: 'right' },
      { title: 'INSTANCE', cutTo: 8 },
      { title: 'ID', dropOrder: 2 },
      { title: 'STATE', paint: (cell, row) => paintState(order[row]?.state ?? '', palette)(cell) },
      { title: 'SEAT' },
      { title: 'JOINED (UTC)', dropOrder: 1 },
      { title: 'REASON', cutTo: 30 },
    ],
    rows: order.map((row) => [
      String(row.rank),
      row.name,
      formatId(row.instanceId, verbose),
      row.state,
      row.seat === null ? '–' : `v${row.seat.limitVersion}`,
      verbose ? row.joinedAt : formatClock(row.joinedAt, true),
      shortenIds(row.reason, verbose),
    ]),
  });
  const differences = agreement.differ.map(
    ({ instanceId, name, what }) =>
      `  ${palette.bad('differs')}  ${printable(name)} (${formatId(instanceId, verbose)}): ${printable(shortenIds(what, verbose))}`,
  );
  return [
    ...(hint === null ? [] : [palette.warning(hint)]),
    ...table,
    formatAgreement(agreement, palette),
    ...differences,
  ];
}
