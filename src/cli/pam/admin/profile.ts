import { resolve } from 'node:path';
import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { NAME_LENGTH_MAX } from '../../../wire/bounds.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseText, requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';
import { parseUserKey } from '../grant/new.ts';

interface AdminProfileOptions extends ProfileOptions {
  readonly forKey?: string;
  readonly name?: string;
  readonly out?: string;
}

const EXAMPLE = 'pam admin profile --name bob --for-key 12D3KooW… --out bob.admin';

/** `pam admin profile`: for an admin who has made a key with `pam login`, and for one whose profile names former admins. */
export function profileCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'profile',
    summary: 'write the profile of an admin who has a key of their own; it holds none',
    examples: [EXAMPLE],
  });
  return addProfileOptions(command)
    .option('--for-key <PUBLIC>', "the admin's key, as pam login shows it")
    .option('--name <WHO>', 'whose it is')
    .option('--out <FILE>', 'file to write; never overwritten')
    .action((options: AdminProfileOptions) => writeProfile(terminal, options));
}

async function writeProfile(terminal: Terminal, options: AdminProfileOptions): Promise<void> {
  const keyId = parseUserKey(requireFlag(options.forKey, '--for-key', EXAMPLE), '--for-key');
  const name = parseText(requireFlag(options.name, '--name', EXAMPLE), { flag: '--name', max: NAME_LENGTH_MAX });
  const path = resolve(requireFlag(options.out, '--out', EXAMPLE));
  await withClient(terminal, options, async ({ client, profile }) => {
    const { keysOf, readPolicy } = await import('../policy/next-policy.ts');
    const { adminKeys, threshold } = (await readPolicy(client, profile, terminal.signal)).authority;
    if (!adminKeys.includes(keyId)) {
      throw new GatewayError('not-found', `${keyId} is no admin of this gateway`, {
        remedy: 'Make it one first: pam admin propose admins',
      });
    }
    const { saveKeylessProfile } = await import('../../../config/index.ts');
    const authority = { adminKeys: keysOf(adminKeys), threshold };
    saveKeylessProfile(path, { ...profile, ...authority, keyId, role: 'admin', name, grant: null });
  });
  if (options.json === true) return terminal.printJson({ profile: path, name, key: keyId });
  terminal.print(path);
  terminal.note(`It holds no key. Next, as that admin: pam login --grant ${path}`);
}
