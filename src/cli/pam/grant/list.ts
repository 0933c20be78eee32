import type { Command } from 'commander';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, openProfile, type ProfileOptions } from '../connection.ts';
import { renderGrants } from './grant-report.ts';
import { readGrants } from './issued.ts';

interface ListOptions extends ProfileOptions {
  readonly verbose?: boolean;
}

/** `pam grant list`: what was issued on this machine, and what has become of it. */
export function listGrantsCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'list',
    summary: 'list the grants that were issued on this machine',
    examples: ['pam grant list'],
  });
  return addProfileOptions(command)
    .option('-v, --verbose', 'whole keys')
    .action((options: ListOptions) => listGrants(terminal, options));
}

async function listGrants(terminal: Terminal, options: ListOptions): Promise<void> {
  const profile = await openProfile(terminal, options);
  const grants = await readGrants(terminal, options, profile);
  if (options.json === true) return terminal.printJson({ gateway_uid: profile.gateway.uid, grants });
  for (const line of renderGrants(grants, terminal.style({ verbose: options.verbose }))) terminal.print(line);
}
