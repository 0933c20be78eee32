/** Pure: what is under way in a session, in the order in which the database answers. */
import type { StatementSink } from '../statement-sink.ts';

/** Statements sent and not answered yet, at most: a client that sends more ahead of the answers has the rest of them noted without an end. */
const PENDING_MAX = 10_000;

interface Pending {
  readonly number: number;
  readonly beganAtMs: number;
  rows: number | null;
}

/** Numbers statements and tells the sink of them and of their ends. */
export class StatementLog {
  readonly #sink: StatementSink;
  #numbers = 0;

  constructor(sink: StatementSink) {
    this.#sink = sink;
  }

  /** A statement was sent. */
  begin(text: string, isCut: boolean, atMs: number): Pending {
    this.#numbers += 1;
    this.#sink.take({ kind: 'sent', number: this.#numbers, atMs, text, isCut });
    return { number: this.#numbers, beganAtMs: atMs, rows: null };
  }

  /** It has ended. */
  done({ number, beganAtMs, rows }: Pending, atMs: number): void {
    this.#sink.take({ kind: 'done', number, atMs, elapsedMs: atMs - beganAtMs, rows });
  }

  /** It has failed. */
  fail({ number, beganAtMs }: Pending, error: { readonly code: string; readonly message: string }, atMs: number): void {
    this.#sink.take({ kind: 'failed', number, atMs, elapsedMs: atMs - beganAtMs, ...error });
  }
}

/** A statement that waits for its answer. */
export type PendingStatement = Pending;

/** A queue that takes no more than its bound. */
export class BoundedQueue<T> {
  #items: T[] = [];
  #first = 0;

  /** Adds it, unless the queue is full. */
  push(item: T): void {
    if (this.#items.length - this.#first < PENDING_MAX) this.#items.push(item);
  }

  /** The one to be answered next. */
  head(): T | undefined {
    return this.#items[this.#first];
  }

  /** Takes the head off. */
  shift(): T | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#first += 1;
    if (this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }
}

/** Texts by name, of bounded weight: the oldest is forgotten first. */
export class TextMemory {
  readonly #texts = new Map<string, string>();
  #length = 0;

  /** Remembers the text of a prepared statement. */
  set(name: string, text: string): void {
    this.delete(name);
    this.#texts.set(name, text);
    this.#length += text.length + name.length;
    for (const oldest of this.#texts.keys()) {
      if (this.#length <= TEXTS_LENGTH_MAX) break;
      this.delete(oldest);
    }
  }

  /** The text, or words that say that it was not kept. */
  get(name: string): string {
    return this.#texts.get(name) ?? `(prepared statement ${JSON.stringify(name)})`;
  }

  /** Forgets it. */
  delete(name: string): void {
    const text = this.#texts.get(name);
    if (text === undefined) return;
    this.#length -= text.length + name.length;
    this.#texts.delete(name);
  }
}

/** Characters of all texts of prepared statements of one session. */
const TEXTS_LENGTH_MAX = 512 * 1024;
