import { z } from 'zod';
import { createEd25519Verify, keyPairFromSeed } from '../base/ed25519.ts';
import { GatewayError } from '../base/errors.ts';
import type { PeerKeyId } from '../base/ids.ts';
import { Secret } from '../base/secret.ts';
import { derivePoolKeys, POOL_SECRET_BYTES } from '../core/index.ts';
import { type Limit, limitSeal } from '../wire/limit.ts';
import { type Opened, open, SIGNATURES_MAX } from '../wire/sealed.ts';
import { REPLACED_KEYS_MAX, successionSeal } from '../wire/succession.ts';
import {
  addressLeaf,
  bytesLeaf,
  keyIdLeaf,
  LISTED_ADDRESSES_MAX,
  leaf,
  listOf,
  mistakesOf,
  nameLeaf,
  parseBase64,
  parseJsonObject,
  refuseOtherVersion,
  uidLeaf,
} from './document.ts';
import { ConfigError, type Mistake, refuseMistakes } from './mistakes.ts';
import { readConfigFile } from './secret-file.ts';

/**
 * The gateway configuration: what every instance of a pool has byte for byte alike. Format: `createGateway` writes it. Rules for changing it: a new
 * key needs a new version, because older programs refuse keys they do not know.
 */
export interface GatewayConfig {
  readonly uid: string;
  readonly name: string;
  readonly poolSecret: Secret<Uint8Array>;
  /** Where the pool secret took the place of others: the admins' statement, and the secrets before it that instances may still need. */
  readonly rekeyed: RekeyedSecret | null;
  readonly adminKeys: readonly PeerKeyId[];
  /** Admin signatures that a limit needs. */
  readonly threshold: number;
  /** The sealed first limit, and what it says: its signatures are checked. */
  readonly firstLimit: Uint8Array;
  readonly limit: Limit;
  /** Mesh-plane addresses where a starting instance looks for others. */
  readonly bootstrap: readonly string[];
  /** Access-plane addresses that clients are told. */
  readonly addresses: readonly string[];
  readonly vault: {
    readonly provider: VaultProvider;
    /** What the provider is reached with, in its own form; null: it needs nothing, or every instance has it from its surroundings. */
    readonly configuration: Secret<string> | null;
  };
}

/** What `pam gateway rekey` adds to a configuration. */
export interface RekeyedSecret {
  /** Sealed; clients check its signatures. */
  readonly succession: Uint8Array;
  /** The newest of the former secrets counts until then. */
  readonly untilUnixMs: number;
  /** Newest first. Empty: none counts any more, and a data directory still knows those that it needs. */
  readonly formerSecrets: readonly Secret<Uint8Array>[];
}

/** Where records and secrets are kept. Append only. */
export const VAULT_PROVIDERS = ['embedded', 'keeper'] as const;
/** A place where records and secrets are kept. */
export type VaultProvider = (typeof VAULT_PROVIDERS)[number];

/** Where the configuration comes from. */
export type GatewayConfigSource =
  | { readonly kind: 'file'; readonly path: string }
  /** Base64 of the file's content; `where` names the environment variable. */
  | { readonly kind: 'base64'; readonly text: Secret<string>; readonly where: string };

/** Version of a configuration whose pool secret was replaced: programs that know nothing of it must not take it for a new pool's. */
export const REKEYED_VERSION = 2;
/** Characters of a vault's own configuration. */
const VAULT_CONFIGURATION_LENGTH_MAX = 64 * 1024;
const FROM_FILE = 'Take it from the file that "pam gateway new" wrote.';
const FROM_REKEY = 'Take it from the file that "pam gateway rekey" wrote.';

const thresholdLeaf = leaf({
  expected: `a whole number from 1 to ${SIGNATURES_MAX}`,
  remedy: 'Write how many admins must sign a limit.',
  parse: (raw) =>
    typeof raw === 'number' && Number.isInteger(raw) && raw >= 1 && raw <= SIGNATURES_MAX ? raw : undefined,
});
const vaultLeaf = leaf<VaultProvider>({
  expected: VAULT_PROVIDERS.map((provider) => `"${provider}"`).join(' or '),
  remedy: 'Write "embedded".',
  parse: (raw) => VAULT_PROVIDERS.find((provider) => provider === raw),
});
const vaultConfigurationLeaf = leaf<Secret<string>>({
  expected: `base64 of at most ${VAULT_CONFIGURATION_LENGTH_MAX} characters`,
  remedy: 'Give the configuration of the Keeper application in base64, or leave the key out and set KSM_CONFIG.',
  secret: true,
  parse: (raw) =>
    typeof raw === 'string' && raw !== '' && raw.length <= VAULT_CONFIGURATION_LENGTH_MAX ? new Secret(raw) : undefined,
});
const adminKeysList = listOf(keyIdLeaf, { min: 1, max: SIGNATURES_MAX, remedy: FROM_FILE });
const firstLimitLeaf = bytesLeaf({ expected: 'base64 of a signed limit', remedy: FROM_FILE, secret: false });
const addressList = listOf(addressLeaf, {
  min: 0,
  max: LISTED_ADDRESSES_MAX,
  remedy: 'Write ["HOST:PORT"], or [] for none.',
});

const secretLeaf = bytesLeaf({
  expected: `base64 of ${POOL_SECRET_BYTES} bytes`,
  remedy: FROM_FILE,
  secret: true,
  length: POOL_SECRET_BYTES,
});
const gatewayConfigSchema = z.strictObject({
  version: z.literal([1, REKEYED_VERSION]),
  gateway: z.strictObject({ uid: uidLeaf, name: nameLeaf }),
  poolSecret: secretLeaf,
  adminKeys: adminKeysList,
  threshold: thresholdLeaf,
  firstLimit: firstLimitLeaf,
  bootstrap: addressList,
  addresses: addressList,
  vault: z.strictObject({ provider: vaultLeaf, configuration: vaultConfigurationLeaf.optional() }),
  formerSecrets: listOf(secretLeaf, { min: 0, max: REPLACED_KEYS_MAX, remedy: FROM_REKEY }).optional(),
  succession: bytesLeaf({ expected: 'base64 of a signed succession', remedy: FROM_REKEY, secret: false }).optional(),
});
/** What the limit is checked against; read on its own, so that a mistake elsewhere does not hide one here. */
const limitFactsSchema = z.object({
  gateway: z.object({ uid: uidLeaf }),
  adminKeys: adminKeysList,
  threshold: thresholdLeaf,
  firstLimit: firstLimitLeaf,
});
type LimitFacts = z.infer<typeof limitFactsSchema>;

const KNOWN_KEYS = [...Object.keys(gatewayConfigSchema.shape), 'uid', 'name', 'provider', 'configuration'];

/** Reads and checks a gateway configuration, its first limit's signatures included. Throws `bad-config` with every mistake. */
export function loadGatewayConfig(source: GatewayConfigSource): GatewayConfig {
  if (source.kind === 'base64') return parseGatewayConfig(decodeText(source.text.reveal(), source.where), source.where);
  const text = readConfigFile({
    path: source.path,
    what: 'gateway configuration',
    missing: 'Write one with "pam gateway new", or copy it from another instance of the pool.',
    secret: true,
  });
  return parseGatewayConfig(text, source.path);
}

/** The configuration in JSON text; `where` names its source in messages. Throws `bad-config` with every mistake. */
export function parseGatewayConfig(text: string, where: string): GatewayConfig {
  const raw = parseJsonObject(text, where);
  refuseOtherVersion(raw, where, REKEYED_VERSION);
  const parsed = gatewayConfigSchema.safeParse(raw);
  const checked = checkLimit(raw, where);
  const rekeyed = parsed.success ? rekeyedSecret(parsed.data) : null;
  const mistakes = [
    ...(parsed.success ? [] : mistakesOf(parsed.error, where, KNOWN_KEYS)),
    ...checked.mistakes,
    ...(typeof rekeyed === 'string' ? [{ where, problem: rekeyed, remedy: FROM_REKEY }] : []),
  ];
  if (!parsed.success || checked.limit === undefined || typeof rekeyed === 'string') throw new ConfigError(mistakes);
  refuseMistakes(mistakes);
  const { gateway, poolSecret, adminKeys, threshold, firstLimit, bootstrap, addresses, vault } = parsed.data;
  const shared = { adminKeys, threshold, firstLimit, limit: checked.limit, bootstrap, addresses };
  const { provider, configuration = null } = vault;
  return { ...gateway, poolSecret: new Secret(poolSecret), rekeyed, ...shared, vault: { provider, configuration } };
}

/** What a configuration says of secrets before the present one, or what is wrong with that. */
function rekeyedSecret(data: z.infer<typeof gatewayConfigSchema>): RekeyedSecret | null | string {
  const { version, succession, formerSecrets = [] } = data;
  if (version !== REKEYED_VERSION)
    return succession === undefined && formerSecrets.length === 0 ? null : 'succession: belongs to version 2';
  if (succession === undefined) return 'succession: is missing; expected base64 of a signed succession';
  try {
    const { value } = open(successionSeal, succession, createEd25519Verify());
    const { uid } = data.gateway;
    if (value.gatewayUid !== uid) return `succession: belongs to gateway ${value.gatewayUid}, not to ${uid}`;
    const [poolKey, ...replaced] = [data.poolSecret, ...formerSecrets].map((secret) => poolKeyOf(secret, uid));
    if (value.poolKey !== poolKey) return 'succession: is about another pool secret than poolSecret';
    if (replaced.some((key, index) => value.replaced[index] !== key))
      return 'formerSecrets: are not those that the succession replaces, newest first';
    const { untilUnixMs } = value;
    return { succession, untilUnixMs, formerSecrets: formerSecrets.map((secret) => new Secret(secret)) };
  } catch (error) {
    return `succession: is not a signed succession (${error instanceof GatewayError ? error.message : 'unreadable'})`;
  }
}

/** The public key by which instances with this secret prove that they belong to the pool. */
export function poolKeyOf(secret: Uint8Array, gatewayUid: string): PeerKeyId {
  return keyPairFromSeed(derivePoolKeys({ secret, gatewayUid }).accessKeySeed.reveal()).id;
}

function decodeText(text: string, where: string): string {
  const bytes = parseBase64(text);
  if (bytes !== undefined && bytes.length > 0) return new TextDecoder().decode(bytes);
  const problem =
    text.trim() === ''
      ? 'is empty'
      : text.trim().startsWith('{')
        ? 'holds JSON; expected base64 of it'
        : 'is not base64';
  throw new ConfigError([{ where, problem, remedy: 'Set it to the output of: base64 -w0 gateway-config.json' }]);
}

interface CheckedLimit {
  readonly limit: Limit | undefined;
  readonly mistakes: readonly Mistake[];
}

/** Says nothing where a field it needs is wrong: that mistake is reported already. */
function checkLimit(raw: unknown, where: string): CheckedLimit {
  const facts = limitFactsSchema.safeParse(raw);
  if (!facts.success) return { limit: undefined, mistakes: [] };
  const mistake = (path: string, problem: string): CheckedLimit => ({
    limit: undefined,
    mistakes: [{ where, problem: `${path}: ${problem}`, remedy: FROM_FILE }],
  });
  const { threshold, adminKeys } = facts.data;
  if (threshold > adminKeys.length)
    return mistake('threshold', `${threshold} is more than the ${adminKeys.length} in adminKeys`);
  const opened = openLimit(facts.data);
  if (typeof opened === 'string') return mistake('firstLimit', opened);
  return { limit: opened.value, mistakes: [] };
}

/** The opened limit, or why it does not count. */
function openLimit({ firstLimit, adminKeys, threshold, gateway }: LimitFacts): Opened<Limit> | string {
  let opened: Opened<Limit>;
  try {
    opened = open(limitSeal, firstLimit, createEd25519Verify());
  } catch (error) {
    return `is not a signed limit (${error instanceof GatewayError ? error.message : 'unreadable'})`;
  }
  if (opened.value.gatewayUid !== gateway.uid)
    return `belongs to gateway ${opened.value.gatewayUid}, not to ${gateway.uid}`;
  const count = opened.signers.filter((signer) => adminKeys.includes(signer)).length;
  return count < threshold ? `has ${count} signatures by keys of adminKeys; it needs ${threshold}` : opened;
}
