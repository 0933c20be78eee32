import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { formatHex, sha256 } from '../../base/bytes.ts';
import { GatewayError } from '../../base/errors.ts';
import { mustSurvivePowerCut, type Remembered, type Stored } from '../../core/index.ts';
import { OUTPUT_PAGE_BYTES_MAX } from '../../wire/bounds.ts';
import { type Codec, decode, encode } from '../../wire/codec.ts';
import { isFinal } from '../../wire/job.ts';
import { Durability, isDamage, openDatabaseFile, setAside, unusable } from './database-file.ts';
import {
  councilRowCodec,
  dueRowCodec,
  EDITIONS_ROW_BYTES_MAX,
  editionsRowCodec,
  jobRowCodec,
  ROW_BYTES_MAX,
  selfRowCodec,
} from './rows.ts';

/**
 * What an instance remembers across restarts: limits, records, sealed credentials, its own place, its jobs, others' addresses. One SQLite file; every `write` is one
 * transaction that is on disk when it returns, so whoever writes a batch pays for one flush. It is *not* a cache: nothing reads it while running.
 */
export interface Store {
  /** What the core starts with, read from disk; rows that cannot be read are left out, and named in `warnings`. */
  remembered(): Remembered;
  /** Addresses of other instances, in the order they were given. */
  addresses(): readonly string[];
  /** All or nothing, durable on return. Throws `storage-failed`. */
  write(batch: readonly Stored[]): void;
  /** Bytes of a job's output from an offset on; undefined if none is kept. */
  readOutput(jobId: string, offset: number): { readonly totalBytes: number; readonly bytes: Uint8Array } | undefined;
  /** Replaces the addresses of other instances; only the first `ADDRESSES_KEPT_MAX` are kept. Throws `storage-failed`. */
  rememberAddresses(addresses: readonly string[]): void;
  /** What was found damaged when opening: for the operator, never empty in silence. */
  readonly warnings: readonly string[];
  close(): void;
}

/** What opening needs. */
export interface StoreInit {
  readonly directory: string;
  /** A data directory belongs to one gateway for good. */
  readonly gatewayUid: string;
  /** Wall clock, in milliseconds: jobs are forgotten by it. */
  unixMs(): number;
}

/** Signed limits kept, the newest of them: far more than a pool sees between two restarts. */
export const LIMITS_KEPT_MAX = 256;
/** Policies kept beside those that change the admins: only the newest version counts, and it may have several siblings. */
export const POLICIES_KEPT_MAX = 16;
/** Ended jobs kept for people to look at. */
export const JOBS_KEPT_MAX = 2000;
/** An id stays known this long after its deadline: by then no clock within the allowed skew lets it be submitted again. */
export const JOB_KEPT_MS = 5 * 60_000;
/** Outputs of jobs kept, the newest of them, and for how long. */
export const OUTPUTS_KEPT_MAX = 500;
/** See OUTPUTS_KEPT_MAX. */
export const OUTPUT_KEPT_MS = 30 * 24 * 3600_000;
/** Addresses of other instances kept. */
export const ADDRESSES_KEPT_MAX = 256;
/** Job rows written between two prunings: pruning costs more than a row. */
const PRUNE_EVERY = 1024;

const FILE = 'store.sqlite';

/** Opens the store of a locked data directory. A damaged file is set aside under another name, and said so. Throws `data-directory`. */
export function openStore(init: StoreInit): Store {
  const path = join(init.directory, FILE);
  try {
    return new SqliteStore(openDatabaseFile(path), init, []);
  } catch (cause) {
    if (!isDamage(cause)) throw cause instanceof GatewayError ? cause : unusable(path, cause);
    const aside = setAside(path);
    const warning = `${path} was damaged and is now ${aside}: limits, records, credentials, jobs and addresses are learnt anew from the configuration and the pool`;
    return new SqliteStore(openDatabaseFile(path), init, [warning]);
  }
}

/** What the store decodes itself. */
type OwnRows = Pick<Remembered, 'self' | 'jobs' | 'credentials' | 'council' | 'dues'>;

class SqliteStore implements Store {
  readonly warnings: readonly string[];
  readonly #database: DatabaseSync;
  readonly #unixMs: () => number;
  readonly #statements: Readonly<
    Record<
      | 'limit'
      | 'policy'
      | 'record'
      | 'credentials'
      | 'forget'
      | 'fact'
      | 'job'
      | 'due'
      | 'output'
      | 'outputPage'
      | 'address',
      StatementSync
    >
  >;
  #jobRowsSincePruning = 0;
  #durability: Durability = Durability.powerCut;
  /** Decoding thousands of jobs takes long enough to do it once: opening needs the warnings, the core the rows. */
  #decodedAtStart: OwnRows | undefined;

  constructor(database: DatabaseSync, init: StoreInit, warnings: readonly string[]) {
    this.#database = database;
    this.#unixMs = () => init.unixMs();
    const prepare = (sql: string): StatementSync => database.prepare(sql);
    this.#statements = {
      limit: prepare('REPLACE INTO limits (digest, sealed) VALUES (?, ?)'),
      policy: prepare('REPLACE INTO policies (digest, kept, sealed) VALUES (?, ?, ?)'),
      record: prepare('REPLACE INTO records (id, sealed) VALUES (?, ?)'),
      credentials: prepare('REPLACE INTO credentials (id, editions) VALUES (?, ?)'),
      forget: prepare('DELETE FROM credentials WHERE id = ?'),
      fact: prepare('REPLACE INTO facts (name, value) VALUES (?, ?)'),
      job: prepare('REPLACE INTO jobs (id, ended, deadline, row) VALUES (?, ?, ?, ?)'),
      due: prepare('REPLACE INTO dues (id, row) VALUES (?, ?)'),
      output: prepare('REPLACE INTO outputs (id, saved, output) VALUES (?, ?, ?)'),
      outputPage: prepare('SELECT length(output) AS total, substr(output, ? + 1, ?) AS page FROM outputs WHERE id = ?'),
      address: prepare('INSERT INTO addresses (address) VALUES (?)'),
    };
    try {
      this.#adopt(init);
      this.#transact(() => this.#prune());
      const unreadable: string[] = [];
      this.#decodedAtStart = this.#ownRows(unreadable);
      this.warnings = [...warnings, ...unreadable];
    } catch (cause) {
      database.close();
      throw cause;
    }
  }

  remembered(): Remembered {
    const own = this.#decodedAtStart ?? this.#ownRows([]);
    this.#decodedAtStart = undefined;
    return {
      limits: this.#blobs('SELECT sealed AS blob FROM limits ORDER BY number'),
      policies: this.#blobs('SELECT sealed AS blob FROM policies ORDER BY number'),
      records: this.#blobs('SELECT sealed AS blob FROM records ORDER BY id'),
      ...own,
    };
  }

  addresses(): readonly string[] {
    return this.#database
      .prepare('SELECT address FROM addresses ORDER BY place')
      .all()
      .map((row) => String(row['address']));
  }

  write(batch: readonly Stored[]): void {
    if (batch.length === 0) return;
    this.#decodedAtStart = undefined;
    this.#flushAtCommit(batch.some(mustSurvivePowerCut) ? Durability.powerCut : Durability.processEnd);
    this.#transact(() => {
      for (const stored of batch) this.#writeOne(stored);
      if (this.#jobRowsSincePruning >= PRUNE_EVERY) this.#prune();
    });
  }

  readOutput(jobId: string, offset: number): ReturnType<Store['readOutput']> {
    const row = this.#statements.outputPage.get(offset, OUTPUT_PAGE_BYTES_MAX, jobId);
    return row === undefined ? undefined : { totalBytes: Number(row['total']), bytes: blobOf(row['page']) };
  }

  rememberAddresses(addresses: readonly string[]): void {
    this.#flushAtCommit(Durability.powerCut);
    this.#transact(() => {
      this.#database.exec('DELETE FROM addresses');
      for (const address of addresses.slice(0, ADDRESSES_KEPT_MAX)) this.#statements.address.run(address);
    });
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /** What this store decodes itself, with a warning for each row that cannot be. */
  #ownRows(warnings: string[]): OwnRows {
    const self = this.#blobs(`SELECT value AS blob FROM facts WHERE name = 'self'`);
    const jobs = this.#blobs('SELECT row AS blob FROM jobs ORDER BY id');
    const credentials = this.#blobs('SELECT editions AS blob FROM credentials ORDER BY id');
    const council = this.#blobs(`SELECT value AS blob FROM facts WHERE name = 'council'`);
    const dues = this.#blobs('SELECT row AS blob FROM dues ORDER BY id');
    const read = { warnings, bytesMax: ROW_BYTES_MAX };
    return {
      council: readable({ ...read, codec: councilRowCodec, blobs: council, what: 'the council' })[0] ?? null,
      dues: readable({ ...read, codec: dueRowCodec, blobs: dues, what: 'a due time' }),
      self: readable({ ...read, codec: selfRowCodec, blobs: self, what: "this instance's own place" })[0] ?? null,
      jobs: readable({ ...read, codec: jobRowCodec, blobs: jobs, what: 'a job' }),
      credentials: readable({
        warnings,
        bytesMax: EDITIONS_ROW_BYTES_MAX,
        codec: editionsRowCodec,
        blobs: credentials,
        what: 'a credential',
      }).flatMap(({ sealed }) => sealed),
    };
  }

  #blobs(sql: string): readonly Uint8Array[] {
    return this.#database
      .prepare(sql)
      .all()
      .map((row) => blobOf(row['blob']));
  }

  #writeOne(stored: Stored): void {
    switch (stored.kind) {
      case 'limit':
        this.#statements.limit.run(formatHex(sha256(stored.sealed)), stored.sealed);
        this.#database.exec(`DELETE FROM limits WHERE number <= (SELECT max(number) FROM limits) - ${LIMITS_KEPT_MAX}`);
        return;
      case 'policy':
        this.#statements.policy.run(formatHex(sha256(stored.sealed)), stored.kept ? 1 : 0, stored.sealed);
        this.#database.exec(
          `DELETE FROM policies WHERE kept = 0 AND number <= (SELECT max(number) FROM policies) - ${POLICIES_KEPT_MAX}`,
        );
        return;
      case 'record':
        this.#statements.record.run(stored.recordId, stored.sealed);
        return;
      case 'credentials':
        if (stored.sealed.length === 0) this.#statements.forget.run(stored.recordId);
        else this.#statements.credentials.run(stored.recordId, encode(editionsRowCodec, { sealed: stored.sealed }));
        return;
      case 'self':
        this.#statements.fact.run('self', encode(selfRowCodec, stored));
        return;
      case 'job': {
        const { jobId, state, endedUnixMs } = stored.notice;
        const ended = isFinal(state) ? (endedUnixMs ?? this.#unixMs()) : null;
        this.#statements.job.run(jobId, ended, stored.deadlineUnixMs, encode(jobRowCodec, stored));
        this.#jobRowsSincePruning++;
        return;
      }
      case 'council':
        this.#statements.fact.run('council', encode(councilRowCodec, stored));
        return;
      case 'due':
        this.#statements.due.run(stored.recordId, encode(dueRowCodec, stored));
        return;
      case 'job-output':
        this.#statements.output.run(stored.jobId, stored.savedUnixMs, stored.output);
        this.#pruneOutputs();
    }
  }

  /** Forgets ended jobs beyond the newest, as soon as their id cannot come again. */
  #prune(): void {
    this.#jobRowsSincePruning = 0;
    this.#database
      .prepare(
        `DELETE FROM jobs WHERE ended IS NOT NULL AND deadline < ?
         AND id NOT IN (SELECT id FROM jobs WHERE ended IS NOT NULL ORDER BY ended DESC, id LIMIT ${JOBS_KEPT_MAX})`,
      )
      .run(this.#unixMs() - JOB_KEPT_MS);
  }

  #pruneOutputs(): void {
    this.#database
      .prepare(
        `DELETE FROM outputs WHERE saved < ?
         OR id NOT IN (SELECT id FROM outputs ORDER BY saved DESC, id LIMIT ${OUTPUTS_KEPT_MAX})`,
      )
      .run(this.#unixMs() - OUTPUT_KEPT_MS);
  }

  /** A new file takes the gateway's uid; an old one must have the same. */
  #adopt({ directory, gatewayUid }: StoreInit): void {
    const row = this.#database.prepare(`SELECT value FROM facts WHERE name = 'gateway'`).get();
    const owner = row === undefined ? undefined : new TextDecoder().decode(blobOf(row['value']));
    if (owner === undefined)
      this.#transact(() => this.#statements.fact.run('gateway', new TextEncoder().encode(gatewayUid)));
    if (owner === undefined || owner === gatewayUid) return;
    throw new GatewayError(
      'data-directory',
      `data directory ${directory} belongs to gateway ${owner}; the configuration is of ${gatewayUid}`,
      {
        remedy: 'Use the configuration of that gateway, or give this instance another data directory with --data-dir.',
      },
    );
  }

  #flushAtCommit(durability: Durability): void {
    if (durability === this.#durability) return;
    this.#database.exec(`PRAGMA synchronous = ${durability}`);
    this.#durability = durability;
  }

  #transact(change: () => void): void {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      change();
      this.#database.exec('COMMIT');
    } catch (cause) {
      if (this.#database.isOpen && this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw new GatewayError(
        'storage-failed',
        `the data directory could not be written (${cause instanceof Error ? cause.message : String(cause)})`,
        {
          cause,
          remedy: 'Check that the disk has space left and is writable.',
        },
      );
    }
  }
}

/** The rows that can be read; a warning for each other one. */
function readable<T>(from: {
  readonly codec: Codec<T>;
  readonly blobs: readonly Uint8Array[];
  readonly what: string;
  readonly bytesMax: number;
  readonly warnings: string[];
}): readonly T[] {
  return from.blobs.flatMap((blob) => {
    try {
      return [decode(from.codec, blob, from.bytesMax)];
    } catch (error) {
      from.warnings.push(
        `${from.what} in the store cannot be read and is left out (${error instanceof Error ? error.message : 'damaged'})`,
      );
      return [];
    }
  });
}

/** A column that the schema makes a blob. Anything else means that somebody else wrote here: an empty one fails its decoder. */
function blobOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}
