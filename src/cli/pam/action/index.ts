/** `pam action`: rotations and discoveries, and asking the pool about jobs and instances. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { discoverGroup } from './discover/index.ts';
import { gatewayInfoCommand } from './gateway-info.ts';
import { jobCancelCommand } from './job-cancel.ts';
import { jobInfoCommand } from './job-info.ts';
import { rotateCommand } from './rotate.ts';

/** The group and its commands. */
export function actionGroup(terminal: Terminal): Command {
  return defineGroup(
    { name: 'action', summary: 'jobs and instances of the pool', examples: ['pam action gateway-info'] },
    [
      jobInfoCommand(terminal),
      jobCancelCommand(terminal),
      gatewayInfoCommand(terminal),
      rotateCommand(terminal),
      discoverGroup(terminal),
    ],
  );
}
