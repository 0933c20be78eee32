/**
 * Pure: which statements a session sends and what becomes of them, read off the bytes that pass. What is wrong here only spoils the recording: the bytes go
 * on as they are. Source: MySQL 8.0 source documentation, "Command Phase".
 */

import { type Framing, MessageScanner } from '../database/message-scanner.ts';
import { BoundedQueue, type PendingStatement, StatementLog, TextMemory } from '../database/statement-log.ts';
import { STATEMENT_LENGTH_MAX, type StatementSink } from '../statement-sink.ts';
import { AnswerReader, type AnswerShape, type AnswerStep } from './answers.ts';
import { HEAD_BYTES } from './packets.ts';

/** What the tracker tells besides statements. */
export interface StatementsInit {
  readonly sink: StatementSink;
  /** As they were agreed on. */
  readonly capabilities: number;
  /** The text of every statement, whole as far as it is kept, before the packet with it has gone on. */
  readonly onText?: (text: string) => void;
  /** A command that changes who the session is or what was set in it, before it has gone on. */
  readonly onCommand?: (command: number) => void;
}

/** Three bytes of length, one of sequence number, payload. */
const FRAMING: Framing = {
  headBytes: HEAD_BYTES,
  tagOf: (bytes, offset) => bytes[offset + 3] ?? 0,
  bodyBytesOf: (bytes, offset) => bytes.readUIntLE(offset, 3),
  continuedBytes: 0xffffff,
};

/** Commands by their first byte. */
export const Command = {
  quit: 0x01,
  query: 0x03,
  fieldList: 0x04,
  changeUser: 0x11,
  prepare: 0x16,
  execute: 0x17,
  sendLongData: 0x18,
  close: 0x19,
  fetch: 0x1c,
  resetConnection: 0x1f,
  bulkExecute: 0xfa,
} as const;

/** How commands are answered; every other one with a single packet. */
const SHAPES: ReadonlyMap<number, AnswerShape> = new Map<number, AnswerShape>([
  [Command.quit, 'nothing'],
  [Command.query, 'result'],
  [Command.fieldList, 'fields'],
  [Command.prepare, 'prepared'],
  [Command.execute, 'result'],
  [Command.bulkExecute, 'result'],
  [Command.sendLongData, 'nothing'],
  [Command.close, 'nothing'],
  [Command.fetch, 'rows'],
]);

/** MariaDB: the statement prepared last. */
const LAST_PREPARED = 0xffffffff;
/** Bytes kept of a packet of the server: errors have text. */
const ANSWER_BYTES = 1024;

interface Awaited {
  readonly reader: AnswerReader;
  readonly statement: PendingStatement | undefined;
  /** Text of the statement that is being prepared. */
  readonly prepares: string | undefined;
}

/** The statements of one session. */
export class MysqlStatements {
  readonly #init: StatementsInit;
  readonly #log: StatementLog;
  readonly #waiting = new BoundedQueue<Awaited>();
  readonly #prepared = new TextMemory();
  #lastPrepared = '';
  readonly #client = new MessageScanner(FRAMING, {
    wants: (sequence) => (this.#isCommand(sequence) ? STATEMENT_LENGTH_MAX : 0),
    take: (sequence, payload, bytes) => this.#takeClient(sequence, payload, bytes),
  });
  readonly #server = new MessageScanner(FRAMING, {
    wants: () => ANSWER_BYTES,
    take: (_sequence, payload, bytes) => this.#takeServer(payload, bytes),
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

  /** Nothing of a packet of the server is under way. */
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

  #isCommand(sequence: number): boolean {
    return sequence === 0 && this.#waiting.head()?.reader.awaitsFile !== true;
  }

  #takeClient(sequence: number, payload: Buffer, bytes: number): void {
    const command = payload[0];
    if (!this.#isCommand(sequence) || command === undefined) return;
    this.#init.onCommand?.(command);
    if (command === Command.quit) this.#isDone = true;
    const shape = SHAPES.get(command) ?? 'packet';
    if (command === Command.close && payload.length >= 5) this.#prepared.delete(String(payload.readUInt32LE(1)));
    if (shape === 'nothing') return;
    const text = this.#textOf(command, payload);
    if (text !== undefined) this.#init.onText?.(text);
    const prepares = command === Command.prepare ? text : undefined;
    const isStatement = text !== undefined && prepares === undefined;
    const statement = isStatement
      ? this.#log.begin(text, bytes > payload.length && command === Command.query, this.#atMs)
      : undefined;
    this.#waiting.push({ reader: new AnswerReader(shape, this.#init.capabilities), statement, prepares });
  }

  #textOf(command: number, payload: Buffer): string | undefined {
    if (command === Command.query || command === Command.prepare) return payload.toString('utf8', 1);
    const isExecution = command === Command.execute || command === Command.bulkExecute;
    if (!isExecution || payload.length < 5) return undefined;
    const id = payload.readUInt32LE(1);
    return this.#prepared.get(id === LAST_PREPARED ? this.#lastPrepared : String(id));
  }

  #takeServer(payload: Buffer, bytes: number): void {
    const awaited = this.#waiting.head();
    if (awaited === undefined) return;
    const step = awaited.reader.take(payload, bytes);
    if (step.kind === 'more') return;
    this.#waiting.shift();
    this.#end(awaited, step);
  }

  #end({ statement, prepares }: Awaited, step: Exclude<AnswerStep, { readonly kind: 'more' }>): void {
    if (step.kind === 'failed') {
      // A statement that cannot even be prepared is worth a line, as one that failed.
      const failed = statement ?? (prepares === undefined ? undefined : this.#log.begin(prepares, false, this.#atMs));
      const code = step.state === '' ? String(step.code) : `${step.code} ${step.state}`;
      if (failed !== undefined) this.#log.fail(failed, { code, message: step.message }, this.#atMs);
      return;
    }
    if (step.statementId !== undefined && prepares !== undefined) {
      this.#lastPrepared = String(step.statementId);
      this.#prepared.set(this.#lastPrepared, prepares);
    }
    if (statement === undefined) return;
    statement.rows = step.rows;
    this.#log.done(statement, this.#atMs);
  }
}
