/** Pure: finds the messages in a stream of bytes that only passes by, whatever the protocol: a head of fixed length, then a body whose length the head tells. */

/** How a protocol frames its messages. Both are asked for a whole head that begins at `offset`. */
export interface Framing {
  readonly headBytes: number;
  /** What tells messages apart: their type, or their number. */
  tagOf(bytes: Buffer, offset: number): number;
  bodyBytesOf(bytes: Buffer, offset: number): number;
  /** A body of this length goes on in the next message; what continues one is skipped. */
  readonly continuedBytes: number | null;
}

/** Who looks at the messages. */
export interface MessageWatcher {
  /** How many bytes of the body of the message with this tag are wanted. */
  wants(tag: number): number;
  /** One message: the bytes wanted of its body, which are only valid during the call, and the length of the whole body. */
  take(tag: number, body: Buffer, bodyBytes: number): void;
}

/** Scans chunks without copying them; what it keeps between two chunks is bounded by what the watcher wants. */
export class MessageScanner {
  readonly #framing: Framing;
  readonly #watcher: MessageWatcher;
  readonly #head: Buffer;
  #headBytes = 0;
  #tag = 0;
  #bodyBytes = 0;
  /** Of the body under way: bytes wanted and not here yet, those here, and bytes to skip behind them. */
  #wanted = 0;
  #kept: Buffer[] = [];
  #skip = 0;
  #continues = false;

  constructor(framing: Framing, watcher: MessageWatcher) {
    this.#framing = framing;
    this.#watcher = watcher;
    this.#head = Buffer.alloc(framing.headBytes);
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
    const { headBytes } = this.#framing;
    const taken = Math.min(headBytes - this.#headBytes, chunk.length - offset);
    if (taken === headBytes) {
      this.#begin(chunk, offset);
      return offset + taken;
    }
    chunk.copy(this.#head, this.#headBytes, offset, offset + taken);
    this.#headBytes += taken;
    if (this.#headBytes === headBytes) {
      this.#headBytes = 0;
      this.#begin(this.#head, 0);
    }
    return offset + taken;
  }

  #begin(head: Buffer, offset: number): void {
    const isContinuation = this.#continues;
    this.#tag = this.#framing.tagOf(head, offset);
    this.#bodyBytes = this.#framing.bodyBytesOf(head, offset);
    this.#continues = this.#bodyBytes === this.#framing.continuedBytes;
    this.#wanted = isContinuation ? 0 : Math.min(this.#watcher.wants(this.#tag), this.#bodyBytes);
    this.#skip = this.#bodyBytes - this.#wanted;
    if (!isContinuation && this.#wanted === 0) this.#watcher.take(this.#tag, NOTHING, this.#bodyBytes);
  }

  #takeWanted(chunk: Buffer, offset: number): number {
    const end = Math.min(offset + this.#wanted, chunk.length);
    const part = chunk.subarray(offset, end);
    this.#wanted -= part.length;
    if (this.#wanted > 0) this.#kept.push(Buffer.from(part));
    else {
      const body = this.#kept.length === 0 ? part : Buffer.concat([...this.#kept, part]);
      this.#kept = [];
      this.#watcher.take(this.#tag, body, this.#bodyBytes);
    }
    return end;
  }
}

const NOTHING = Buffer.alloc(0);
