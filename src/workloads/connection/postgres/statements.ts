/**
 * Pure: which statements a session sends and what becomes of them, read off the bytes that pass. Source: PostgreSQL 15 documentation, 55.2 "Message Flow".
 * What is wrong here only spoils the recording: the bytes go on as they are.
 */

import { type Framing, MessageScanner } from '../database/message-scanner.ts';
import { BoundedQueue, type PendingStatement, StatementLog, TextMemory } from '../database/statement-log.ts';
import { STATEMENT_LENGTH_MAX, type StatementSink } from '../statement-sink.ts';
import { decodeErrorFields } from './messages.ts';

/** What the tracker tells besides statements. */
export interface StatementsInit {
  readonly sink: StatementSink;
  /** The text of every statement, whole as far as it is kept, before the message with it has gone on. */
  readonly onText?: (text: string) => void;
  /** A parameter of the session that the server reports. */
  readonly onParameter?: (name: string, value: string) => void;
}

/** An answer that is awaited: of a simple query, of one execution, or the end of a pipeline. */
interface Awaited {
  readonly kind: 'query' | 'execute' | 'sync';
  /** Undefined once it has failed, and for the end of a pipeline. */
  statement: PendingStatement | undefined;
}

/** Byte type, int32 length that counts itself, body. */
const FRAMING: Framing = {
  headBytes: 5,
  tagOf: (bytes, offset) => bytes[offset] ?? 0,
  bodyBytesOf: (bytes, offset) => Math.max(0, bytes.readUInt32BE(offset + 1) - 4),
  continuedBytes: null,
};
/** Bytes kept of a message's body. */
const SMALL_BYTES = 1024;
const code = (letter: string): number => letter.charCodeAt(0);
const Q = code('Q');
const P = code('P');
const B = code('B');
const E = code('E');
const C = code('C');
const S = code('S');
const Z = code('Z');
const F = code('F');
const X = code('X');
const EMPTY = code('I');
const SUSPENDED = code('s');

/** The statements of one session. */
export class PostgresStatements {
  readonly #init: StatementsInit;
  readonly #log: StatementLog;
  readonly #waiting = new BoundedQueue<Awaited>();
  readonly #prepared = new TextMemory();
  /** By portal, the statement it was bound to. */
  readonly #portals = new TextMemory();
  readonly #client = new MessageScanner(FRAMING, {
    wants: (type) => this.#clientWants(type),
    take: (type, body, bodyBytes) => this.#takeClient(type, body, bodyBytes),
  });
  readonly #server = new MessageScanner(FRAMING, {
    wants: serverWants,
    take: (type, body) => this.#takeServer(type, body),
  });
  #atMs = 0;
  #isDone = false;

  constructor(init: StatementsInit) {
    this.#init = init;
    this.#log = new StatementLog(init.sink);
  }

  /** The client has said goodbye. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Nothing of a message of the server is under way. */
  get isBetweenMessages(): boolean {
    return this.#server.isBetween;
  }

  /** Looks at bytes of the client before they go on. */
  fromClient(chunk: Buffer, atMs: number): void {
    this.#atMs = atMs;
    this.#client.scan(chunk);
  }

  /** Looks at bytes of the server. */
  fromServer(chunk: Buffer, atMs: number): void {
    this.#atMs = atMs;
    this.#server.scan(chunk);
  }

  #clientWants(type: number): number {
    if (type === Q || type === P) return STATEMENT_LENGTH_MAX;
    return type === B || type === E || type === C ? SMALL_BYTES : 0;
  }

  #takeClient(type: number, body: Buffer, bodyBytes: number): void {
    const isCut = bodyBytes > body.length;
    switch (type) {
      case Q:
        return this.#await('query', textAt(body, 0), isCut);
      case P: {
        const name = textAt(body, 0);
        const text = textAt(body, Buffer.byteLength(name) + 1);
        this.#init.onText?.(text);
        return this.#prepared.set(name, text);
      }
      case B: {
        const portal = textAt(body, 0);
        return this.#portals.set(portal, this.#prepared.get(textAt(body, Buffer.byteLength(portal) + 1)));
      }
      case E:
        return this.#await('execute', this.#portals.get(textAt(body, 0)), false);
      case C:
        return (body[0] === S ? this.#prepared : this.#portals).delete(textAt(body, 1));
      case X:
        this.#isDone = true;
        return;
      case S:
      case F:
        return this.#waiting.push({ kind: 'sync', statement: undefined });
    }
  }

  #await(kind: 'query' | 'execute', text: string, isCut: boolean): void {
    this.#init.onText?.(text);
    this.#waiting.push({ kind, statement: this.#log.begin(text, isCut, this.#atMs) });
  }

  #takeServer(type: number, body: Buffer): void {
    switch (type) {
      case C:
        return this.#count(rowsOf(textAt(body, 0)));
      case EMPTY:
      case SUSPENDED:
        return this.#count(null);
      case E:
        return this.#fail(decodeErrorFields(body));
      case Z:
        return this.#ready();
      case S: {
        const name = textAt(body, 0);
        return this.#init.onParameter?.(name, textAt(body, Buffer.byteLength(name) + 1));
      }
    }
  }

  /** A simple query may hold several statements, each with its own end: they count together. */
  #count(rows: number | null): void {
    const head = this.#waiting.head();
    if (head?.statement === undefined) return;
    if (rows !== null) head.statement.rows = (head.statement.rows ?? 0) + rows;
    if (head.kind !== 'execute') return;
    this.#waiting.shift();
    this.#log.done(head.statement, this.#atMs);
  }

  /** What stands behind it up to the next synchronisation is skipped by the server. */
  #fail(fields: ReadonlyMap<string, string>): void {
    const error = { code: fields.get('C') ?? '', message: fields.get('M') ?? '' };
    const head = this.#waiting.head();
    if (head?.statement === undefined) return;
    this.#log.fail(head.statement, error, this.#atMs);
    head.statement = undefined;
    if (head.kind === 'query') return;
    this.#waiting.shift();
    while (this.#waiting.head()?.kind === 'execute') {
      const skipped = this.#waiting.shift()?.statement;
      if (skipped !== undefined) this.#log.fail(skipped, SKIPPED, this.#atMs);
    }
  }

  #ready(): void {
    const head = this.#waiting.shift();
    if (head?.statement !== undefined) this.#log.done(head.statement, this.#atMs);
  }
}

const SKIPPED = { code: '', message: 'skipped after an error before it' };

function serverWants(type: number): number {
  if (type === C || type === S) return SMALL_BYTES;
  return type === E ? 4 * SMALL_BYTES : 0;
}

function textAt(body: Buffer, offset: number): string {
  const end = body.indexOf(0, offset);
  return body.toString('utf8', offset, end === -1 ? body.length : end);
}

/** `INSERT 0 5`, `SELECT 3`, `COPY 10`; other tags count nothing. */
function rowsOf(tag: string): number | null {
  const found = /^(?:INSERT \d+|SELECT|UPDATE|DELETE|MERGE|FETCH|MOVE|COPY) (\d+)$/.exec(tag);
  return found === null ? null : Number(found[1]);
}
