/** `pam rotation`: how records are rotated. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { editRotationCommand } from './edit.ts';
import { rotationInfoCommand } from './info.ts';
import { listRotationsCommand } from './list.ts';
import { rotationScriptCommand } from './script.ts';

/** The group and its commands. */
export function rotationGroup(terminal: Terminal): Command {
  return defineGroup(
    { name: 'rotation', summary: 'how records are rotated', examples: ['pam rotation info -r orders-db'] },
    [
      editRotationCommand(terminal),
      listRotationsCommand(terminal),
      rotationInfoCommand(terminal),
      rotationScriptCommand(terminal),
    ],
  );
}
