/** Pure: finds the messages in a stream of bytes that only passes by: byte type, int32 length that counts itself, body. */

/** Who looks at the messages. */
export interface MessageWatcher {
  /** How many bytes of the body of this message are wanted. */
  wants(type: number): number;
  /** One message: the bytes wanted of its body, which are only valid during the call, and the length of the whole body. */
  take(type: number, body: Buffer, bodyBytes: number): void;
}

const HEAD_BYTES = 5;

/** Scans chunks without copying them; what it keeps between two chunks is bounded by what the watcher wants. */
export class MessageScanner {
  readonly #watcher: MessageWatcher;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #type = 0;
  #bodyBytes = 0;
  /** Of the body under way: bytes wanted and not here yet, those here, and bytes to skip behind them. */
  #wanted = 0;
  #kept: Buffer[] = [];
  #skip = 0;

  constructor(watcher: MessageWatcher) {
    this.#watcher = watcher;
  }

  /** Everything that has begun has also ended. */
  get isBetween(): boolean {
    return this.#headBytes === 0 && this.#wanted === 0 && this.#skip === 0;
  }

  /** Looks at the next bytes. */
  scan(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#wanted > 0) offset = this.#takeWanted(chunk, offset);
      else if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - offset);
        this.#skip -= skipped;
        offset += skipped;
      } else offset = this.#takeHead(chunk, offset);
    }
  }

  #takeHead(chunk: Buffer, offset: number): number {
    const taken = Math.min(HEAD_BYTES - this.#headBytes, chunk.length - offset);
    if (taken === HEAD_BYTES) {
      this.#begin(chunk[offset] ?? 0, chunk.readUInt32BE(offset + 1));
      return offset + taken;
    }
    chunk.copy(this.#head, this.#headBytes, offset, offset + taken);
    this.#headBytes += taken;
    if (this.#headBytes === HEAD_BYTES) {
      this.#headBytes = 0;
      this.#begin(this.#head[0] ?? 0, this.#head.readUInt32BE(1));
    }
    return offset + taken;
  }

  #begin(type: number, length: number): void {
    this.#type = type;
    this.#bodyBytes = Math.max(0, length - 4);
    this.#wanted = Math.min(this.#watcher.wants(type), this.#bodyBytes);
    this.#skip = this.#bodyBytes - this.#wanted;
    if (this.#wanted === 0) this.#watcher.take(type, NOTHING, this.#bodyBytes);
  }

  #takeWanted(chunk: Buffer, offset: number): number {
    const end = Math.min(offset + this.#wanted, chunk.length);
    const part = chunk.subarray(offset, end);
    this.#wanted -= part.length;
    if (this.#wanted > 0) this.#kept.push(Buffer.from(part));
    else {
      const body = this.#kept.length === 0 ? part : Buffer.concat([...this.#kept, part]);
      this.#kept = [];
      this.#watcher.take(this.#type, body, this.#bodyBytes);
    }
    return end;
  }
}

const NOTHING = Buffer.alloc(0);
