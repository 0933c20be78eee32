import type { Command } from 'commander';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, openProfile, type ProfileOptions } from '../connection.ts';
import { renderGrant } from './grant-report.ts';
import { findGrant, readGrants } from './issued.ts';

/** `pam grant show`: one grant with everything it says. */
export function showGrantCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'show',
    summary: 'show a grant with its conditions',
    examples: ['pam grant show alice'],
  });
  return addProfileOptions(command)
    .argument('<grant>', 'id of the grant, or the name of its user if there is one only')
    .action((named: string, options: ProfileOptions) => showGrant(terminal, named, options));
}

async function showGrant(terminal: Terminal, named: string, options: ProfileOptions): Promise<void> {
  const profile = await openProfile(terminal, options);
  const grant = findGrant(await readGrants(terminal, options, profile), named);
  if (options.json === true) return terminal.printJson(grant);
  for (const line of renderGrant(grant)) terminal.print(line);
}
