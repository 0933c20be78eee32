import { type Command, Option } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import type { Signer } from '../../../config/index.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { adminKeysOf, openProfile, type ProfileOptions, signerFor } from '../connection.ts';
import type { Proposal } from './proposal.ts';

/** Flags of commands that sign, with a profile or with a key that has no profile yet. */
export interface SigningOptions extends ProfileOptions {
  readonly key?: string;
}

/** Adds `--key`. */
export function addKeyOption(command: Command): Command {
  return command.addOption(
    new Option('--key <FILE>', 'sign with the key that pam login made, for an admin-to-be without a profile'),
  );
}

/** The key that signs. Refuses an admin's of another gateway, and a user's. */
export async function signerOf(terminal: Terminal, options: SigningOptions, { gateway }: Proposal): Promise<Signer> {
  if (options.key !== undefined) return keyOf(terminal, options.key);
  const profile = await openProfile(terminal, options);
  if (profile.gateway.uid !== gateway.uid) {
    throw new GatewayError('bad-usage', `the proposal is for the gateway "${gateway.name}" (${gateway.uid})`, {
      remedy: 'Choose the admin profile of that gateway with --profile FILE.',
    });
  }
  const [key] = await adminKeysOf(terminal, profile, []);
  if (key === undefined) throw new GatewayError('not-allowed', 'the profile has no key');
  return key;
}

async function keyOf(terminal: Terminal, path: string): Promise<Signer> {
  const { loadUserKey } = await import('../../../config/index.ts');
  return signerFor(terminal, loadUserKey(path), path);
}
