import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { GatewayError } from '../../base/errors.ts';
import { defineCommand, jsonOption } from '../frame/command-tree.ts';
import { askPassphrase } from '../frame/passphrase.ts';
import type { Terminal } from '../frame/terminal.ts';

interface LoginOptions {
  readonly profile?: string;
  readonly grant?: string;
  readonly passphrase?: boolean;
  readonly json?: boolean;
}

const KEY_FILE = 'key.json';
const SEED_BYTES = 32;

/** `pam login`: a key of the user's own, made on their machine; then the grant that an admin has signed for it. */
export function loginCommand(terminal: Terminal): Command {
  return defineCommand({
    name: 'login',
    summary: 'make a key of your own and show its public part; then take in the grant an admin gave you for it',
    examples: ['pam login', 'pam login --passphrase', 'pam login --grant alice.grant'],
  })
    .addOption(new Option('--profile <FILE>', 'profile to make (default: PAM_PROFILE, else ~/.pam/profile.json)'))
    .option('--grant <FILE>', 'what the admin wrote with pam grant new --for-key')
    .option('--passphrase', 'protect the new key by a passphrase')
    .addOption(jsonOption())
    .action((options: LoginOptions) => login(terminal, options));
}

async function login(terminal: Terminal, options: LoginOptions): Promise<void> {
  const { profilePath } = await import('../../config/index.ts');
  const profile = profilePath({ flag: options.profile, env: terminal.env });
  const keyFile = join(dirname(profile), KEY_FILE);
  const keyId = await ownKey(terminal, keyFile, options.passphrase === true);
  if (options.grant !== undefined)
    return takeGrant(terminal, { ...options, grant: resolve(options.grant), profile, keyFile });
  if (options.json === true) return terminal.printJson({ publicKey: keyId, keyFile });
  terminal.print(keyId);
  terminal.note(`Your key is in ${keyFile}; the line above is its public part.`);
  terminal.note(`Next, as an admin: pam grant new --name YOU --for-key ${keyId} --out YOU.grant`);
  terminal.note('Then, here: pam login --grant YOU.grant');
}

/** The key that is there, or a new one. */
async function ownKey(terminal: Terminal, path: string, wantsPassphrase: boolean): Promise<string> {
  const [{ Secret }, { keyIdOf, loadUserKey, saveUserKey }] = await Promise.all([
    import('../../base/secret.ts'),
    import('../../config/index.ts'),
  ]);
  if (existsSync(path)) {
    if (!wantsPassphrase) return keyIdOf(loadUserKey(path));
    throw new GatewayError('already-exists', `${path} exists already; --passphrase is for a new key`, {
      remedy: 'Move that file away first; what was granted to the old key has to be granted anew.',
    });
  }
  const passphrase = wantsPassphrase ? await askPassphrase(terminal, { what: 'your new key', twice: true }) : undefined;
  saveUserKey(path, new Secret(new Uint8Array(randomBytes(SEED_BYTES))), passphrase);
  return keyIdOf(loadUserKey(path));
}

interface Taking extends LoginOptions {
  readonly grant: string;
  readonly profile: string;
  readonly keyFile: string;
}

/** Joins grant and key to a profile; a newer grant takes the place of an older one for the same key. */
async function takeGrant(terminal: Terminal, { grant, profile, keyFile, json }: Taking): Promise<void> {
  const { completeProfile, keyIdOf, loadUserKey, profileKeyId, savePrivateFile } = await import(
    '../../config/index.ts'
  );
  const key = loadUserKey(keyFile);
  const whole = completeProfile(readGrantFile(grant), grant, key);
  if (existsSync(profile) && profileKeyId(profile) !== keyIdOf(key)) {
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
