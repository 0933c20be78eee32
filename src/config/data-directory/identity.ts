import { randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keyPairFromSeed } from '../../base/ed25519.ts';
import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import { Secret } from '../../base/secret.ts';
import { formatMode, isOpenToOthers, systemCode, writeSecretFile } from '../secret-file.ts';

/** Who an instance is: its key, made on first start and kept for good. */
export interface Identity {
  /** Seed of the Ed25519 key, 32 bytes. */
  readonly seed: Secret<Uint8Array>;
  readonly instanceId: InstanceId;
  /** Made just now. */
  readonly isNew: boolean;
}

/** The file: the bare 32 bytes of the seed. */
const IDENTITY_FILE = 'identity.key';
const COUNTER_FILE = 'incarnation';
const SEED_BYTES = 32;

/** Reads the key of a locked data directory, or makes it. Throws `data-directory`. */
export function openIdentity(directory: string): Identity {
  const path = join(directory, IDENTITY_FILE);
  if (isMissing(path)) writeSecretFile({ path, content: new Uint8Array(randomBytes(SEED_BYTES)), replace: false });
  else return readIdentity(path, false);
  return readIdentity(path, true);
}

/** The id of the instance that a data directory belongs to, running or not. Throws `data-directory`. */
export function readInstanceId(directory: string): InstanceId {
  return readIdentity(join(directory, IDENTITY_FILE), false).instanceId;
}

function isMissing(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined;
}

function readIdentity(path: string, isNew: boolean): Identity {
  const remedy = `Restore ${path} from a backup. Without it this is a new instance: then move the whole data directory away.`;
  const seed = readBytes(path);
  if (seed.length !== SEED_BYTES) {
    throw new GatewayError('data-directory', `${path} has ${seed.length} bytes; an instance key has ${SEED_BYTES}`, {
      remedy,
    });
  }
  return { seed: new Secret(seed), instanceId: keyPairFromSeed(seed).id, isNew };
}

function readBytes(path: string): Uint8Array {
  try {
    const stats = statSync(path);
    if (isOpenToOthers(stats)) {
      throw new GatewayError(
        'data-directory',
        `${path} is secret and open to others than its owner (mode ${formatMode(stats)})`,
        {
          remedy: `Run: chmod 600 ${path}`,
        },
      );
    }
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    const remedy = 'Run as the user that owns the data directory.';
    throw new GatewayError('data-directory', `${path} cannot be read (${systemCode(cause)})`, { cause, remedy });
  }
}

/** The number of this start. */
export interface CountedStart {
  readonly incarnation: number;
  readonly warnings: readonly string[];
}

/**
 * Counts this start, on disk before it returns. A lost or damaged counter goes on from the seconds since 1970, which no count of starts
 * reaches: a number that was used before would make the other members take this instance's word for old.
 */
export function countStart(
  directory: string,
  options: { readonly isNew: boolean; readonly unixMs: number },
): CountedStart {
  const path = join(directory, COUNTER_FILE);
  const counted = readCounter(path);
  const lost = counted === undefined && !options.isNew;
  const incarnation = lost ? Math.floor(options.unixMs / 1000) : (counted ?? 0) + 1;
  writeSecretFile({ path, content: `${incarnation}\n`, replace: true });
  const warning = `${path} was missing or damaged: this start is number ${incarnation}, later than any before`;
  return { incarnation, warnings: lost ? [warning] : [] };
}

function readCounter(path: string): number | undefined {
  if (isMissing(path)) return undefined;
  const text = readFileSync(path, 'utf8').trim();
  const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  return value >= 1 ? value : undefined;
}
