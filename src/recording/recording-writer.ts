import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { concatBytes } from '../base/bytes.ts';
import { GatewayError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { ChunkKind, deriveFileKey, SALT_BYTES, sealChunk } from './chunk-seal.ts';

/** First bytes of a recording: the format and its version. */
export const MAGIC = new TextEncoder().encode('PAMREC1\n');

/** Bytes behind the last chunk. */
export const FOOT_BYTES = 8;
/** Bytes of lines that wait in memory before they are sealed without waiting for the second to pass. */
const CHUNK_FULL_BYTES = 64 * 1024;
/** Bytes sealed and not yet written; beyond it whoever hands in waits. */
const UNWRITTEN_BYTES_MAX = 1024 * 1024;

/** Writes one file: text goes in, sealed chunks go to disk in order, one write at a time. */
export class RecordingWriter {
  /** Resolves with a sentence when a write has failed; nothing is written afterwards. */
  readonly failed: Promise<string>;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #key: Secret<Uint8Array>;
  readonly #fail: (why: string) => void;
  #lines: string[] = [];
  #linesBytes = 0;
  #unwrittenBytes = 0;
  #number = 0;
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;
  /** Of the file as it is on disk: says later whether it is still the same. */
  readonly #digest = createHash('sha256');
  #sizeBytes = 0;

  private constructor(file: FileHandle, path: string, key: Secret<Uint8Array>) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#file = file;
    this.#path = path;
    this.#key = key;
    this.failed = promise;
    this.#fail = resolve;
  }

  /** Makes the file with its first chunk. Throws `recording-failed`. */
  static async create(path: string, poolKey: Secret<Uint8Array>, info: unknown): Promise<RecordingWriter> {
    const salt = new Uint8Array(randomBytes(SALT_BYTES));
    try {
      const file = await open(path, 'wx', 0o600);
      const writer = new RecordingWriter(file, path, deriveFileKey(poolKey, salt));
      await writer.#begin(salt, info);
      return writer;
    } catch (cause) {
      throw new GatewayError('recording-failed', `the recording cannot be written: ${reasonOf(cause)}`, { cause });
    }
  }

  /** True: more text waits than may. */
  get isFull(): boolean {
    return this.#unwrittenBytes > UNWRITTEN_BYTES_MAX;
  }

  /** Resolves when everything sealed so far is written, or writing has failed. */
  drained(): Promise<void> {
    return this.#writing;
  }

  /** Adds text to the chunk that is being collected. */
  append(text: string): void {
    if (this.#hasFailed) return;
    this.#lines.push(text);
    this.#linesBytes += text.length;
    if (this.#linesBytes >= CHUNK_FULL_BYTES) this.flush();
  }

  /** Sends what was collected on its way to the disk. */
  flush(): void {
    if (this.#lines.length === 0) return;
    const text = this.#lines.join('');
    this.#lines = [];
    this.#linesBytes = 0;
    this.#write(this.#seal(ChunkKind.events, new TextEncoder().encode(text)));
  }

  /** Writes the last chunk and closes; null where writing failed. */
  async end(trailer: unknown): Promise<WrittenFile | null> {
    this.flush();
    const number = this.#number;
    const chunk = this.#seal(ChunkKind.trailer, encodeJson(trailer));
    this.#write(concatBytes([chunk, formatFoot(chunk.length, number)]));
    await this.#writing;
    await this.#file.close().catch(() => undefined);
    return this.#hasFailed ? null : { sizeBytes: this.#sizeBytes, digest: this.#digest.digest('hex') };
  }

  async #begin(salt: Uint8Array, info: unknown): Promise<void> {
    const first = concatBytes([MAGIC, salt, this.#seal(ChunkKind.info, encodeJson(info))]);
    try {
      await this.#file.appendFile(first);
      this.#count(first);
    } catch (error) {
      await this.#file.close();
      throw error;
    }
  }

  #count(bytes: Uint8Array): void {
    this.#digest.update(bytes);
    this.#sizeBytes += bytes.length;
  }

  #seal(kind: ChunkKind, content: Uint8Array): Uint8Array {
    const place = { number: this.#number, kind };
    this.#number += 1;
    return sealChunk(this.#key, place, content);
  }

  #write(bytes: Uint8Array): void {
    this.#unwrittenBytes += bytes.length;
    this.#writing = this.#writing.then(async () => {
      try {
        if (this.#hasFailed) return;
        await this.#file.appendFile(bytes);
        this.#count(bytes);
      } catch (error) {
        this.#hasFailed = true;
        this.#fail(`${this.#path}: ${reasonOf(error)}`);
      } finally {
        this.#unwrittenBytes -= bytes.length;
      }
    });
  }
}

/** A file that is complete. */
export interface WrittenFile {
  readonly sizeBytes: number;
  /** SHA-256 in hexadecimal. */
  readonly digest: string;
}

/** After the last chunk, so that it is found from the end of the file: uint32 BE its length with its head, uint32 BE its number. */
function formatFoot(length: number, number: number): Uint8Array {
  const foot = new Uint8Array(FOOT_BYTES);
  const view = new DataView(foot.buffer);
  view.setUint32(0, length);
  view.setUint32(4, number);
  return foot;
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** What the system says, for a person. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOSPC':
      return 'no space left on the disk';
    case 'EACCES':
    case 'EPERM':
      return 'not allowed';
    case 'EROFS':
      return 'the disk is read-only';
    default:
      return code === '' ? error.message : code;
  }
}
