/**
 * Pure: takes out of what a target shows what would write to, or read from, the clipboard of the person's terminal: the operating system commands 52 (xterm), 5522 (kitty) and
 * 1337 (iTerm2, which also carries files). Whole sequences only; everything else passes unchanged, at most the beginning of a sequence is held back.
 */
import type { ConnectionOptions } from '../record-options.ts';

const ESCAPE = 0x1b;
const BELL = 0x07;
/** Both end whatever sequence is under way. */
const CANCEL = 0x18;
const SUBSTITUTE = 0x1a;
const BRACKET = 0x5d;
const BACKSLASH = 0x5c;
/** Terminals take the introducer and the terminator as one character of UTF-8, too: U+009D and U+009C. */
const C1_LEAD = 0xc2;
const C1_INTRODUCER = 0x9d;
const C1_TERMINATOR = 0x9c;
const COMMANDS: ReadonlySet<number> = new Set([52, 5522, 1337]);
/** Digits of a command's number, leading zeros among them. */
const DIGITS_MAX = 16;

type State = 'text' | 'lead' | 'number' | 'dropping' | 'dropping-lead';

/** What of a stream's chunks may be shown in a session. */
export function screenFilter({ clipboard }: Pick<ConnectionOptions, 'clipboard'>): (chunk: Uint8Array) => Uint8Array {
  if (clipboard) return (chunk) => chunk;
  const filter = new ClipboardFilter();
  return (chunk) => filter.take(chunk);
}

/** One stream of output. */
export class ClipboardFilter {
  #state: State = 'text';
  /** Introducer and digits whose fate is open. */
  #held: number[] = [];
  #digits = '';

  /** What of the chunk may be shown. */
  take(chunk: Uint8Array): Uint8Array {
    if (this.#state === 'text' && !chunk.includes(ESCAPE) && !chunk.includes(C1_LEAD)) return chunk;
    const shown: number[] = [];
    for (const byte of chunk) this.#step(byte, shown);
    return Uint8Array.from(shown);
  }

  #step(byte: number, shown: number[]): void {
    switch (this.#state) {
      case 'text':
        return this.#onText(byte, shown);
      case 'lead':
        return this.#onLead(byte, shown);
      case 'number':
        return this.#onNumber(byte, shown);
      case 'dropping':
        if (byte === BELL || byte === CANCEL || byte === SUBSTITUTE) this.#state = 'text';
        else if (byte === ESCAPE || byte === C1_LEAD) this.#state = 'dropping-lead';
        return;
      case 'dropping-lead':
        if (byte === BACKSLASH || byte === C1_TERMINATOR || byte === BELL) this.#state = 'text';
        else if (byte !== ESCAPE) this.#state = 'dropping';
        return;
    }
  }

  #onText(byte: number, shown: number[]): void {
    if (byte !== ESCAPE && byte !== C1_LEAD) return void shown.push(byte);
    this.#held = [byte];
    this.#state = 'lead';
  }

  #onLead(byte: number, shown: number[]): void {
    const isIntroducer = this.#held[0] === ESCAPE ? byte === BRACKET : byte === C1_INTRODUCER;
    if (!isIntroducer) return this.#letGo(byte, shown);
    this.#held.push(byte);
    this.#digits = '';
    this.#state = 'number';
  }

  #onNumber(byte: number, shown: number[]): void {
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (isDigit && this.#digits.length < DIGITS_MAX) {
      this.#held.push(byte);
      this.#digits += String.fromCharCode(byte);
      return;
    }
    // No command has so many digits: whoever writes them means to be overlooked.
    if (!isDigit && !COMMANDS.has(Number(this.#digits))) return this.#letGo(byte, shown);
    this.#held = [];
    // What stands before and after must not become a sequence of its own.
    shown.push(CANCEL);
    this.#state = 'dropping';
    this.#step(byte, shown);
  }

  /** What was held is harmless; the byte after it may begin the next one. */
  #letGo(byte: number, shown: number[]): void {
    for (const held of this.#held) shown.push(held);
    this.#held = [];
    this.#state = 'text';
    this.#onText(byte, shown);
  }
}
