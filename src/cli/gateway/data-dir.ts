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
 * The data directory meant: the flag, else `GATEWAY_DATA_DIR`, else the default of `gateway start`. The same rule as `loadDataDirectory`, which a
 * test holds it to, without loading what reads whole configurations: that alone takes longer than the rest of a debug command.
 */
export function chooseDataDir(flag: string | undefined, env: Terminal['env']): string {
  const named = flag ?? env['GATEWAY_DATA_DIR']?.trim() ?? '';
  if (named === '') return process.getuid?.() === 0 ? '/var/lib/pam-gateway' : join(homedir(), '.pam-gateway');
  return named === '~' || named.startsWith('~/') ? join(homedir(), named.slice(1)) : resolve(named);
}
