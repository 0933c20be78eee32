import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { keyPairFromSeed } from '../base/ed25519.ts';
import { GatewayError } from '../base/errors.ts';
import { formatRandomId, RANDOM_ID_BYTES } from '../base/ids.ts';
import { Secret } from '../base/secret.ts';
import { POOL_SECRET_BYTES } from '../core/index.ts';
import { MAX_INSTANCES_MAX, NAME_LENGTH_MAX } from '../wire/bounds.ts';
import { limitSeal } from '../wire/limit.ts';
import { SIGNATURES_MAX, seal } from '../wire/sealed.ts';
import { explainDialAddress } from './address.ts';
import { formatBase64, isName, LISTED_ADDRESSES_MAX } from './document.ts';
import { poolKeyOf } from './gateway-config.ts';
import { type Mistake, refuseMistakes, showValue } from './mistakes.ts';
import { formatProfile } from './profile.ts';
import { systemCode, writeSecretFile } from './secret-file.ts';

/** What an admin decides about a new gateway. */
export interface NewGatewayInit {
  readonly name: string;
  /** The first limit. */
  readonly maxInstances: number;
  /** How many admins there are, 1 unless said, and how many of them have to sign. */
  readonly admins?: number;
  readonly threshold?: number;
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
  /** Text of the first admin's profile, with the admin key. */
  readonly adminProfile: Secret<string>;
  /** The same of every admin. */
  readonly adminProfiles: readonly Secret<string>[];
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
  const seeds = Array.from({ length: init.admins ?? 1 }, () => source.random(SEED_BYTES));
  const admins = seeds.map(keyPairFromSeed);
  const adminKeys = admins.map(({ id }) => id);
  const threshold = init.threshold ?? 1;
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
    adminKeys,
    threshold,
    firstLimit: formatBase64(seal(limitSeal, limit, admins.slice(0, threshold))),
    bootstrap: init.bootstrap,
    addresses: init.addresses,
    vault: { provider: 'embedded' },
  };
  const shared = { adminKeys, threshold, poolKey: poolKeyOf(poolSecret, uid), grant: null, addresses: init.addresses };
  const adminProfiles = seeds.map((seed, index) =>
    formatProfile({
      gateway,
      ...shared,
      key: new Secret(seed),
      keyId: keyPairFromSeed(seed).id,
      role: 'admin',
      name: seeds.length === 1 ? 'admin' : `admin-${index + 1}`,
    }),
  );
  const [adminProfile = new Secret('')] = adminProfiles;
  return {
    uid,
    configuration: new Secret(`${JSON.stringify(configuration, undefined, 2)}\n`),
    adminProfile,
    adminProfiles,
  };
}

/** Where the two files were written. */
export interface WrittenGateway {
  readonly configurationPath: string;
  readonly adminProfilePath: string;
  readonly adminProfilePaths: readonly string[];
}

/** Writes both files with mode 0600 into a directory, made if missing. Both or none; throws `already-exists` rather than overwrite. */
export function writeGateway(directory: string, created: NewGateway): WrittenGateway {
  makeDirectory(directory);
  const configurationPath = join(directory, GATEWAY_FILES.configuration);
  const { adminProfiles } = created;
  const adminProfilePaths = adminProfiles.map((_, index) => join(directory, profileFile(index, adminProfiles.length)));
  const files = [
    { path: configurationPath, content: created.configuration },
    ...adminProfiles.map((content, index) => ({ path: adminProfilePaths[index] ?? '', content })),
  ];
  const written: string[] = [];
  try {
    for (const { path, content } of files) {
      writeSecretFile({ path, content: content.reveal(), replace: false });
      written.push(path);
    }
  } catch (cause) {
    for (const path of written) rmSync(path, { force: true });
    throw cause;
  }
  return { configurationPath, adminProfilePath: adminProfilePaths[0] ?? '', adminProfilePaths };
}

function profileFile(index: number, count: number): string {
  return count === 1 ? GATEWAY_FILES.adminProfile : `admin-${index + 1}-profile.json`;
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

function explainNewGateway({
  name,
  maxInstances,
  admins = 1,
  threshold = 1,
  bootstrap,
  addresses,
}: NewGatewayInit): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  if (!isName(name)) {
    const problem = `${showValue(name)} is wrong; expected 1 to ${NAME_LENGTH_MAX} characters without control characters`;
    mistakes.push({ where: '--name', problem, remedy: 'Choose a short name.' });
  }
  mistakes.push(...explainMaxInstances(maxInstances), ...explainAdmins(admins, threshold));
  mistakes.push(...explainAddresses('--bootstrap', bootstrap), ...explainAddresses('--address', addresses));
  return mistakes;
}

function explainAdmins(admins: number, threshold: number): readonly Mistake[] {
  const isCount = (count: number, max: number): boolean => Number.isInteger(count) && count >= 1 && count <= max;
  if (!isCount(admins, SIGNATURES_MAX)) {
    const problem = `${showValue(admins)} is wrong; expected 1 to ${SIGNATURES_MAX}`;
    return [{ where: '--admins', problem, remedy: 'Write for example 3.' }];
  }
  if (isCount(threshold, admins)) return [];
  const problem = `${showValue(threshold)} is wrong; expected 1 to ${admins}, the number of admins`;
  return [{ where: '--threshold', problem, remedy: 'Write how many admins have to sign.' }];
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
