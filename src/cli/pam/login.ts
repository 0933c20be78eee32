import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { GatewayError } from '../../base/errors.ts';
import type { PeerKeyId } from '../../base/ids.ts';
import type { AgentKey } from '../../config/index.ts';
import { defineCommand, jsonOption } from '../frame/command-tree.ts';
import { parseText } from '../frame/flags.ts';
import { askPassphrase } from '../frame/passphrase.ts';
import type { Terminal } from '../frame/terminal.ts';

interface LoginOptions {
  readonly profile?: string;
  readonly grant?: string;
  readonly passphrase?: boolean;
  readonly agent?: string | true;
  readonly json?: boolean;
}

const KEY_FILE = 'key.json';
const SEED_BYTES = 32;
/** A comment of ssh-keygen is a line; nobody types a longer one. */
const AGENT_KEY_LENGTH_MAX = 1024;

/** `pam login`: a key of the user's own, made on their machine; then the grant that an admin has signed for it. */
export function loginCommand(terminal: Terminal): Command {
  return defineCommand({
    name: 'login',
    summary: 'make a key of your own and show its public part; then take in the grant an admin gave you for it',
    examples: ['pam login', 'pam login --passphrase', 'pam login --agent', 'pam login --grant alice.grant'],
  })
    .addOption(new Option('--profile <FILE>', 'profile to make (default: PAM_PROFILE, else ~/.pam/profile.json)'))
    .option('--grant <FILE>', 'what the admin wrote with pam grant new --for-key')
    .option('--passphrase', 'protect the new key by a passphrase')
    .addOption(agentOption())
    .addOption(jsonOption())
    .action((options: LoginOptions) => login(terminal, options));
}

async function login(terminal: Terminal, options: LoginOptions): Promise<void> {
  const { profilePath } = await import('../../config/index.ts');
  const profile = profilePath({ flag: options.profile, env: terminal.env });
  const keyFile = join(dirname(profile), KEY_FILE);
  const keyId = await ownKey(terminal, keyFile, options);
  if (options.grant !== undefined)
    return takeGrant(terminal, { ...options, grant: resolve(options.grant), profile, keyFile });
  if (options.json === true) return terminal.printJson({ publicKey: keyId, keyFile });
  terminal.print(keyId);
  const where = options.agent === undefined ? `in ${keyFile}` : `in ssh-agent, which ${keyFile} says`;
  terminal.note(`Your key is ${where}; the line above is its public part.`);
  terminal.note(`Next, as an admin: pam grant new --name YOU --for-key ${keyId} --out YOU.grant`);
  terminal.note('Then, here: pam login --grant YOU.grant');
}

/** `--agent`, for a key that stays in ssh-agent. */
export function agentOption(): Option {
  const summary = 'use an Ed25519 key of ssh-agent, by its comment or fingerprint; without one, the only one it has';
  return new Option('--agent [KEY]', summary).conflicts('passphrase');
}

/** The key of the agent that `--agent` means. Throws `bad-usage`, `bad-config`, `not-found`. */
export async function agentKeyOf(terminal: Terminal, agent: string | true): Promise<AgentKey> {
  if (agent !== true) parseText(agent, { flag: '--agent', max: AGENT_KEY_LENGTH_MAX });
  const { chooseAgentKey } = await import('../../config/index.ts');
  return chooseAgentKey(terminal, agent === true ? undefined : agent);
}

/** The key that is there, or a new one, or the agent's. */
async function ownKey(terminal: Terminal, path: string, { passphrase, agent }: LoginOptions): Promise<PeerKeyId> {
  const { keyIdOf, loadUserKey, saveUserKey } = await import('../../config/index.ts');
  const inAgent = agent === undefined ? undefined : (await agentKeyOf(terminal, agent)).id;
  if (existsSync(path)) {
    const keyId = keyIdOf(loadUserKey(path));
    if (passphrase !== true && (inAgent ?? keyId) === keyId) return keyId;
    const meant = passphrase === true ? '--passphrase is for a new key' : 'it is another key than that of --agent';
    throw new GatewayError('already-exists', `${path} exists already; ${meant}`, {
      remedy: 'Move that file away first; what was granted to the old key has to be granted anew.',
    });
  }
  if (inAgent !== undefined) saveUserKey(path, { inAgent }, undefined);
  else {
    const { Secret } = await import('../../base/secret.ts');
    const asked =
      passphrase === true ? await askPassphrase(terminal, { what: 'your new key', twice: true }) : undefined;
    saveUserKey(path, new Secret(new Uint8Array(randomBytes(SEED_BYTES))), asked);
  }
  return keyIdOf(loadUserKey(path));
}

interface Taking extends LoginOptions {
  readonly grant: string;
  readonly profile: string;
  readonly keyFile: string;
}

/** Joins grant and key to a profile; a newer grant takes the place of an older one for the same key. */
async function takeGrant(terminal: Terminal, { grant, profile, keyFile, json }: Taking): Promise<void> {
  const { completeProfile, keyIdOf, loadClosedProfile, loadUserKey, savePrivateFile } = await import(
    '../../config/index.ts'
  );
  const key = loadUserKey(keyFile);
  const whole = completeProfile(readGrantFile(grant), grant, key);
  if (existsSync(profile) && loadClosedProfile(profile).keyId !== keyIdOf(key)) {
    throw new GatewayError('already-exists', `${profile} is the profile of another key`, {
      remedy: 'Name another file with --profile FILE.',
    });
  }
  savePrivateFile(profile, whole.reveal(), { replace: true });
  if (json === true) return terminal.printJson({ publicKey: keyIdOf(key), keyFile, profile });
  terminal.print(profile);
  terminal.note('Next: pam record list');
}

/** It holds no secret, so it may come by any way and with any mode. */
function readGrantFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GatewayError('bad-usage', `--grant: ${path} cannot be read`, {
      cause,
      remedy: 'Name the file that the admin wrote with pam grant new --for-key.',
    });
  }
}
