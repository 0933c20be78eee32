import { inspect } from 'node:util';

const REDACTED = '[secret]';

/** A value that must not be seen: text, JSON and inspection show a placeholder; `reveal` is called where it is used. */
export class Secret<T> {
  readonly #value: T;

  /** Wraps the value; nothing else should keep a reference to it. */
  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself. */
  reveal(): T {
    return this.#value;
  }

  /** What every log and template shows. */
  toString(): string {
    return REDACTED;
  }

  /** What JSON shows. */
  toJSON(): string {
    return REDACTED;
  }

  /** What console and assertion output show. */
  [inspect.custom](): string {
    return REDACTED;
  }
}
