/** Pure: where in the answer to a command a session is, read off the first bytes of each packet. */
import { Answer, Capability, decodeError, readLength } from './packets.ts';

/** What a command is answered with. */
export type AnswerShape = 'nothing' | 'packet' | 'result' | 'rows' | 'fields' | 'prepared';

/** What a packet of the server means for the command it answers. */
export type AnswerStep =
  | { readonly kind: 'more' }
  /** The answer is complete; `changed` rows were changed by it. `statementId`: the prepared statement it made. */
  | { readonly kind: 'done'; readonly rows: number | null; readonly statementId?: number }
  | { readonly kind: 'failed'; readonly code: number; readonly state: string; readonly message: string };

/** `SERVER_MORE_RESULTS_EXISTS` in the status. */
const MORE_RESULTS = 0x0008;
/** `SERVER_STATUS_CURSOR_EXISTS`: the rows are fetched later. */
const CURSOR = 0x0040;
/** A packet that ends rows is shorter; one with rows may begin with the same byte. */
const END_BYTES_MAX = 9;
const MORE: AnswerStep = { kind: 'more' };

type Place = 'first' | 'columns' | 'columns-end' | 'rows' | 'file' | 'prepared';

/** The answer to one command. */
export class AnswerReader {
  readonly #shape: AnswerShape;
  readonly #deprecatesEof: boolean;
  #place: Place;
  #left = 0;
  #rows: number | null = null;
  #statementId = 0;

  /** `capabilities` as they were agreed on. */
  constructor(shape: AnswerShape, capabilities: number) {
    this.#shape = shape;
    this.#deprecatesEof = (capabilities & Capability.deprecateEof) !== 0;
    this.#place = shape === 'rows' || shape === 'fields' ? 'rows' : 'first';
    if (shape === 'rows') this.#rows = 0;
  }

  /** The client is sending a file, in packets whose numbers come round to 0 again and again. */
  get awaitsFile(): boolean {
    return this.#place === 'file';
  }

  /** Takes the next packet of the server. */
  take(payload: Buffer, payloadBytes: number): AnswerStep {
    switch (this.#place) {
      case 'first':
      case 'file':
        return this.#first(payload, payloadBytes);
      case 'columns':
        this.#left -= 1;
        if (this.#left === 0) this.#place = this.#deprecatesEof ? 'rows' : 'columns-end';
        return MORE;
      case 'columns-end':
        return this.#endColumns(payload);
      case 'rows':
        return this.#row(payload, payloadBytes);
      case 'prepared':
        this.#left -= 1;
        return this.#left > 0 ? MORE : this.#prepared();
    }
  }

  #first(payload: Buffer, payloadBytes: number): AnswerStep {
    if (payload[0] === Answer.error) return { kind: 'failed', ...decodeError(payload) };
    if (this.#shape === 'packet') return { kind: 'done', rows: null };
    if (this.#shape === 'prepared') return this.#beginPrepared(payload);
    if (payload[0] === Answer.ok) return this.#ok(payload);
    if (payload[0] === Answer.file) {
      // The client sends a file, and then an ordinary answer comes.
      this.#place = 'file';
      return MORE;
    }
    if (payload[0] === Answer.end && payloadBytes < END_BYTES_MAX) return { kind: 'done', rows: this.#rows };
    this.#left = readLength(payload, 0)?.value ?? 0;
    this.#rows ??= 0;
    this.#place = this.#left === 0 ? 'rows' : 'columns';
    return MORE;
  }

  #ok(payload: Buffer): AnswerStep {
    const affected = readLength(payload, 1);
    const inserted = affected === undefined ? undefined : readLength(payload, affected.end);
    if (affected !== undefined) this.#rows = (this.#rows ?? 0) + affected.value;
    return this.#endResult(inserted === undefined ? 0 : statusAt(payload, inserted.end));
  }

  #endColumns(payload: Buffer): AnswerStep {
    this.#place = 'rows';
    return (statusAt(payload, 3) & CURSOR) === 0 ? MORE : { kind: 'done', rows: this.#rows };
  }

  #row(payload: Buffer, payloadBytes: number): AnswerStep {
    if (payload[0] === Answer.error) return { kind: 'failed', ...decodeError(payload) };
    const isEnd =
      payload[0] === Answer.end && (payloadBytes < END_BYTES_MAX || (this.#deprecatesEof && payloadBytes < 0xffffff));
    if (!isEnd) {
      if (this.#rows !== null) this.#rows += 1;
      return MORE;
    }
    if (!this.#deprecatesEof) return this.#endResult(statusAt(payload, 3));
    const affected = readLength(payload, 1);
    const inserted = affected === undefined ? undefined : readLength(payload, affected.end);
    return this.#endResult(inserted === undefined ? 0 : statusAt(payload, inserted.end));
  }

  #endResult(status: number): AnswerStep {
    if ((status & MORE_RESULTS) === 0) return { kind: 'done', rows: this.#rows };
    this.#place = 'first';
    return MORE;
  }

  /** Statement id, columns, values; then a description of each, and without `deprecateEof` an end behind each of the two lists. */
  #beginPrepared(payload: Buffer): AnswerStep {
    if (payload.length < 9) return { kind: 'done', rows: null };
    this.#statementId = payload.readUInt32LE(1);
    const lists = [payload.readUInt16LE(5), payload.readUInt16LE(7)];
    const ends = this.#deprecatesEof ? 0 : lists.filter((count) => count > 0).length;
    this.#left = lists.reduce((sum, count) => sum + count, ends);
    this.#place = 'prepared';
    return this.#left > 0 ? MORE : this.#prepared();
  }

  #prepared(): AnswerStep {
    return { kind: 'done', rows: null, statementId: this.#statementId };
  }
}

function statusAt(payload: Buffer, offset: number): number {
  return payload.length >= offset + 2 ? payload.readUInt16LE(offset) : 0;
}
