import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { keyPairFromSeed } from '../base/ed25519.ts';
import { GatewayError } from '../base/errors.ts';
import { formatRandomId, type PeerKeyId, RANDOM_ID_BYTES } from '../base/ids.ts';
import { Secret } from '../base/secret.ts';
import { derivePoolKeys, POOL_SECRET_BYTES } from '../core/index.ts';
import { MAX_INSTANCES_MAX, NAME_LENGTH_MAX } from '../wire/bounds.ts';
import { limitSeal } from '../wire/limit.ts';
import { seal } from '../wire/sealed.ts';
import { explainDialAddress } from './address.ts';
import { formatBase64, isName, LISTED_ADDRESSES_MAX } from './document.ts';
import { type Mistake, refuseMistakes, showValue } from './mistakes.ts';
import { formatProfile } from './profile.ts';
import { systemCode, writeSecretFile } from './secret-file.ts';

/** What an admin decides about a new gateway. */
export interface NewGatewayInit {
  readonly name: string;
  /** The first limit. */
  readonly maxInstances: number;
  /** Mesh-plane addresses where instances look for each other. */
  readonly bootstrap: readonly string[];
  /** Access-plane addresses that clients are told. */
  readonly addresses: readonly string[];
}

/** A new gateway, not yet on disk. */
export interface NewGateway {
  readonly uid: string;
  /** Text of the gateway configuration, with the pool secret. */
  readonly configuration: Secret<string>;
  /** Text of the admin's profile, with the admin key. */
  readonly adminProfile: Secret<string>;
}

/** Where new keys and times come from: fixed in samples and tests. */
export interface NewGatewaySource {
  random(length: number): Uint8Array;
  unixMs(): number;
}

/** The names of the two files. */
export const GATEWAY_FILES = { configuration: 'gateway-config.json', adminProfile: 'admin-profile.json' } as const;

const SEED_BYTES = 32;
const SYSTEM: NewGatewaySource = { random: (length) => new Uint8Array(randomBytes(length)), unixMs: () => Date.now() };

/** Makes pool secret, admin key and signed first limit. Throws `bad-usage` with every mistake. */
export function createGateway(init: NewGatewayInit, source: NewGatewaySource = SYSTEM): NewGateway {
  refuseMistakes(explainNewGateway(init), 'bad-usage');
  const uid = formatRandomId(source.random(RANDOM_ID_BYTES));
  const poolSecret = source.random(POOL_SECRET_BYTES);
  const seed = source.random(SEED_BYTES);
  const admin = keyPairFromSeed(seed);
  const limit = {
    gatewayUid: uid,
    maxInstances: init.maxInstances,
    version: 1,
    issuedUnixMs: source.unixMs(),
    expiresUnixMs: null,
  };
  const gateway = { uid, name: init.name };
  const configuration = {
    version: 1,
    gateway,
    poolSecret: formatBase64(poolSecret),
    adminKeys: [admin.id],
    threshold: 1,
    firstLimit: formatBase64(seal(limitSeal, limit, [admin])),
    bootstrap: init.bootstrap,
    addresses: init.addresses,
    vault: { provider: 'embedded' },
  };
  const held = {
    key: new Secret(seed),
    keyId: admin.id,
    adminKeys: [admin.id],
    poolKey: poolKeyOf(poolSecret, uid),
    grant: null,
    addresses: init.addresses,
  };
  const adminProfile = formatProfile({ gateway, ...held, role: 'admin', name: 'admin' });
  return { uid, configuration: new Secret(`${JSON.stringify(configuration, undefined, 2)}\n`), adminProfile };
}

function poolKeyOf(secret: Uint8Array, gatewayUid: string): PeerKeyId {
  return keyPairFromSeed(derivePoolKeys({ secret, gatewayUid }).accessKeySeed.reveal()).id;
}

/** Where the two files were written. */
export interface WrittenGateway {
  readonly configurationPath: string;
  readonly adminProfilePath: string;
}

/** Writes both files with mode 0600 into a directory, made if missing. Both or none; throws `already-exists` rather than overwrite. */
export function writeGateway(directory: string, created: NewGateway): WrittenGateway {
  makeDirectory(directory);
  const configurationPath = join(directory, GATEWAY_FILES.configuration);
  const adminProfilePath = join(directory, GATEWAY_FILES.adminProfile);
  writeSecretFile({ path: configurationPath, content: created.configuration.reveal(), replace: false });
  try {
    writeSecretFile({ path: adminProfilePath, content: created.adminProfile.reveal(), replace: false });
  } catch (cause) {
    rmSync(configurationPath, { force: true });
    throw cause;
  }
  return { configurationPath, adminProfilePath };
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new GatewayError('storage-failed', `directory ${path} cannot be made (${systemCode(cause)})`, {
      cause,
      remedy: 'Choose a directory this user may write to.',
    });
  }
}

function explainNewGateway({ name, maxInstances, bootstrap, addresses }: NewGatewayInit): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  if (!isName(name)) {
    const problem = `${showValue(name)} is wrong; expected 1 to ${NAME_LENGTH_MAX} characters without control characters`;
    mistakes.push({ where: '--name', problem, remedy: 'Choose a short name.' });
  }
  mistakes.push(...explainMaxInstances(maxInstances));
  mistakes.push(...explainAddresses('--bootstrap', bootstrap), ...explainAddresses('--address', addresses));
  return mistakes;
}

/** What is wrong with a number of instances that an admin asks for. The first sentence is the reference's, word for word. */
export function explainMaxInstances(maxInstances: number): readonly Mistake[] {
  const where = '--max-instances';
  if (!Number.isInteger(maxInstances)) {
    return [{ where, problem: `${showValue(maxInstances)} is not a whole number`, remedy: 'Write for example 3.' }];
  }
  if (maxInstances < 1)
    return [{ where, problem: 'must be at least 1', remedy: 'A pool without instances cannot serve.' }];
  if (maxInstances <= MAX_INSTANCES_MAX) return [];
  return [
    { where, problem: `must be at most ${MAX_INSTANCES_MAX}, got ${maxInstances}`, remedy: 'Choose a smaller number.' },
  ];
}

function explainAddresses(where: string, addresses: readonly string[]): readonly Mistake[] {
  const remedy = 'Write HOST:PORT, [IPV6]:PORT or a multiaddr.';
  const tooMany = addresses.length > LISTED_ADDRESSES_MAX;
  const count = tooMany
    ? [
        {
          where,
          problem: `given ${addresses.length} times; at most ${LISTED_ADDRESSES_MAX}`,
          remedy: 'Leave some out.',
        },
      ]
    : [];
  const repeated = addresses.filter((address, index) => addresses.indexOf(address) !== index);
  return [
    ...count,
    ...repeated.map((address) => ({
      where,
      problem: `${showValue(address)} is given twice`,
      remedy: 'Leave one out.',
    })),
    ...addresses.flatMap((address) => {
      const reason = explainDialAddress(address);
      return reason === undefined ? [] : [{ where, problem: `${showValue(address)} ${reason}`, remedy }];
    }),
  ];
}
