/** `pam admin`: who signs for the gateway, and what several have to sign together. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { listCommand } from './list.ts';
import { profileCommand } from './profile.ts';
import { proposeGroup } from './propose.ts';
import { publishCommand } from './publish.ts';
import { rotateCommand } from './rotate.ts';
import { showCommand, signCommand } from './sign.ts';

/** The group and its commands. */
export function adminGroup(terminal: Terminal): Command {
  return defineGroup(
    {
      name: 'admin',
      summary: 'see and change who signs for the gateway; sign together on separate machines',
      examples: ['pam admin list', 'pam admin propose limit -m 5 --out limit.proposal'],
    },
    [
      listCommand(terminal),
      proposeGroup(terminal),
      showCommand(terminal),
      signCommand(terminal),
      publishCommand(terminal),
      rotateCommand(terminal),
      profileCommand(terminal),
    ],
  );
}
