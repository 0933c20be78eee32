/** Writes an instance's log: entries queue, and what has come meanwhile is written and flushed together, so that nobody waits longer than two flushes. */
import { constants, existsSync, mkdirSync } from 'node:fs';
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../base/errors.ts';
import type { Sign, Verify } from '../base/signing.ts';
import type { Vault } from '../vault/index.ts';
import type { Audit } from './audit.ts';
import {
  BATCH_ENTRIES_MAX,
  CHECKPOINT_ENTRIES,
  CHECKPOINT_MS,
  QUEUE_ENTRIES_MAX,
  RETRY_MS,
  SEGMENT_BYTES_MAX,
  SEGMENTS_KEPT,
} from './bounds.ts';
import type { AuditHead } from './chain-check.ts';
import { formatCheckpoint, formatEvent, hashLine } from './entry.ts';
import type { AuditEvent } from './event.ts';
import { Floodgate } from './floodgate.ts';
import { type AuditPage, type AuditQuery, readPage } from './page.ts';
import { findResumption, type Resumption } from './resume.ts';
import { AUDIT_FOLDER, flushFolder, HEAD_FILE, listSegments, type Segment, segmentPath } from './segments.ts';
import { type Reading, watchVault } from './watched-vault.ts';

/** What the log is opened with. */
export interface AuditLogInit {
  /** The instance's data directory, locked by this process. */
  readonly directory: string;
  readonly instanceId: string;
  readonly sign: Sign;
  readonly verify: Verify;
  /** Wall clock, in milliseconds. */
  unixMs(): number;
  /** Writing began to fail, with the reason, or works again (null). */
  readonly onFailure?: (reason: string | null) => void;
  /** Instead of the bounds of the same names: for tests of rotation. */
  readonly segmentBytesMax?: number;
  readonly segmentsKept?: number;
}

interface Queued {
  readonly event: AuditEvent;
  readonly unixMs: number;
}

/** Waits until so many events have been written. */
interface Waiter {
  readonly upTo: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** What is on disk, or will be once a batch is. */
interface Place {
  readonly sequence: number;
  readonly previous: string;
}

/** Opens the log of an instance and says what was wrong with its end. Throws `data-directory`. */
export async function openAuditLog(init: AuditLogInit): Promise<AuditLog> {
  const folder = join(init.directory, AUDIT_FOLDER);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return new AuditLog(init, folder, await findResumption(folder, init.instanceId, init.verify));
  } catch (cause) {
    throw new GatewayError('data-directory', `the audit log in ${folder} cannot be opened (${reasonOf(cause)})`, {
      cause,
      remedy: 'Check that this user owns the data directory and that its disk is writable.',
    });
  }
}

/** The log of the running instance. */
export class AuditLog implements Audit {
  readonly #init: AuditLogInit;
  readonly #folder: string;
  readonly #queue: Queued[] = [];
  readonly #floodgate: Floodgate;
  #waiters: Waiter[] = [];
  #added = 0;
  #written = 0;
  #segment: Segment | null;
  #file: FileHandle | null = null;
  #sizeBytes: number;
  #lineFeedMissing: boolean;
  #place: Place;
  #head: AuditHead | null = null;
  #unsigned = 0;
  #missed = 0;
  #victims: { readonly files: readonly Segment[]; readonly throughSequence: number } | null = null;
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #checkpointDue = false;
  #closed = false;
  #failure: string | null = null;

  constructor(init: AuditLogInit, folder: string, resumption: Resumption) {
    this.#init = init;
    this.#folder = folder;
    this.#floodgate = new Floodgate((event) => this.#enqueue(event));
    this.#segment = resumption.segment;
    this.#sizeBytes = resumption.sizeBytes;
    this.#lineFeedMissing = resumption.unfinished;
    this.#place = { sequence: resumption.sequence, previous: resumption.previous };
    this.#checkpointDue = true;
    for (const event of resumption.findings) this.#enqueue(event);
  }

  /** Why nothing can be written at this moment; null while it can. */
  get failure(): string | null {
    return this.#failure;
  }

  /** How far the log reaches on disk; null before the first entry. */
  get head(): AuditHead | null {
    return this.#head;
  }

  /** Adds an event; it is on disk soon, or as soon as the disk takes it again. Never throws. */
  append(event: AuditEvent): void {
    if (this.#closed) return;
    if (this.#floodgate.pass(event, this.#init.unixMs())) this.#enqueue(event);
  }

  /** Adds an event that must not be missing and waits until it is on disk. Throws `storage-failed`: then it may still come later. */
  async appendNow(event: AuditEvent): Promise<void> {
    if (this.#closed) throw unwritable('the instance is stopping');
    if (this.#queue.length >= QUEUE_ENTRIES_MAX)
      throw unwritable(this.#failure ?? `${QUEUE_ENTRIES_MAX} events wait for the disk`);
    this.#enqueue(event);
    await this.settled();
  }

  /** Everything added so far is on disk. Throws `storage-failed` when a try to write it has failed. */
  settled(): Promise<void> {
    return this.#added === this.#written ? Promise.resolve() : this.#flushed();
  }

  /** See Audit. */
  vaultFor(vault: Vault, reading: Reading): Vault {
    return watchVault(vault, reading, this);
  }

  /** Entries that are on disk. */
  page(query: AuditQuery): Promise<AuditPage> {
    return readPage({ folder: this.#folder, query, end: this.#head, sizeBytes: this.#sizeBytes });
  }

  /** Signs what there is and closes the file. Throws `storage-failed` for what the disk does not take, which is lost. */
  async close(): Promise<void> {
    this.#floodgate.tell();
    this.#closed = true;
    clearTimeout(this.#timer);
    while (this.#writing !== null) await this.#writing;
    if (this.#unsigned + this.#queue.length > 0) {
      this.#checkpointDue = true;
      this.#writing = this.#writeAll();
      await this.#writing;
      this.#writing = null;
    }
    await this.#file?.close();
    this.#file = null;
    if (this.#failure !== null) throw unwritable(this.#failure);
  }

  #flushed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ upTo: this.#added, resolve, reject });
      this.#wake();
    });
  }

  #enqueue(event: AuditEvent): void {
    if (this.#queue.length >= QUEUE_ENTRIES_MAX) {
      this.#missed += 1;
      return;
    }
    this.#queue.push({ event, unixMs: this.#init.unixMs() });
    this.#added += 1;
    this.#wake();
  }

  /** A failing disk is tried again by its own timer only, and once more at the end. */
  #wake(): void {
    if (this.#writing !== null || this.#failure !== null || this.#closed) return;
    // What this turn of the event loop still adds goes into the same batch.
    this.#writing = Promise.resolve()
      .then(() => this.#writeAll())
      .finally(() => {
        this.#writing = null;
        this.#armTimer();
        if (this.#waiters.length > 0) this.#wake();
      });
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#queue.length > 0 || this.#checkpointDue) {
        await this.#writeBatch();
        this.#recovered();
        this.#release(this.#written);
      }
      this.#release(this.#added);
    } catch (error) {
      this.#failed(reasonOf(error));
    }
  }

  #release(upTo: number): void {
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.upTo > upTo);
    for (const waiter of waiters) if (waiter.upTo <= upTo) waiter.resolve();
  }

  async #writeBatch(): Promise<void> {
    await this.#openFile();
    const batch = this.#queue.slice(0, BATCH_ENTRIES_MAX);
    const { lines, place, signed } = this.#format(batch);
    const text = `${this.#lineFeedMissing ? '\n' : ''}${lines.map((line) => `${line}\n`).join('')}`;
    const bytes = Buffer.from(text);
    await this.#writeBytes(bytes);
    this.#queue.splice(0, batch.length);
    this.#written += batch.length;
    this.#lineFeedMissing = false;
    this.#sizeBytes += bytes.length;
    this.#place = place;
    this.#head = { sequence: place.sequence - 1, hash: place.previous };
    this.#unsigned = signed ? 0 : this.#unsigned + lines.length;
    if (!signed) return;
    this.#checkpointDue = false;
    await this.#keepHead(lines.at(-1) ?? '');
    await this.#prune();
  }

  #format(batch: readonly Queued[]): {
    readonly lines: readonly string[];
    readonly place: Place;
    readonly signed: boolean;
  } {
    const lines: string[] = [];
    let { sequence, previous } = this.#place;
    const nowUnixMs = this.#init.unixMs();
    const add = (line: string): void => {
      lines.push(line);
      previous = hashLine(line);
      sequence += 1;
    };
    if (this.#victims !== null) {
      const { throughSequence } = this.#victims;
      add(formatEvent({ sequence, unixMs: nowUnixMs, previous }, { kind: 'audit-pruned', throughSequence }));
    }
    for (const { event, unixMs } of batch) add(formatEvent({ sequence, unixMs, previous }, event));
    const signed = this.#checkpointDue || this.#victims !== null || this.#unsigned + lines.length >= CHECKPOINT_ENTRIES;
    if (signed) add(formatCheckpoint({ sequence, unixMs: nowUnixMs, previous }, this.#init));
    return { lines, place: { sequence, previous }, signed };
  }

  /** All of it or nothing: what a full disk took of it is cut off again. */
  async #writeBytes(bytes: Buffer): Promise<void> {
    const file = this.#file;
    if (file === null) throw new Error('the file is not open');
    try {
      let done = 0;
      while (done < bytes.length) {
        done += (await file.write(bytes, done, bytes.length - done, this.#sizeBytes + done)).bytesWritten;
      }
      await file.datasync();
    } catch (error) {
      await file.truncate(this.#sizeBytes).catch(() => undefined);
      await file.close().catch(() => undefined);
      this.#file = null;
      throw error;
    }
  }

  async #openFile(): Promise<void> {
    const isFull = this.#sizeBytes >= (this.#init.segmentBytesMax ?? SEGMENT_BYTES_MAX);
    if (this.#file !== null && !isFull) return;
    if (this.#segment !== null && !isFull) {
      // Never made shorter by opening: what was written before stays.
      this.#file = await open(this.#segment.path, constants.O_RDWR | constants.O_CREAT, 0o600);
      return;
    }
    await this.#beginFile();
  }

  async #beginFile(): Promise<void> {
    const first = this.#place.sequence;
    const path = segmentPath(this.#folder, first);
    // A file of this name holds no entry, or one that does not belong here: nothing is overwritten.
    if (existsSync(path)) await rename(path, `${path}.aside-${this.#init.unixMs()}`);
    const file = await open(path, 'wx', 0o600);
    await flushFolder(this.#folder);
    await this.#file?.close();
    this.#file = file;
    this.#segment = { path, first };
    this.#sizeBytes = 0;
    this.#lineFeedMissing = false;
    this.#chooseVictims(first);
  }

  /** Says which files go before they go, in a signed entry: otherwise a log without its beginning could not be told from a robbed one. */
  #chooseVictims(newest: number): void {
    const kept = this.#init.segmentsKept ?? SEGMENTS_KEPT;
    const segments = listSegments(this.#folder).filter(({ first }) => first !== newest);
    const files = segments.slice(0, Math.max(0, segments.length + 1 - kept));
    if (files.length === 0) return;
    this.#victims = { files, throughSequence: (segments[files.length]?.first ?? newest) - 1 };
  }

  async #prune(): Promise<void> {
    const files = this.#victims?.files ?? [];
    this.#victims = null;
    for (const { path } of files) await rm(path, { force: true });
  }

  async #keepHead(line: string): Promise<void> {
    const path = join(this.#folder, HEAD_FILE);
    await writeFile(`${path}.new`, `${line}\n`, { mode: 0o600, flush: true });
    await rename(`${path}.new`, path);
  }

  #armTimer(): void {
    if (this.#timer !== undefined || this.#closed || (this.#failure === null && this.#unsigned === 0)) return;
    const waitMs = this.#failure === null ? CHECKPOINT_MS : RETRY_MS;
    this.#timer = setTimeout(() => this.#onTimer(), waitMs).unref();
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#checkpointDue = true;
    this.#floodgate.tell();
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
      this.#armTimer();
      if (this.#waiters.length > 0) this.#wake();
    });
  }

  #failed(reason: string): void {
    for (const { reject } of this.#waiters.splice(0)) reject(unwritable(reason));
    if (this.#failure === null) this.#init.onFailure?.(reason);
    this.#failure = reason;
  }

  #recovered(): void {
    if (this.#failure === null) return;
    const [reason, missed] = [this.#failure, this.#missed];
    this.#failure = null;
    this.#missed = 0;
    this.#init.onFailure?.(null);
    this.#queue.push({ event: { kind: 'audit-resumed', missed, reason }, unixMs: this.#init.unixMs() });
    this.#added += 1;
    this.#checkpointDue = true;
  }
}

function unwritable(reason: string): GatewayError {
  return new GatewayError('storage-failed', `the audit log cannot be written: ${reason}`, {
    remedy: 'Check that the disk of the data directory has space left and is writable.',
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
