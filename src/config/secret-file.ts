import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { GatewayError } from '../base/errors.ts';
import { ConfigError } from './mistakes.ts';

/** Files that hold secrets: read only if nobody else can, written only so that nobody else can, whole or not at all. */

/** A configuration, a profile and a settings file are some kilobytes; what is larger is another file. */
const FILE_BYTES_MAX = 1024 * 1024;
/** Permission bits of group and others. */
const OTHERS = 0o077;

/** What to read. */
export interface ReadInit {
  readonly path: string;
  /** How messages call it: `gateway configuration`. */
  readonly what: string;
  /** What to do when there is no such file, as a sentence. */
  readonly missing: string;
  /** Refuse when group or others may read it. */
  readonly secret: boolean;
}

/** The content of a configuration file. Throws `bad-config` naming the path and the remedy. */
export function readConfigFile(init: ReadInit): string {
  const descriptor = openForReading(init);
  try {
    const stats = fstatSync(descriptor);
    refuseStrange(init, stats);
    return readFileSync(descriptor, 'utf8');
  } catch (cause) {
    throw cause instanceof GatewayError ? cause : unreadable(init, cause);
  } finally {
    closeSync(descriptor);
  }
}

/** True where the permission bits of `stats` let others than the owner at the file. Windows has no such bits. */
export function isOpenToOthers(stats: Stats): boolean {
  return process.platform !== 'win32' && (stats.mode & OTHERS) !== 0;
}

/** The permission bits as `chmod` takes them. */
export function formatMode(stats: Stats): string {
  return (stats.mode & 0o7777).toString(8).padStart(4, '0');
}

/** What to write. */
export interface WriteInit {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Take the place of a file that is there; otherwise that is `already-exists`. */
  readonly replace: boolean;
}

/** Writes the file with mode 0600, whole or not at all, on disk when this returns. */
export function writeSecretFile({ path, content, replace }: WriteInit): void {
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    writeFileSync(draft, content, { mode: 0o600, flag: 'wx', flush: true });
    if (replace) renameSync(draft, path);
    else linkNew(draft, path);
    flushDirectory(dirname(path));
  } catch (cause) {
    throw cause instanceof GatewayError ? cause : unwritable(path, cause);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Writes a file of the user's own, its directory made if missing. Throws `already-exists` unless told to replace, `storage-failed`. */
export function savePrivateFile(path: string, content: string, { replace }: { readonly replace: boolean }): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new GatewayError('storage-failed', `directory ${dirname(path)} cannot be made (${systemCode(cause)})`, {
      cause,
      remedy: 'Choose a directory this user may write to.',
    });
  }
  writeSecretFile({ path, content, replace });
}

/** Makes what was renamed or linked in a directory survive a power cut. */
export function flushDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The code of a system error, such as `ENOENT`. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}

/** A hard link fails where something already has that name: the one way to refuse to overwrite without a gap. */
function linkNew(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (cause) {
    if (systemCode(cause) !== 'EEXIST') throw cause;
    throw new GatewayError('already-exists', `${path} exists already`, {
      remedy: 'Choose another place, or move that file away first.',
    });
  }
}

function openForReading(init: ReadInit): number {
  try {
    return openSync(init.path, 'r');
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw unreadable(init, cause);
    throw new ConfigError([
      { where: init.path, problem: `there is no such file (${init.what})`, remedy: init.missing },
    ]);
  }
}

function refuseStrange({ path, what, secret }: ReadInit, stats: Stats): void {
  if (stats.isDirectory()) {
    throw new ConfigError([{ where: path, problem: 'is a directory', remedy: `Name the file of the ${what}.` }]);
  }
  if (stats.size > FILE_BYTES_MAX) {
    const problem = `has ${stats.size} bytes; a ${what} has at most ${FILE_BYTES_MAX}`;
    throw new ConfigError([{ where: path, problem, remedy: 'This is another file: name the right one.' }]);
  }
  if (secret && isOpenToOthers(stats)) {
    const problem = `holds a secret and others than its owner can get at it (mode ${formatMode(stats)})`;
    throw new ConfigError([{ where: path, problem, remedy: `Run: chmod 600 ${path}` }]);
  }
}

function unreadable({ path }: ReadInit, cause: unknown): ConfigError {
  const remedy = 'Run as the user that owns the file, or give that user the right to read it.';
  return new ConfigError([{ where: path, problem: `cannot be read (${systemCode(cause)})`, remedy }]);
}

function unwritable(path: string, cause: unknown): GatewayError {
  return new GatewayError('storage-failed', `${path} cannot be written (${systemCode(cause)})`, {
    cause,
    remedy: 'Check that its directory exists, is writable for this user, and has space left.',
  });
}
