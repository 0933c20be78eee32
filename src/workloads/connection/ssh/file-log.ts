import { GatewayError } from '../../../base/errors.ts';
import { cutText } from '../../../wire/connection-message.ts';
import { SftpOpen, SftpReader, SftpStatus, SftpType } from '../../../wire/sftp.ts';

/**
 * Pure: looks on while a client and a target speak SFTP, and tells what was done: each file with its path and the bytes that were written and read, each name that was
 * changed. Only the beginnings of packets are held. What cannot be followed ends the session, since it could not be recorded.
 */
export class FileLog {
  readonly #tell: (line: string) => void;
  readonly #requests = new PacketHeads();
  readonly #replies = new PacketHeads();
  readonly #pending = new Map<number, Pending>();
  readonly #open = new Map<string, OpenFile>();

  /** `tell` gets a line without its end. */
  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  /** Bytes from the client, before they go on. Throws `bad-message`. */
  fromClient(chunk: Uint8Array): void {
    for (const head of this.#requests.take(chunk)) this.#onRequest(head);
  }

  /** Bytes from the target. Throws `bad-message`. */
  fromTarget(chunk: Uint8Array): void {
    for (const head of this.#replies.take(chunk)) this.#onReply(head);
  }

  /** The session is over: tells of files that were not closed. */
  end(): void {
    for (const file of this.#open.values()) this.#tell(`${describe(file)}, not closed`);
    this.#open.clear();
  }

  #onRequest(head: Buffer): void {
    const reader = new SftpReader(head);
    const type = reader.uint8();
    if (type === SftpType.init) return;
    const id = reader.uint32();
    const pending = this.#readRequest(type, reader);
    if (pending === undefined) return void this.#pending.delete(id);
    if (this.#pending.size >= PENDING_MAX && !this.#pending.has(id)) throw tooMany('requests without an answer');
    this.#pending.set(id, pending);
  }

  #readRequest(type: number, reader: SftpReader): Pending | undefined {
    switch (type) {
      case SftpType.open:
        return { kind: 'open', path: reader.text(), flags: reader.uint32() };
      case SftpType.close:
        return { kind: 'close', handle: handleOf(reader) };
      case SftpType.read:
        return { kind: 'read', handle: handleOf(reader) };
      case SftpType.write: {
        const handle = handleOf(reader);
        reader.skip(8);
        return { kind: 'write', handle, bytes: reader.uint32() };
      }
      case SftpType.remove:
        return { kind: 'change', line: `removed ${shown(reader.text())}` };
      case SftpType.removeFolder:
        return { kind: 'change', line: `removed folder ${shown(reader.text())}` };
      case SftpType.makeFolder:
        return { kind: 'change', line: `made folder ${shown(reader.text())}` };
      case SftpType.rename:
        return { kind: 'change', line: `renamed ${shown(reader.text())} to ${shown(reader.text())}` };
      case SftpType.symlink:
        return { kind: 'change', line: `linked ${shown(reader.text())} and ${shown(reader.text())}` };
      case SftpType.extended:
        return readExtended(reader);
      default:
        return undefined;
    }
  }

  #onReply(head: Buffer): void {
    const reader = new SftpReader(head);
    const type = reader.uint8();
    if (type === SftpType.version) return;
    const id = reader.uint32();
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending === undefined) return;
    const isOk = type === SftpType.status && reader.uint32() === SftpStatus.ok;
    if (pending.kind === 'open' && type === SftpType.handle) return this.#opened(handleOf(reader), pending);
    if (pending.kind === 'read' && type === SftpType.data)
      return this.#count(pending.handle, { read: reader.uint32() });
    if (pending.kind === 'write' && isOk) return this.#count(pending.handle, { written: pending.bytes });
    if (pending.kind === 'change' && isOk) return this.#tell(pending.line);
    if (pending.kind === 'close') this.#closed(pending.handle);
  }

  #opened(handle: string, { path, flags }: Extract<Pending, { readonly kind: 'open' }>): void {
    if (this.#open.size >= OPEN_MAX) throw tooMany('open files');
    this.#open.set(handle, { path, isWritten: (flags & SftpOpen.write) !== 0, read: 0, written: 0 });
  }

  #count(handle: string, { read = 0, written = 0 }: { readonly read?: number; readonly written?: number }): void {
    const file = this.#open.get(handle);
    if (file === undefined) return;
    file.read += read;
    file.written += written;
  }

  #closed(handle: string): void {
    const file = this.#open.get(handle);
    this.#open.delete(handle);
    if (file !== undefined) this.#tell(describe(file));
  }
}

type Pending =
  | { readonly kind: 'open'; readonly path: string; readonly flags: number }
  | { readonly kind: 'close' | 'read'; readonly handle: string }
  | { readonly kind: 'write'; readonly handle: string; readonly bytes: number }
  | { readonly kind: 'change'; readonly line: string };

interface OpenFile {
  readonly path: string;
  readonly isWritten: boolean;
  read: number;
  written: number;
}

/** Requests that the target has not answered: programs send a few hundred ahead. */
const PENDING_MAX = 16_384;
/** Files open at a time. */
const OPEN_MAX = 4_096;
/** Characters of a path in a line. */
const PATH_SHOWN_MAX = 1024;
const PATH_BYTES_MAX = 4096;
/** Bytes of a handle, by the protocol. */
const HANDLE_BYTES_MAX = 256;
/** What is held of a packet: two paths, or for the bytes of a file what stands before them. */
const HEAD_BYTES_MAX = 2 * PATH_BYTES_MAX + 256;
const DATA_HEAD_BYTES_MAX = HANDLE_BYTES_MAX + 32;

/** Extensions that change names; `copy-data` reads and writes files that are open, without a byte passing here. */
function readExtended(reader: SftpReader): Pending | undefined {
  const name = reader.text();
  if (name === 'posix-rename@openssh.com')
    return { kind: 'change', line: `renamed ${shown(reader.text())} to ${shown(reader.text())}` };
  if (name === 'hardlink@openssh.com')
    return { kind: 'change', line: `linked ${shown(reader.text())} as ${shown(reader.text())}` };
  return name === 'copy-data' ? { kind: 'change', line: 'copied between open files' } : undefined;
}

function handleOf(reader: SftpReader): string {
  return reader.bytes().toString('latin1');
}

function describe({ path, isWritten, read, written }: OpenFile): string {
  const parts = [
    ...(isWritten ? [`written ${written} bytes`] : []),
    ...(read > 0 || !isWritten ? [`read ${read} bytes`] : []),
  ];
  return `${shown(path)}: ${parts.join(', ')}`;
}

function shown(path: string): string {
  return cutText(path, PATH_SHOWN_MAX);
}

function tooMany(what: string): GatewayError {
  return new GatewayError('bad-message', `too many ${what} to be recorded`);
}

/** Cuts a stream into packets and keeps the beginning of each. */
class PacketHeads {
  #head = Buffer.alloc(0);
  /** Bytes of the packet that is being passed over. */
  #passing = 0;

  /** The beginnings of the packets whose beginning is complete with this chunk, without their length. */
  take(chunk: Uint8Array): readonly Buffer[] {
    const heads: Buffer[] = [];
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    while (rest.length > 0) {
      if (this.#passing > 0) {
        const passed = Math.min(this.#passing, rest.length);
        this.#passing -= passed;
        rest = rest.subarray(passed);
        continue;
      }
      const taken = Math.min(this.#wanted() - this.#head.length, rest.length);
      this.#head = Buffer.concat([this.#head, rest.subarray(0, taken)]);
      rest = rest.subarray(taken);
      if (this.#head.length < this.#wanted()) continue;
      heads.push(this.#head.subarray(4));
      this.#passing = 4 + this.#head.readUInt32BE() - this.#head.length;
      this.#head = Buffer.alloc(0);
    }
    return heads;
  }

  /** Bytes to be held, as far as is known: the length and the type come first. */
  #wanted(): number {
    if (this.#head.length < 5) return 5;
    const length = this.#head.readUInt32BE();
    if (length === 0) throw new GatewayError('bad-message', 'an empty packet is no SFTP');
    const type = this.#head[4];
    const isData = type === SftpType.write || type === SftpType.data;
    return 4 + Math.min(length, isData ? DATA_HEAD_BYTES_MAX : HEAD_BYTES_MAX);
  }
}
