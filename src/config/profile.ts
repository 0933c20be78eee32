import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { createEd25519Verify, keyPairFromSeed } from '../base/ed25519.ts';
import { GatewayError } from '../base/errors.ts';
import type { PeerKeyId } from '../base/ids.ts';
import { Secret } from '../base/secret.ts';
import { grantSeal } from '../wire/grant.ts';
import { open, SIGNATURES_MAX } from '../wire/sealed.ts';
import {
  addressLeaf,
  bytesLeaf,
  formatBase64,
  keyIdLeaf,
  LISTED_ADDRESSES_MAX,
  leaf,
  listOf,
  mistakesOf,
  nameLeaf,
  parseJsonObject,
  refuseOtherVersion,
  uidLeaf,
} from './document.ts';
import { ConfigError, type Mistake } from './mistakes.ts';
import { readConfigFile, systemCode, writeSecretFile } from './secret-file.ts';

/** Who may hold a profile. */
export const PROFILE_ROLES = ['admin', 'user'] as const;
/** Whether a profile's key signs limits and records, or shows a grant. */
export type ProfileRole = (typeof PROFILE_ROLES)[number];

/** What a caller of the pool keeps: its key, what it may do, and where instances are found. */
export interface Profile {
  readonly gateway: { readonly uid: string; readonly name: string };
  /** To see who signed a limit. */
  readonly adminKeys: readonly PeerKeyId[];
  /** Public key by which an instance proves that it belongs to the pool; without it anybody at an address could pose as the gateway. */
  readonly poolKey: PeerKeyId;
  /** Seed of the Ed25519 key, 32 bytes. */
  readonly key: Secret<Uint8Array>;
  readonly keyId: PeerKeyId;
  readonly role: ProfileRole;
  readonly name: string;
  /** The sealed grant of a user; null for an admin. Its signatures are checked, its expiry is not. */
  readonly grant: Uint8Array | null;
  /** Access-plane addresses. */
  readonly addresses: readonly string[];
}

/** Surroundings that choose a profile. */
export interface ProfileChoice {
  /** Value of `--profile`. */
  readonly flag: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home?: string;
}

const SEED_BYTES = 32;
const FROM_FILE = 'Take the file as "pam gateway new" or "pam grant new" wrote it.';

const profileSchema = z.strictObject({
  version: z.literal(1),
  gateway: z.strictObject({ uid: uidLeaf, name: nameLeaf }),
  adminKeys: listOf(keyIdLeaf, { min: 1, max: SIGNATURES_MAX, remedy: FROM_FILE }),
  poolKey: keyIdLeaf,
  key: bytesLeaf({ expected: `base64 of ${SEED_BYTES} bytes`, remedy: FROM_FILE, secret: true, length: SEED_BYTES }),
  role: leaf<ProfileRole>({
    expected: '"admin" or "user"',
    remedy: FROM_FILE,
    parse: (raw) => PROFILE_ROLES.find((role) => role === raw),
  }),
  name: nameLeaf,
  grant: z.null().or(bytesLeaf({ expected: 'base64 of a signed grant, or null', remedy: FROM_FILE, secret: false })),
  addresses: listOf(addressLeaf, { min: 0, max: LISTED_ADDRESSES_MAX, remedy: 'Write ["HOST:PORT"], or [] for none.' }),
});
type ParsedProfile = z.infer<typeof profileSchema>;

const KNOWN_KEYS = [...Object.keys(profileSchema.shape), 'uid', 'name'];

/** The profile file to use: `--profile`, else `PAM_PROFILE`, else `~/.pam/profile.json`. */
export function profilePath({ flag, env, home = homedir() }: ProfileChoice): string {
  const chosen = flag ?? env['PAM_PROFILE'];
  return chosen === undefined || chosen === '' ? join(home, '.pam', 'profile.json') : resolve(chosen);
}

/** Reads and checks a profile. Throws `bad-config` with every mistake. */
export function loadProfile(path: string): Profile {
  const text = readConfigFile({
    path,
    what: 'profile',
    missing:
      'Name one with --profile FILE or PAM_PROFILE; "pam gateway new" writes the admin\'s, "pam grant new" a user\'s.',
    secret: true,
  });
  return parseProfile(text, path);
}

/** The profile in JSON text; `where` names its source in messages. Throws `bad-config` with every mistake. */
export function parseProfile(text: string, where: string): Profile {
  const raw = parseJsonObject(text, where);
  refuseOtherVersion(raw, where);
  const parsed = profileSchema.safeParse(raw);
  if (!parsed.success) throw new ConfigError(mistakesOf(parsed.error, where, KNOWN_KEYS));
  const { key, version: _, ...rest } = parsed.data;
  const keyId = keyPairFromSeed(key).id;
  const mistakes = explainRole(parsed.data, keyId).map(
    ([path, problem]): Mistake => ({ where, problem: `${path}: ${problem}`, remedy: FROM_FILE }),
  );
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return { ...rest, key: new Secret(key), keyId };
}

/** The text that `parseProfile` reads back. It holds the key. */
export function formatProfile({
  gateway,
  adminKeys,
  poolKey,
  key,
  role,
  name,
  grant,
  addresses,
}: Profile): Secret<string> {
  const text = { key: formatBase64(key.reveal()), grant: grant === null ? null : formatBase64(grant) };
  const { uid, name: gatewayName } = gateway;
  const document = {
    version: 1,
    gateway: { uid, name: gatewayName },
    adminKeys,
    poolKey,
    key: text.key,
    role,
    name,
    grant: text.grant,
    addresses,
  };
  return new Secret(`${JSON.stringify(document, undefined, 2)}\n`);
}

/** Writes a profile with mode 0600, its directory made if missing. Throws `already-exists` unless told to replace. */
export function saveProfile(path: string, profile: Profile, options: { readonly replace?: boolean } = {}): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new GatewayError('storage-failed', `directory ${dirname(path)} cannot be made (${systemCode(cause)})`, {
      cause,
    });
  }
  writeSecretFile({ path, content: formatProfile(profile).reveal(), replace: options.replace ?? false });
}

/** What does not fit together: path and problem. */
function explainRole(profile: ParsedProfile, keyId: PeerKeyId): readonly (readonly [string, string])[] {
  if (profile.role === 'admin') {
    return profile.adminKeys.includes(keyId)
      ? []
      : [['key', `is that of ${keyId}, which is not in adminKeys, but the role is admin`]];
  }
  if (profile.grant === null) return [['grant', 'is null, but the role is user']];
  const problem = explainGrant(profile, profile.grant, keyId);
  return problem === undefined ? [] : [['grant', problem]];
}

function explainGrant(profile: ParsedProfile, sealed: Uint8Array, keyId: PeerKeyId): string | undefined {
  try {
    const { value, signers } = open(grantSeal, sealed, createEd25519Verify());
    if (value.gatewayUid !== profile.gateway.uid)
      return `belongs to gateway ${value.gatewayUid}, not to ${profile.gateway.uid}`;
    if (value.userKey !== keyId) return `is for the key ${value.userKey}, not for this profile's ${keyId}`;
    return signers.some((signer) => profile.adminKeys.includes(signer))
      ? undefined
      : 'is not signed by a key of adminKeys';
  } catch (error) {
    return `is not a signed grant (${error instanceof GatewayError ? error.message : 'unreadable'})`;
  }
}
