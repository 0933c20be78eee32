import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GatewayError } from '../../base/errors.ts';
import { writeSecretFile } from '../secret-file.ts';
import { hasCode, SqliteCode } from './sqlite.ts';

/**
 * One process per data directory. The lock is an exclusive transaction on a database of its own: the operating system releases it with the process,
 * however that ends, so nothing stale can be left behind.
 */
export interface DirectoryLock {
  release(): void;
}

/** Only said to people: the lock itself is what counts. */
const HOLDER_FILE = 'process';

/** Takes the lock; throws `data-directory` naming the process that has it. */
export function lockDirectory(path: string): DirectoryLock {
  const database = new DatabaseSync(join(path, 'lock.sqlite'), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw hasCode(cause, SqliteCode.busy) ? inUse(path) : cause;
  }
  writeSecretFile({ path: join(path, HOLDER_FILE), content: `${process.pid}\n`, replace: true });
  return { release: () => database.close() };
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
