import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Option } from 'commander';
import type { Terminal } from '../frame/terminal.ts';

/** `--data-dir`, by which a command finds the running instance. */
export function dataDirOption(): Option {
  return new Option(
    '--data-dir <DIR>',
    'data directory of the instance (default: /var/lib/pam-gateway for root, else ~/.pam-gateway)',
  );
}

/**
 * The data directory meant: the flag, else `GATEWAY_DATA_DIR`, else what the settings file of `GATEWAY_SETTINGS` says, else the default of
 * `gateway start`. The same rule as `chooseDataDirectory`, which a test holds it to; what reads whole configurations is only loaded where
 * there is one to read, since that alone takes longer than the rest of a debug command.
 */
export async function chooseDataDir(flag: string | undefined, env: Terminal['env']): Promise<string> {
  const named = flag ?? env['GATEWAY_DATA_DIR']?.trim() ?? '';
  if (named === '~' || named.startsWith('~/')) return join(homedir(), named.slice(1));
  if (named !== '') return resolve(named);
  if ((env['GATEWAY_SETTINGS'] ?? '').trim() !== '') {
    const { chooseDataDirectory } = await import('../../config/index.ts');
    return chooseDataDirectory({ flag: undefined, env });
  }
  return process.getuid?.() === 0 ? '/var/lib/pam-gateway' : join(homedir(), '.pam-gateway');
}
