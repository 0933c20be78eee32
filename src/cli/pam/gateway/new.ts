import type { Command } from 'commander';
import { defineCommand, jsonOption } from '../../frame/command-tree.ts';
import { collect, parseNumber, requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { parseMaxInstances } from './max-instances.ts';

interface NewOptions {
  readonly name?: string;
  readonly maxInstances?: string;
  readonly output?: string;
  readonly admins?: string;
  readonly threshold?: string;
  readonly bootstrap: readonly string[];
  readonly address: readonly string[];
  readonly json?: boolean;
}

const EXAMPLE =
  'pam gateway new -n prod-eu -m 3 -o ./prod-eu --bootstrap gateway-1.example.com:7400 --address gateway-1.example.com:7401';

/** `pam gateway new`: the shared configuration and the admin's profile. */
export function newGatewayCommand(terminal: Terminal): Command {
  return defineCommand({
    name: 'new',
    summary: 'make a gateway: admin key, pool secret and signed first limit, written to a directory',
    examples: [EXAMPLE],
  })
    .option('-n, --name <NAME>', 'name of the gateway')
    .option('-m, --max-instances <N>', 'how many instances may run')
    .option('-o, --output <DIR>', 'directory for gateway-config.json and admin-profile.json; nothing is overwritten')
    .option('--admins <N>', 'how many admins there are, each with a profile (default: 1)')
    .option('--threshold <K>', 'how many of them have to sign (default: 1)')
    .option('--bootstrap <HOST:PORT>', 'mesh address where instances look for each other (repeatable)', collect, [])
    .option('--address <HOST:PORT>', 'access address that clients are told (repeatable)', collect, [])
    .addOption(jsonOption())
    .action((options: NewOptions) => newGateway(terminal, options));
}

async function newGateway(terminal: Terminal, options: NewOptions): Promise<void> {
  const name = requireFlag(options.name, '--name', EXAMPLE);
  const maxInstances = parseMaxInstances(requireFlag(options.maxInstances, '--max-instances', EXAMPLE));
  const directory = requireFlag(options.output, '--output', EXAMPLE);
  const { createGateway, writeGateway } = await import('../../../config/index.ts');
  const { SIGNATURES_MAX } = await import('../../../wire/sealed.ts');
  const bounds = { min: 1, max: SIGNATURES_MAX };
  const admins = parseNumber(options.admins ?? '1', { flag: '--admins', ...bounds });
  const threshold = parseNumber(options.threshold ?? '1', { flag: '--threshold', ...bounds });
  const { bootstrap, address: addresses } = options;
  const created = createGateway({ name, maxInstances, admins, threshold, bootstrap, addresses });
  const { configurationPath, adminProfilePath, adminProfilePaths } = writeGateway(directory, created);
  if (options.json === true) {
    return terminal.printJson({
      gateway_uid: created.uid,
      gateway_name: name,
      max_instances: maxInstances,
      config_file: configurationPath,
      admin_profile: adminProfilePath,
      admin_profiles: adminProfilePaths,
      threshold,
    });
  }
  terminal.print(created.uid);
  terminal.note(`${name}: at most ${maxInstances} instances (limit version 1)`);
  terminal.note(`  ${configurationPath}  for every server; it holds the pool secret`);
  for (const path of adminProfilePaths)
    terminal.note(`  ${path}  for ${admins === 1 ? 'you' : 'one admin'} alone; it holds the admin key`);
  if (admins > 1) terminal.note(`${threshold} of ${admins} admins have to sign whatever changes the pool`);
  terminal.note(`Next, on each server: gateway start --config-file ${configurationPath}`);
}
