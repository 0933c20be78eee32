import type { Command } from 'commander';
import { defineCommand, jsonOption } from '../../frame/command-tree.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { formatAgo, formatBytes, formatId } from '../../frame/text.ts';
import type { TunnelReport } from './registry.ts';

/** `pam tunnel list`: this user's tunnels on this machine. */
export function listTunnelsCommand(terminal: Terminal): Command {
  return defineCommand({
    name: 'list',
    summary: 'your tunnels on this machine',
    examples: ['pam tunnel list', 'pam tunnel list --json'],
  })
    .addOption(jsonOption())
    .action(async ({ json }: { readonly json?: boolean }) => {
      const { listTunnels } = await import('./registry.ts');
      const tunnels = await listTunnels(terminal.signal);
      if (json === true) return terminal.printJson({ tunnels });
      terminal.print(renderTunnels(tunnels, terminal.style()).join('\n'));
    });
}

/** The table, in the reference's columns and ours. */
export function renderTunnels(
  tunnels: readonly TunnelReport[],
  { palette, width, nowUnixMs }: Style,
): readonly string[] {
  if (tunnels.length === 0) return ['No Tunnels running'];
  return formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'RECORD', cutTo: 8 },
      { title: 'REMOTE TARGET', cutTo: 12 },
      { title: 'LOCAL ADDRESS' },
      { title: 'TUNNEL ID' },
      { title: 'OPEN', align: 'right' },
      { title: 'ALL', align: 'right', dropOrder: 2 },
      { title: 'IN', align: 'right', dropOrder: 3 },
      { title: 'OUT', align: 'right', dropOrder: 3 },
      { title: 'STARTED', align: 'right', dropOrder: 1 },
      { title: 'HELD BY', dropOrder: 4 },
    ],
    rows: tunnels.map((tunnel) => [
      tunnel.title,
      tunnel.target,
      tunnel.listening,
      tunnel.tunnelId,
      String(tunnel.connections),
      String(tunnel.connectionsTotal),
      formatBytes(tunnel.bytesIn),
      formatBytes(tunnel.bytesOut),
      formatAgo(tunnel.startedAt, nowUnixMs),
      formatId(tunnel.worker, false),
    ]),
  });
}
