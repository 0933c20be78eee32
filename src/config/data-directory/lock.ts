import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GatewayError } from '../../base/errors.ts';
import { systemCode, writeSecretFile } from '../secret-file.ts';
import { hasCode, SqliteCode } from './sqlite.ts';

/**
 * One process per data directory. The lock is an exclusive transaction on a database of its own: the operating system releases it with the process,
 * however that ends, so nothing stale can be left behind.
 */
export interface DirectoryLock {
  /** Lets the next process in; a second call does nothing. */
  release(): void;
}

/** Only said to people: the lock itself is what counts. */
const HOLDER_FILE = 'process';

/** Takes the lock; throws `data-directory` naming the process that has it. */
export function lockDirectory(path: string): DirectoryLock {
  const database = openDatabase(join(path, 'lock.sqlite'));
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw hasCode(cause, SqliteCode.busy) ? inUse(path) : unusable(path, cause);
  }
  writeSecretFile({ path: join(path, HOLDER_FILE), content: `${process.pid}\n`, replace: true });
  const release = (): void => {
    if (database.isOpen) database.close();
  };
  return { release };
}

/** Nobody else may open it: whoever can read a file can hold a lock on it. */
function openDatabase(path: string): DatabaseSync {
  try {
    closeSync(openSync(path, 'a', 0o600));
    return new DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw unusable(path, cause);
  }
}

function unusable(path: string, cause: unknown): GatewayError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GatewayError(
    'data-directory',
    `data directory cannot be locked: ${path} (${systemCode(cause)}: ${reason})`,
    {
      cause,
      remedy: 'Check that this user owns the data directory and that its disk is writable.',
    },
  );
}

function inUse(path: string): GatewayError {
  return new GatewayError('data-directory', `data directory ${path} is in use by ${readHolder(path)}`, {
    remedy: 'Stop that one first, or give this instance a data directory of its own with --data-dir.',
  });
}

function readHolder(path: string): string {
  try {
    const text = readFileSync(join(path, HOLDER_FILE), 'utf8').trim();
    return /^\d{1,10}$/.test(text) ? `process ${text}` : 'another process';
  } catch {
    return 'another process';
  }
}
