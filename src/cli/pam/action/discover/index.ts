/** `pam action discover`: what is out there. */
import type { Command } from 'commander';
import { defineGroup } from '../../../frame/command-tree.ts';
import type { Terminal } from '../../../frame/terminal.ts';
import { processDiscoveryCommand } from './process/index.ts';
import { ruleGroup } from './rule/index.ts';
import { startDiscoveryCommand } from './start.ts';
import { discoveryStatusCommand } from './status.ts';

/** The group and its commands. */
export function discoverGroup(terminal: Terminal): Command {
  return defineGroup(
    {
      name: 'discover',
      summary: 'which hosts answer, what listens there, who has an account, what has changed',
      examples: ['pam action discover start --target 10.0.0.0/24 --wait'],
    },
    [
      startDiscoveryCommand(terminal),
      discoveryStatusCommand(terminal),
      processDiscoveryCommand(terminal),
      ruleGroup(terminal),
    ],
  ).alias('d');
}
