import { closeSync, existsSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GatewayError } from '../../base/errors.ts';
import { flushDirectory, systemCode } from '../secret-file.ts';
import { hasCode, SqliteCode } from './sqlite.ts';

/** The file behind the store: its schema, and what to do when it is damaged. */

/** Rules for changing the schema: a new table that older versions can do without is just added; else a new version number, and here the step from each older one. */
const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS limits (number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, sealed BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS policies (number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, kept INTEGER NOT NULL, sealed BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS credentials (id TEXT PRIMARY KEY, editions BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, ended INTEGER, deadline INTEGER NOT NULL, row BLOB NOT NULL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS jobs_ended ON jobs (ended) WHERE ended IS NOT NULL;
  CREATE INDEX IF NOT EXISTS jobs_deadline ON jobs (deadline) WHERE ended IS NOT NULL;
  CREATE TABLE IF NOT EXISTS outputs (id TEXT PRIMARY KEY, saved INTEGER NOT NULL, output BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS dues (id TEXT PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS addresses (place INTEGER PRIMARY KEY, address TEXT NOT NULL);
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * What a commit survives: values of `PRAGMA synchronous` in WAL mode. `powerCut` flushes the log at every commit, which takes a millisecond or more; without
 * it a commit survives the end of the process, and the last ones can be lost, though never torn, in a power cut.
 */
export const Durability = { powerCut: 'FULL', processEnd: 'NORMAL' } as const;
/** One of the above. */
export type Durability = (typeof Durability)[keyof typeof Durability];

/** True when the failure means that the file's content is damaged, not that it is out of reach. */
export function isDamage(error: unknown): boolean {
  const found = error instanceof GatewayError ? error.cause : error;
  return hasCode(found, SqliteCode.corrupt) || hasCode(found, SqliteCode.notDatabase);
}

/** Opens or makes the file, with its schema, checked from end to end. Throws `data-directory`, and what `isDamage` recognises. */
export function openDatabaseFile(path: string): DatabaseSync {
  // Made first with its mode; SQLite gives its companions the mode of the file they belong to.
  closeSync(openSync(path, 'a', 0o600));
  const database = new DatabaseSync(path);
  try {
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${Durability.powerCut};`);
    refuseNewer(database, path);
    refuseDamaged(database);
    database.exec(SCHEMA);
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}

function refuseNewer(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version <= SCHEMA_VERSION) return;
  throw new GatewayError(
    'data-directory',
    `${path} was written by a newer version (format ${version}; this one knows ${SCHEMA_VERSION})`,
    {
      remedy: 'Upgrade this instance, or give it another data directory.',
    },
  );
}

/** SQLite notices damage only where it happens to read. */
function refuseDamaged(database: DatabaseSync): void {
  const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (found !== 'ok') throw Object.assign(new Error(String(found)), { errcode: SqliteCode.corrupt });
}

/** Renames a damaged file with its companions out of the way; its new name. */
export function setAside(path: string): string {
  let number = 1;
  while (existsSync(`${path}.damaged-${number}`)) number++;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${path}.damaged-${number}${suffix}`);
  }
  flushDirectory(dirname(path));
  return `${path}.damaged-${number}`;
}

/** The failure to open for a reason that is not damage. */
export function unusable(path: string, cause: unknown): GatewayError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GatewayError('data-directory', `${path} cannot be opened (${systemCode(cause)}: ${reason})`, {
    cause,
    remedy: 'Check that this user may write to the data directory and that the disk has space left.',
  });
}
