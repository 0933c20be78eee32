import { accessSync, constants, lstatSync, mkdirSync, statSync } from 'node:fs';
import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import type { Secret } from '../../base/secret.ts';
import { formatMode, systemCode } from '../secret-file.ts';
import { countStart, openIdentity } from './identity.ts';
import { openKeyring } from './keyring.ts';
import { type DirectoryLock, lockDirectory } from './lock.ts';
import { openStore, type Store } from './store.ts';

/** The open data directory of one running instance. */
export interface DataDirectory {
  readonly path: string;
  /** Seed of this instance's Ed25519 key, 32 bytes. */
  readonly identity: Secret<Uint8Array>;
  readonly instanceId: InstanceId;
  /** Starts of this data directory, this one included. */
  readonly incarnation: number;
  readonly store: Store;
  /** Pool secrets before the present one under which something here may be sealed, newest first. */
  readonly formerSecrets: readonly Secret<Uint8Array>[];
  /** What was damaged, for the operator. */
  readonly warnings: readonly string[];
  /** Closes the store and lets the next process in. */
  close(): void;
}

/** What opening needs. */
export interface DataDirectoryInit {
  readonly path: string;
  readonly gatewayUid: string;
  /** The pool secret of the configuration, and those before it that it names. */
  readonly poolSecret: Secret<Uint8Array>;
  readonly formerSecrets: readonly Secret<Uint8Array>[];
  /** Wall clock, in milliseconds. */
  unixMs(): number;
}

/** Permission bits that let others than the owner write. */
const WRITABLE_BY_OTHERS = 0o022;

/** Makes (mode 0700) or opens the directory, locks it, counts the start. Throws `data-directory` naming what is wrong and the remedy. */
export function openDataDirectory(init: DataDirectoryInit): DataDirectory {
  makeDirectory(init.path);
  refuseUnusable(init.path);
  const lock = lockDirectory(init.path);
  try {
    return openLocked(init, lock);
  } catch (cause) {
    lock.release();
    throw cause;
  }
}

function openLocked(init: DataDirectoryInit, lock: DirectoryLock): DataDirectory {
  const { path, gatewayUid } = init;
  const identity = openIdentity(path);
  // The store comes first: a directory of another gateway is refused without a trace in it.
  const store = openStore({ directory: path, gatewayUid, unixMs: () => init.unixMs() });
  const formerSecrets = openKeys(init, store);
  const start = countStart(path, { isNew: identity.isNew, unixMs: init.unixMs() });
  return {
    path,
    identity: identity.seed,
    instanceId: identity.instanceId,
    incarnation: start.incarnation,
    store,
    formerSecrets,
    warnings: [...store.warnings, ...start.warnings],
    close: () => {
      store.close();
      lock.release();
    },
  };
}

function openKeys({ path, gatewayUid, poolSecret, formerSecrets }: DataDirectoryInit, store: Store) {
  try {
    return openKeyring({ directory: path, gatewayUid, secret: poolSecret, former: formerSecrets });
  } catch (cause) {
    store.close();
    throw cause;
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const code = systemCode(cause);
    if (code === 'EEXIST' && lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
      throw notDirectory(path);
    throw new GatewayError('data-directory', `data directory ${path} cannot be made (${code})`, {
      cause,
      remedy: CHOOSE,
    });
  }
}

const CHOOSE = 'Choose one with --data-dir that this user may write to, or make it and give it to this user.';

function refuseUnusable(path: string): void {
  const stats = statSync(path);
  if (!stats.isDirectory()) throw notDirectory(path);
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const message = `data directory ${path} is not readable and writable for this user (${systemCode(cause)}, mode ${formatMode(stats)})`;
    throw new GatewayError('data-directory', message, { cause, remedy: CHOOSE });
  }
  if (process.platform === 'win32' || (stats.mode & WRITABLE_BY_OTHERS) === 0) return;
  const message = `others than its owner may write to data directory ${path} (mode ${formatMode(stats)}): they could replace the instance's key`;
  throw new GatewayError('data-directory', message, { remedy: `Run: chmod 700 ${path}` });
}

function notDirectory(path: string): GatewayError {
  return new GatewayError('data-directory', `data directory ${path} is not a directory`, {
    remedy: 'Name a directory with --data-dir, or move that file away.',
  });
}
