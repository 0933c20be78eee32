import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { createEd25519Verify } from '../base/ed25519.ts';
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
import { readConfigFile, savePrivateFile } from './secret-file.ts';
import {
  formatKeyDocument,
  type KeyDocument,
  keyIdOf,
  openKey,
  parseKeyDocument,
  protect,
  SEED_BYTES,
} from './user-key/key-document.ts';

/** Who may hold a profile. */
export const PROFILE_ROLES = ['admin', 'user'] as const;
/** Whether a profile's key signs limits and records, or shows a grant. */
export type ProfileRole = (typeof PROFILE_ROLES)[number];

/** What a caller of the pool keeps: its key, what it may do, and where instances are found. */
export interface Profile {
  readonly gateway: { readonly uid: string; readonly name: string };
  /** To see who signed a limit. */
  readonly adminKeys: readonly PeerKeyId[];
  /** How many of them sign a limit, a grant or a policy; 1 where an older profile does not say. */
  readonly threshold: number;
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

const FROM_FILE = 'Take the file as "pam gateway new" or "pam grant new" wrote it.';

const thresholdLeaf = leaf({
  expected: `a whole number from 1 to ${SIGNATURES_MAX}`,
  remedy: FROM_FILE,
  parse: (raw) =>
    typeof raw === 'number' && Number.isInteger(raw) && raw >= 1 && raw <= SIGNATURES_MAX ? raw : undefined,
});
const keyLeaf = leaf<KeyDocument>({
  expected: `base64 of ${SEED_BYTES} bytes, a key protected by a passphrase, or one in an agent`,
  remedy: FROM_FILE,
  secret: true,
  parse: parseKeyDocument,
});

const profileSchema = z.strictObject({
  version: z.literal(1),
  gateway: z.strictObject({ uid: uidLeaf, name: nameLeaf }),
  threshold: thresholdLeaf.optional().default(1),
  adminKeys: listOf(keyIdLeaf, { min: 1, max: SIGNATURES_MAX, remedy: FROM_FILE }),
  poolKey: keyIdLeaf,
  key: keyLeaf,
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
export function loadProfile(path: string, passphrase?: Secret<string>): Profile {
  return parseProfile(readProfile(path), path, passphrase);
}

/** A profile whose key is not opened: it may need a passphrase, or be in an agent. */
export type ClosedProfile = KeylessProfile & { readonly key: KeyDocument };

/** Reads and checks a profile, but leaves its key as it is. Throws `bad-config` with every mistake. */
export function loadClosedProfile(path: string): ClosedProfile {
  return checkProfile(readProfile(path), path);
}

function readProfile(path: string): string {
  return readConfigFile({
    path,
    what: 'profile',
    missing:
      'Name one with --profile FILE or PAM_PROFILE; "pam gateway new" writes the admin\'s, "pam grant new" a user\'s.',
    secret: true,
  });
}

/** The profile in JSON text; `where` names its source in messages. Throws `bad-config` with every mistake. */
export function parseProfile(text: string, where: string, passphrase?: Secret<string>): Profile {
  const { key, keyId, ...rest } = checkProfile(text, where);
  return { ...rest, key: openKey(key, where, passphrase), keyId };
}

/** Everything about a profile that can be judged without the passphrase of its key. */
function checkProfile(text: string, where: string): ClosedProfile {
  const raw = parseJsonObject(text, where);
  refuseOtherVersion(raw, where);
  const parsed = profileSchema.safeParse(raw);
  if (!parsed.success) throw new ConfigError(mistakesOf(parsed.error, where, KNOWN_KEYS));
  const { version: _, ...rest } = parsed.data;
  const keyId = keyIdOf(rest.key);
  const mistakes = explainRole(parsed.data, keyId).map(
    ([path, problem]): Mistake => ({ where, problem: `${path}: ${problem}`, remedy: FROM_FILE }),
  );
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return { ...rest, keyId };
}

/** The text that `parseProfile` reads back. It holds the key. */
export function formatProfile(profile: Profile, passphrase?: Secret<string>): Secret<string> {
  return formatWithKey(profile, protect(profile.key, passphrase));
}

/** What a profile holds besides its key: the file that an admin gives to a user who has made a key of their own. */
export type KeylessProfile = Omit<Profile, 'key'>;

/** `completeProfile` joins it to the user's key. */
function formatKeylessProfile(profile: KeylessProfile): string {
  return formatWithKey(profile, null).reveal();
}

/** The whole profile made of an admin's file and the user's own key. Throws `bad-config`. */
export function completeProfile(keyless: string, where: string, key: KeyDocument): Secret<string> {
  const raw = parseJsonObject(keyless, where);
  if (raw['key'] !== null) {
    const remedy =
      'Take the file that "pam grant new --for-key" wrote; one with a key is used as it is, with --profile.';
    throw new ConfigError([{ where, problem: 'key: is not null; expected a profile without a key', remedy }]);
  }
  const whole = { ...raw, key: formatKeyDocument(key) };
  const text = `${JSON.stringify(whole, undefined, 2)}\n`;
  checkProfile(text, where);
  return new Secret(text);
}

/** Writes the file for a user who has made a key of their own. Throws `already-exists`. */
export function saveKeylessProfile(path: string, profile: KeylessProfile): void {
  savePrivateFile(path, formatKeylessProfile(profile), { replace: false });
}

function formatWithKey(
  { gateway, adminKeys, threshold, poolKey, role, name, grant, addresses }: KeylessProfile,
  key: KeyDocument | null,
): Secret<string> {
  const text = {
    key: key === null ? null : formatKeyDocument(key),
    grant: grant === null ? null : formatBase64(grant),
  };
  const { uid, name: gatewayName } = gateway;
  const document = {
    version: 1,
    gateway: { uid, name: gatewayName },
    adminKeys,
    threshold,
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
export function saveProfile(
  path: string,
  profile: Profile,
  options: { readonly replace?: boolean; readonly passphrase?: Secret<string> | undefined } = {},
): void {
  const { replace = false, passphrase } = options;
  savePrivateFile(path, formatProfile(profile, passphrase).reveal(), { replace });
}

/** Writes a profile whose key may be in an agent, with mode 0600. Throws `already-exists`. */
export function saveClosedProfile(path: string, profile: ClosedProfile): void {
  savePrivateFile(path, formatWithKey(profile, profile.key).reveal(), { replace: false });
}

/** Makes a profile trust another pool key, if it still trusts the one before. Throws `bad-config`, `storage-failed`. */
export function replacePoolKey(path: string, { from, to }: { readonly from: PeerKeyId; readonly to: PeerKeyId }): void {
  const raw = parseJsonObject(readProfile(path), path);
  if (raw['poolKey'] !== from) return;
  savePrivateFile(path, `${JSON.stringify({ ...raw, poolKey: to }, undefined, 2)}\n`, { replace: true });
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
