import type { Readable, Writable } from 'node:stream';
import { GatewayError } from '../../../base/errors.ts';
import {
  encodeSftp,
  type FileAttributes,
  type FolderEntry,
  NO_ATTRIBUTES,
  SFTP_VERSION,
  type SftpField,
  SftpReader,
  SftpReplies,
  type SftpReply,
  SftpStatus,
  SftpType,
} from '../../../wire/sftp.ts';

/** What a target said to a request that it did not carry out. */
export class SftpRefusal extends Error {
  override readonly name = 'SftpRefusal';
  readonly code: number;

  /** `said` is the target's own text. */
  constructor(code: number, said: string) {
    super(said);
    this.code = code;
  }
}

/** Replies that are awaited. */
const PENDING_MAX = 1024;
const POSIX_RENAME = 'posix-rename@openssh.com';
const SPACE = 'statvfs@openssh.com';

interface Waiting {
  resolve(reply: SftpReply): void;
  reject(error: Error): void;
}

/** Files of a target, over a session that speaks SFTP. Requests may be sent before earlier ones are answered. */
export class SftpClient {
  readonly #requests: Writable;
  readonly #replies = new SftpReplies();
  readonly #waiting = new Map<number, Waiting>();
  #extensions: readonly string[] = [];
  #next = 0;
  #broken: Error | undefined;

  /** `broken` resolves when nothing more will be answered, with what then is thrown. */
  constructor(requests: Writable, replies: Readable, broken: Promise<Error>) {
    this.#requests = requests;
    replies.on('data', (chunk: Buffer) => this.#take(chunk));
    void broken.then((error) => this.#break(error));
  }

  /** Agrees on the version. */
  async start(): Promise<void> {
    // The version stands where other requests have their number.
    const reply = await this.#ask(SftpType.init, SFTP_VERSION, [], 0);
    if (reply.kind !== 'version') throw unexpected(reply);
    this.#extensions = reply.extensions;
  }

  /** The file's attributes, those of what a link leads to; undefined if there is none. */
  async stat(path: string): Promise<FileAttributes | undefined> {
    try {
      const reply = await this.request(SftpType.stat, [path]);
      if (reply.kind !== 'attributes') throw unexpected(reply);
      return reply.attributes;
    } catch (error) {
      if (error instanceof SftpRefusal && error.code === SftpStatus.noSuchFile) return undefined;
      throw error;
    }
  }

  /** The path without links. */
  async realPath(path: string): Promise<string> {
    const reply = await this.request(SftpType.realPath, [path]);
    const [entry] = reply.kind === 'names' ? reply.entries : [];
    return entry?.name ?? path;
  }

  /** A handle for reading or writing, by the bits of `SftpOpen`. */
  async open(path: string, flags: number, mode: number | null = null): Promise<Buffer> {
    return this.#handle(SftpType.open, [path, { uint32: flags }, { ...NO_ATTRIBUTES, mode }]);
  }

  /** Up to so many bytes; undefined at the end of the file. */
  async read(handle: Buffer, offset: number, length: number): Promise<Buffer | undefined> {
    try {
      const reply = await this.request(SftpType.read, [handle, { uint64: offset }, { uint32: length }]);
      if (reply.kind !== 'data') throw unexpected(reply);
      return reply.data;
    } catch (error) {
      if (error instanceof SftpRefusal && error.code === SftpStatus.end) return undefined;
      throw error;
    }
  }

  async write(handle: Buffer, offset: number, data: Buffer): Promise<void> {
    await this.request(SftpType.write, [handle, { uint64: offset }, data]);
  }

  async close(handle: Buffer): Promise<void> {
    await this.request(SftpType.close, [handle]);
  }

  /** Sets attributes of what is open, or of what has this path. */
  async setAttributes(file: Buffer | string, attributes: Partial<FileAttributes>): Promise<void> {
    const type = typeof file === 'string' ? SftpType.setStat : SftpType.setOpenStat;
    await this.request(type, [file, { ...NO_ATTRIBUTES, ...attributes }]);
  }

  async makeFolder(path: string, mode: number): Promise<void> {
    await this.request(SftpType.makeFolder, [path, { ...NO_ATTRIBUTES, mode }]);
  }

  async remove(path: string): Promise<void> {
    await this.request(SftpType.remove, [path]);
  }

  /** Puts a file into the place of another one, at once where the target can. */
  async replace(from: string, to: string): Promise<void> {
    if (this.#extensions.includes(POSIX_RENAME))
      return void (await this.request(SftpType.extended, [POSIX_RENAME, from, to]));
    if ((await this.stat(to)) !== undefined) await this.remove(to);
    await this.request(SftpType.rename, [from, to]);
  }

  /** The folder's entries, without itself and the one above. */
  async *entries(path: string): AsyncGenerator<FolderEntry> {
    const handle = await this.#handle(SftpType.openFolder, [path]);
    try {
      for (;;) {
        const entries = await this.#moreEntries(handle);
        if (entries === undefined) return;
        yield* entries.filter(({ name }) => name !== '.' && name !== '..');
      }
    } finally {
      await this.close(handle);
    }
  }

  /** Bytes that may still be written where this file is; undefined if the target does not tell. */
  async freeBytes(path: string): Promise<number | undefined> {
    if (!this.#extensions.includes(SPACE)) return undefined;
    const reply = await this.request(SftpType.extended, [SPACE, path]);
    if (reply.kind !== 'extended') throw unexpected(reply);
    const reader = new SftpReader(reply.fields);
    reader.skip(8);
    const fragmentBytes = reader.uint64();
    reader.skip(16);
    return fragmentBytes * reader.uint64();
  }

  /** One request; throws `SftpRefusal`. */
  request(type: number, fields: readonly SftpField[]): Promise<SftpReply> {
    this.#next = (this.#next + 1) >>> 0;
    return this.#ask(type, this.#next, fields, this.#next);
  }

  async #ask(type: number, id: number, fields: readonly SftpField[], answeredAs: number): Promise<SftpReply> {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#waiting.size >= PENDING_MAX) throw new Error('more requests than are allowed wait for an answer');
    const { promise, resolve, reject } = Promise.withResolvers<SftpReply>();
    this.#waiting.set(answeredAs, { resolve, reject });
    // Whoever asks ahead bounds what waits here.
    this.#requests.write(encodeSftp(type, id, fields));
    const reply = await promise;
    if (reply.kind === 'status' && reply.code !== SftpStatus.ok) throw new SftpRefusal(reply.code, reply.message);
    return reply;
  }

  async #handle(type: number, fields: readonly SftpField[]): Promise<Buffer> {
    const reply = await this.request(type, fields);
    if (reply.kind !== 'handle') throw unexpected(reply);
    return reply.handle;
  }

  async #moreEntries(handle: Buffer): Promise<readonly FolderEntry[] | undefined> {
    try {
      const reply = await this.request(SftpType.readFolder, [handle]);
      if (reply.kind !== 'names') throw unexpected(reply);
      return reply.entries;
    } catch (error) {
      if (error instanceof SftpRefusal && error.code === SftpStatus.end) return undefined;
      throw error;
    }
  }

  #take(chunk: Buffer): void {
    try {
      for (const reply of this.#replies.take(chunk)) {
        const waiting = this.#waiting.get(reply.id);
        this.#waiting.delete(reply.id);
        waiting?.resolve(reply);
      }
    } catch (error) {
      this.#break(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #break(error: Error): void {
    this.#broken ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#broken);
    this.#waiting.clear();
    this.#requests.destroy();
  }
}

function unexpected({ kind }: SftpReply): GatewayError {
  return new GatewayError('bad-message', `the target does not speak SFTP as it should: an unexpected ${kind}`);
}
