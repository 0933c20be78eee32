import type { Command } from 'commander';
import type { StatusReport } from '../../../api/client.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatAddress, formatAgo, formatDuration, printable } from '../../frame/text.ts';
import { defineReport } from './define-report.ts';
import { paintState } from './pool-line.ts';

/** `gateway debug status`: who this instance is and how it stands. */
export function statusCommand(terminal: Terminal): Command {
  return defineReport(terminal, {
    name: 'status',
    summary: 'who this instance is, where it listens, how it stands',
    ask: { kind: 'status' },
    render: renderStatus,
  });
}

/** Name and value, one fact per line. */
export function renderStatus(report: StatusReport, { palette, nowUnixMs, verbose }: Style): readonly string[] {
  const { listen } = report;
  const facts: readonly (readonly [string, string])[] = [
    ['instance', `${printable(report.name)}  ${report.instanceId}`],
    ['gateway', `${printable(report.gateway.name)}  ${report.gateway.uid}`],
    ['state', paintState(report.state, palette)(report.state) + (report.rank === null ? '' : `, rank ${report.rank}`)],
    ['reason', printable(report.reason)],
    [
      'seat',
      report.seat === null
        ? 'none'
        : `granted under limit v${report.seat.limitVersion}, ${formatAgo(report.seat.grantedAt, nowUnixMs)}`,
    ],
    ['mesh', showAddresses(listen.mesh, verbose)],
    ['access', showAddresses(listen.access, verbose)],
    ['http', listen.http ?? 'off'],
    ['data', report.dataDir],
    ['process', `${report.processId}, up ${formatDuration(report.uptimeMs)}, since ${report.startedAt}`],
    ['version', `${report.version}, ${report.platform}`],
  ];
  return facts.map(([name, value]) => `${palette.faint(name.padEnd(10))}${value}`);
}

function showAddresses(addresses: readonly string[], verbose: boolean): string {
  return addresses.map((address) => (verbose ? address : formatAddress(address))).join(', ') || '–';
}
