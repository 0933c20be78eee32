/** `pam tunnel`: local ports that lead to records. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { diagnoseCommand } from './diagnose.ts';
import { listTunnelsCommand } from './list.ts';
import { startTunnelCommand } from './start.ts';
import { stopTunnelCommand } from './stop.ts';

/** The group and its commands. */
export function tunnelGroup(terminal: Terminal): Command {
  return defineGroup(
    { name: 'tunnel', summary: 'local ports that lead to records', examples: ['pam tunnel start web-1'] },
    [
      startTunnelCommand(terminal),
      listTunnelsCommand(terminal),
      stopTunnelCommand(terminal),
      diagnoseCommand(terminal),
    ],
  );
}
