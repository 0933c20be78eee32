import { type FileHandle, open } from 'node:fs/promises';
import { equalBytes } from '../base/bytes.ts';
import { GatewayError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { CHUNK_BYTES_MAX, CHUNK_HEAD_BYTES, ChunkKind, deriveFileKey, openChunk, SALT_BYTES } from './chunk-seal.ts';
import type { RecordingInfo, RecordingTrailer } from './recording-info.ts';
import { FOOT_BYTES, MAGIC } from './recording-writer.ts';

/** What a recording says of itself. */
export interface RecordingSummary {
  readonly info: RecordingInfo;
  /** Null: it still runs, or its end is missing. */
  readonly trailer: RecordingTrailer | null;
  readonly bytes: number;
}

/** How reading a file ended: with its last chunk, cut off after a whole chunk, or at bytes that were changed. */
export type ReadingEnd = 'complete' | 'cut-off' | 'damaged';

/** One file, open for reading. */
export class RecordingReader {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #poolKeys: readonly Secret<Uint8Array>[];
  /** How the last `lines` ended. */
  end: ReadingEnd = 'cut-off';

  private constructor(file: FileHandle, path: string, poolKeys: readonly Secret<Uint8Array>[]) {
    this.#file = file;
    this.#path = path;
    this.#poolKeys = poolKeys;
  }

  /** Opens a file that was written under one of these keys; `close` it. */
  static async open(path: string, poolKeys: readonly Secret<Uint8Array>[]): Promise<RecordingReader> {
    return new RecordingReader(await open(path, 'r'), path, poolKeys);
  }

  /** Head and end of the file. Throws `bad-message` for a file that is no recording of this pool. */
  async summary(): Promise<RecordingSummary> {
    const { size } = await this.#file.stat();
    const { key, at } = await this.#begin();
    const first = await this.#chunk(at);
    const content = first === undefined ? undefined : openChunk(key, { number: 0, kind: first.kind }, first.sealed);
    if (content === undefined) throw this.#damaged();
    return { info: parseJson<RecordingInfo>(content), trailer: await this.#trailer(key, size), bytes: size };
  }

  /** The text of the recording, chunk by chunk; `end` says afterwards how it ended. */
  async *text(): AsyncGenerator<string> {
    const begun = await this.#begin();
    let { at } = begun;
    this.end = 'cut-off';
    for (let number = 0; ; number++) {
      const chunk = await this.#chunk(at);
      if (chunk === undefined) return;
      const content = openChunk(begun.key, { number, kind: chunk.kind }, chunk.sealed);
      if (content === undefined) {
        this.end = 'damaged';
        return;
      }
      if (chunk.kind === ChunkKind.trailer) {
        this.end = 'complete';
        return;
      }
      if (chunk.kind === ChunkKind.events) yield new TextDecoder().decode(content);
      at = chunk.next;
    }
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async #begin(): Promise<{ readonly key: Secret<Uint8Array>; readonly at: number }> {
    const head = await this.#read(0, MAGIC.length + SALT_BYTES);
    if (head === undefined || !equalBytes(head.subarray(0, MAGIC.length), MAGIC)) throw this.#damaged();
    const keys = this.#poolKeys.map((poolKey) => deriveFileKey(poolKey, head.subarray(MAGIC.length)));
    const first = await this.#chunk(head.length);
    const own = keys.find((key) => first !== undefined && isFirst(key, first));
    // Under whichever key: what cannot be opened is found to be damaged where it is read.
    const key = own ?? keys[0];
    if (key === undefined) throw this.#damaged();
    return { key, at: head.length };
  }

  async #chunk(at: number) {
    const head = await this.#read(at, CHUNK_HEAD_BYTES);
    if (head === undefined) return undefined;
    const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
    const kind = Object.values(ChunkKind).find((one) => one === head[4]);
    if (length > CHUNK_BYTES_MAX || kind === undefined) return undefined;
    const sealed = await this.#read(at + CHUNK_HEAD_BYTES, length);
    return sealed === undefined ? undefined : { kind, sealed, next: at + CHUNK_HEAD_BYTES + length };
  }

  /** The last chunk is found from the end of the file, and believed if it is sealed as one under the number that stands behind it. */
  async #trailer(key: Secret<Uint8Array>, size: number): Promise<RecordingTrailer | null> {
    const foot = await this.#read(size - FOOT_BYTES, FOOT_BYTES);
    if (foot === undefined) return null;
    const view = new DataView(foot.buffer, foot.byteOffset);
    const chunk = await this.#chunk(size - FOOT_BYTES - view.getUint32(0));
    if (chunk === undefined || chunk.kind !== ChunkKind.trailer || chunk.next !== size - FOOT_BYTES) return null;
    const content = openChunk(key, { number: view.getUint32(4), kind: chunk.kind }, chunk.sealed);
    return content === undefined ? null : parseJson<RecordingTrailer>(content);
  }

  async #read(at: number, length: number): Promise<Uint8Array | undefined> {
    if (at < 0) return undefined;
    const buffer = new Uint8Array(length);
    const { bytesRead } = await this.#file.read(buffer, 0, length, at);
    return bytesRead === length ? buffer : undefined;
  }

  #damaged(): GatewayError {
    return new GatewayError('bad-message', `${this.#path} is no recording of this pool, or damaged`);
  }
}

function isFirst(key: Secret<Uint8Array>, { kind, sealed }: { readonly kind: ChunkKind; readonly sealed: Uint8Array }) {
  return openChunk(key, { number: 0, kind }, sealed) !== undefined;
}

/** Authenticated content of our own making. */
function parseJson<T>(content: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(content)) as T;
}
