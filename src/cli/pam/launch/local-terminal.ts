import type { Readable, Writable } from 'node:stream';

/** Where the person or script at the command sits. */
export interface LocalTerminal {
  readonly input: Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };
  readonly output: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  readonly errors: Writable;
}

/** Size of the screen. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** A screen of unknown size has the one that terminals had for decades. */
const SIZE_UNKNOWN: ScreenSize = { columns: 80, rows: 24 };

/** The size of the screen, as far as it is known: some terminals say 0. */
export function screenSize({ output }: LocalTerminal): ScreenSize {
  const { columns = 0, rows = 0 } = output;
  return columns > 0 && rows > 0 ? { columns, rows } : SIZE_UNKNOWN;
}

/** True where a person types: then a session without a command gets a pty. */
export function isInteractive({ input, output }: LocalTerminal): boolean {
  return input.isTTY === true && output.isTTY === true;
}

/**
 * Hands every key to the session, Ctrl-C too, until disposed of. The terminal is put back however the process ends, short of being killed
 * outright. Use with `using`.
 */
export class RawInput implements Disposable {
  readonly #input: LocalTerminal['input'] | undefined;
  readonly #restore = (): void => void this.#input?.setRawMode?.(false);

  /** Switches over; what is no terminal is left alone. */
  constructor({ input }: LocalTerminal) {
    this.#input = input.isTTY === true ? input : undefined;
    process.once('exit', this.#restore);
    this.#input?.setRawMode?.(true);
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#restore);
    this.#restore();
  }
}
