import type { Command } from 'commander';
import type { MemberReport, MembersReport } from '../../../api/client.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatAddress, formatAgo, formatDuration, formatId, formatPerMille } from '../../frame/text.ts';
import { defineReport } from './define-report.ts';
import { paintState } from './pool-line.ts';

/** `gateway debug members`: everybody this instance knows. */
export function membersCommand(terminal: Terminal): Command {
  return defineReport(terminal, {
    name: 'members',
    summary: 'every instance this one knows, in the order of decisions',
    ask: { kind: 'members' },
    render: renderMembers,
  });
}

/** The table, oldest member first, the dead and the gone last. */
export function renderMembers({ self, members }: MembersReport, style: Style): readonly string[] {
  const { palette, width, verbose, nowUnixMs } = style;
  return formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: '#', align: 'right' },
      { title: 'INSTANCE', cutTo: 8 },
      { title: 'ID', dropOrder: 4 },
      { title: 'STATE', paint: (cell, row) => paintState(members[row]?.state ?? '', palette)(cell) },
      { title: 'SEAT' },
      { title: 'LOAD', align: 'right' },
      { title: 'SESSIONS', align: 'right' },
      { title: 'HEARD', align: 'right' },
      { title: 'JOINED', align: 'right', dropOrder: 3 },
      { title: 'VERSION', dropOrder: 6 },
      { title: 'ADDRESS', dropOrder: 5, cutTo: 15 },
      { title: 'NOTE', cutTo: 24, dropOrder: 2 },
    ],
    rows: members.map((member) => [
      member.rank === null ? '–' : String(member.rank),
      member.name + (member.instanceId === self ? ' (self)' : ''),
      formatId(member.instanceId, verbose),
      member.state,
      member.seat === null ? '–' : `v${member.seat.limitVersion}`,
      formatPerMille(member.load.perMille),
      member.load.sessions === null ? '–' : String(member.load.sessions),
      member.instanceId === self ? '–' : formatDuration(member.lastHeardMs),
      formatAgo(member.joinedAt, nowUnixMs),
      member.version,
      verbose ? member.addresses.join(' ') : formatAddress(member.addresses[0] ?? '–'),
      describeOddities(member, self),
    ]),
  });
}

/** Clock differences below it are ordinary and not worth a word. */
const CLOCK_OFFSET_SHOWN_MS = 1000;

/** What the reader should wonder about. */
function describeOddities(member: MemberReport, self: string): string {
  const live = member.rank !== null;
  const oddities: string[] = [];
  if (live && !member.linked && member.instanceId !== self) oddities.push('no direct link');
  const offsetMs = member.clockOffsetMs ?? 0;
  if (Math.abs(offsetMs) >= CLOCK_OFFSET_SHOWN_MS) {
    oddities.push(`clock ${formatDuration(Math.abs(offsetMs))} ${offsetMs > 0 ? 'ahead' : 'behind'}`);
  }
  if (member.seat?.handedOverBy != null) oddities.push('seat taken over');
  return oddities.join(', ');
}
