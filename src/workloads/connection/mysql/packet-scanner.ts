/** Pure: finds the packets in a stream of bytes that only passes by. */
import { HEAD_BYTES } from './packets.ts';

/** Who looks at the packets. */
export interface PacketWatcher {
  /** How many bytes are wanted of the payload of a packet with this sequence number. */
  wants(sequence: number): number;
  /** One packet: the bytes wanted of its payload, which are only valid during the call, and the length of the whole payload. */
  take(sequence: number, payload: Buffer, payloadBytes: number): void;
}

/** A payload of this length goes on in the next packet. */
const CONTINUED_BYTES = 0xffffff;

/** Scans chunks without copying them; what it keeps between two chunks is bounded by what the watcher wants. What continues a payload is skipped. */
export class PacketScanner {
  readonly #watcher: PacketWatcher;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #sequence = 0;
  #payloadBytes = 0;
  #wanted = 0;
  #kept: Buffer[] = [];
  #skip = 0;
  #continues = false;

  constructor(watcher: PacketWatcher) {
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
      this.#begin(chunk.readUIntLE(offset, 3), chunk[offset + 3] ?? 0);
      return offset + taken;
    }
    chunk.copy(this.#head, this.#headBytes, offset, offset + taken);
    this.#headBytes += taken;
    if (this.#headBytes === HEAD_BYTES) {
      this.#headBytes = 0;
      this.#begin(this.#head.readUIntLE(0, 3), this.#head[3] ?? 0);
    }
    return offset + taken;
  }

  #begin(payloadBytes: number, sequence: number): void {
    const isContinuation = this.#continues;
    this.#continues = payloadBytes === CONTINUED_BYTES;
    this.#sequence = sequence;
    this.#payloadBytes = payloadBytes;
    this.#wanted = isContinuation ? 0 : Math.min(this.#watcher.wants(sequence), payloadBytes);
    this.#skip = payloadBytes - this.#wanted;
    if (!isContinuation && this.#wanted === 0) this.#watcher.take(sequence, NOTHING, payloadBytes);
  }

  #takeWanted(chunk: Buffer, offset: number): number {
    const end = Math.min(offset + this.#wanted, chunk.length);
    const part = chunk.subarray(offset, end);
    this.#wanted -= part.length;
    if (this.#wanted > 0) this.#kept.push(Buffer.from(part));
    else {
      const payload = this.#kept.length === 0 ? part : Buffer.concat([...this.#kept, part]);
      this.#kept = [];
      this.#watcher.take(this.#sequence, payload, this.#payloadBytes);
    }
    return end;
  }
}

const NOTHING = Buffer.alloc(0);
