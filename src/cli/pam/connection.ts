import { type Command, Option } from 'commander';
import type { AccessClient } from '../../access/client/index.ts';
import type { KeyPair } from '../../base/ed25519.ts';
import { GatewayError } from '../../base/errors.ts';
import type { Profile } from '../../config/index.ts';
import { jsonOption } from '../frame/command-tree.ts';
import { collect } from '../frame/flags.ts';
import type { Terminal } from '../frame/terminal.ts';

/** Flags of every command that uses a profile. */
export interface ProfileOptions {
  readonly profile?: string;
  readonly address: readonly string[];
  readonly json?: boolean;
}

/** Adds `--profile`, `--address` and `--json`. */
export function addProfileOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--profile <FILE>', 'key, grant and addresses (default: PAM_PROFILE, else ~/.pam/profile.json)'),
    )
    .addOption(
      new Option('--address <HOST:PORT>', 'access address of an instance, besides those of the profile (repeatable)')
        .default([], 'none')
        .argParser(collect),
    )
    .addOption(jsonOption());
}

/** The profile meant by the flags and the environment, with the addresses that were added. */
export async function openProfile(terminal: Terminal, { profile: flag, address }: ProfileOptions): Promise<Profile> {
  const { explainDialAddress, profilePath } = await import('../../config/client.ts');
  for (const added of address) {
    const problem = explainDialAddress(added);
    if (problem !== undefined) throw new GatewayError('bad-usage', `--address: "${added}" ${problem}`);
  }
  const profile = await unlockProfile(terminal, profilePath({ flag, env: terminal.env }));
  return { ...profile, addresses: [...new Set([...address, ...profile.addresses])] };
}

/** Loads a profile; asks for its passphrase if it has one. */
async function unlockProfile(terminal: Terminal, path: string): Promise<Profile> {
  const { isProfileLocked, loadProfile } = await import('../../config/client.ts');
  if (!isProfileLocked(path)) return loadProfile(path);
  const { askPassphrase } = await import('../frame/passphrase.ts');
  return loadProfile(path, await askPassphrase(terminal, { what: `the key in ${path}` }));
}

/** What a command does with a connected client. */
export interface Connected {
  readonly client: AccessClient;
  readonly profile: Profile;
}

/** Connects with the profile, does the work, and closes whatever happens. */
export async function withClient<T>(
  terminal: Terminal,
  options: ProfileOptions,
  work: (connected: Connected) => Promise<T>,
): Promise<T> {
  const profile = await openProfile(terminal, options);
  return useClient(terminal, profile, (client) => work({ client, profile }));
}

/** The same with a profile that is loaded already. */
export async function useClient<T>(
  terminal: Terminal,
  profile: Profile,
  work: (client: AccessClient) => Promise<T>,
): Promise<T> {
  const { connectAccess } = await import('../../access/client/index.ts');
  const { key, grant, addresses, gateway, poolKey } = profile;
  const init = { keySeed: key.reveal(), grant, addresses, poolKey, gatewayUid: gateway.uid };
  const client = await connectAccess(init, terminal.signal);
  try {
    return await work(client);
  } finally {
    await client.stop();
  }
}

/** Refuses a gateway that the profile is not for: `-g` takes its UID or its name in any case. */
export function assertGateway(profile: Profile, named: string): void {
  const { uid, name } = profile.gateway;
  if (named === uid || named.toLowerCase() === name.toLowerCase()) return;
  throw new GatewayError('not-found', `Gateway "${named}" not found`, {
    remedy: `This profile is for "${name}" (${uid}); another one is chosen with --profile FILE.`,
  });
}

/** The keys that sign for the admins: the profile's own, and those of further admins where the gateway needs several. */
export async function adminKeysOf(
  terminal: Terminal,
  profile: Profile,
  furtherProfiles: readonly string[],
): Promise<readonly KeyPair[]> {
  const { keyPairFromSeed } = await import('../../base/ed25519.ts');
  const profiles = [profile];
  // One after the other: each may ask for its passphrase.
  for (const path of furtherProfiles) profiles.push(await unlockProfile(terminal, path));
  for (const { role, name, gateway } of profiles) {
    if (role !== 'admin') throw notAdmin(name);
    if (gateway.uid !== profile.gateway.uid) throw otherGateway(name, gateway.name);
  }
  return profiles.map(({ key }) => keyPairFromSeed(key.reveal()));
}

/** `--sign-with`, for gateways that need more than one admin's signature. */
export function signWithOption(): Option {
  return new Option(
    '--sign-with <FILE>',
    'profile of a further admin who signs, where the gateway needs several (repeatable)',
  )
    .default([], 'none')
    .argParser(collect);
}

function notAdmin(name: string): GatewayError {
  return new GatewayError('not-allowed', `the profile of ${name} is a user's; this needs an admin key`, {
    remedy: 'Choose the admin profile with --profile FILE.',
  });
}

function otherGateway(name: string, gateway: string): GatewayError {
  return new GatewayError('bad-usage', `--sign-with: the profile of ${name} is for the gateway "${gateway}"`);
}
