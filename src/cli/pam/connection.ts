import { type Command, Option } from 'commander';
import type { AccessClient, AccessClientInit } from '../../access/client/index.ts';
import { GatewayError } from '../../base/errors.ts';
import type { KeyDocument, KeylessProfile, Signer } from '../../config/index.ts';
import type { Succession } from '../../wire/succession.ts';
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

/** A profile whose key can sign, whether it is in the file or in an agent. */
export interface OpenProfile extends KeylessProfile {
  /** Its file. */
  readonly path: string;
  readonly signer: Signer;
}

/** The profile meant by the flags and the environment, with the addresses that were added. */
export async function openProfile(
  terminal: Terminal,
  { profile: flag, address }: ProfileOptions,
): Promise<OpenProfile> {
  const { explainDialAddress, profilePath } = await import('../../config/client.ts');
  for (const added of address) {
    const problem = explainDialAddress(added);
    if (problem !== undefined) throw new GatewayError('bad-usage', `--address: "${added}" ${problem}`);
  }
  const profile = await unlockProfile(terminal, profilePath({ flag, env: terminal.env }));
  return { ...profile, addresses: [...new Set([...address, ...profile.addresses])] };
}

/** Loads a profile; asks for its passphrase if it has one. */
async function unlockProfile(terminal: Terminal, path: string): Promise<OpenProfile> {
  const { loadClosedProfile } = await import('../../config/client.ts');
  const { key, ...profile } = loadClosedProfile(path);
  return { ...profile, path, signer: await signerFor(terminal, key, path) };
}

/** Who signs with a key that stands in the file `path`: its passphrase is asked for, an agent only when there is something to sign. */
export async function signerFor(terminal: Terminal, key: KeyDocument, path: string): Promise<Signer> {
  const { agentSigner, openKey } = await import('../../config/client.ts');
  if ('inAgent' in key) return agentSigner(key.inAgent, terminal);
  const { keyPairFromSeed } = await import('../../base/ed25519.ts');
  if (key instanceof Uint8Array) return keyPairFromSeed(key);
  const { askPassphrase } = await import('../frame/passphrase.ts');
  const passphrase = await askPassphrase(terminal, { what: `the key in ${path}` });
  return keyPairFromSeed(openKey(key, path, passphrase).reveal());
}

/** What a command does with a connected client. */
export interface Connected {
  readonly client: AccessClient;
  readonly profile: OpenProfile;
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
  profile: OpenProfile,
  work: (client: AccessClient) => Promise<T>,
): Promise<T> {
  const { connectAccess } = await import('../../access/client/index.ts');
  const client = await connectAccess(clientInit(profile), terminal.signal);
  try {
    if (client.succession !== null) await followSuccession(terminal, profile, client.succession);
    return await work(client);
  } finally {
    await client.stop();
  }
}

/** Once the former pool key counts no more the profile trusts the new one alone. Until then instances may prove themselves by either. */
async function followSuccession(
  terminal: Terminal,
  { path, poolKey: from }: OpenProfile,
  { poolKey: to, untilUnixMs }: Succession,
): Promise<void> {
  if (Date.now() < untilUnixMs) return;
  const { replacePoolKey } = await import('../../config/client.ts');
  try {
    replacePoolKey(path, { from, to });
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    terminal.note(`The pool secret was replaced; the profile still names the former key: ${error.message}`);
  }
}

/** What a client of the profile's gateway begins with. */
export function clientInit(profile: OpenProfile): AccessClientInit {
  const { signer, grant, addresses, gateway, poolKey, adminKeys, threshold } = profile;
  return { signer, grant, addresses, poolKey, admins: { adminKeys, threshold }, gatewayUid: gateway.uid };
}

/** Refuses a gateway that the profile is not for: `-g` takes its UID or its name in any case. */
export function assertGateway(profile: KeylessProfile, named: string): void {
  const { uid, name } = profile.gateway;
  if (named === uid || named.toLowerCase() === name.toLowerCase()) return;
  throw new GatewayError('not-found', `Gateway "${named}" not found`, {
    remedy: `This profile is for "${name}" (${uid}); another one is chosen with --profile FILE.`,
  });
}

/** The keys that sign for the admins: the profile's own, and those of further admins where the gateway needs several. */
export async function adminKeysOf(
  terminal: Terminal,
  profile: OpenProfile,
  furtherProfiles: readonly string[],
): Promise<readonly Signer[]> {
  const profiles = [profile];
  // One after the other: each may ask for its passphrase.
  for (const path of furtherProfiles) profiles.push(await unlockProfile(terminal, path));
  for (const { role, name, gateway } of profiles) {
    if (role !== 'admin') throw notAdmin(name);
    if (gateway.uid !== profile.gateway.uid) throw otherGateway(name, gateway.name);
  }
  return profiles.map(({ signer }) => signer);
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
