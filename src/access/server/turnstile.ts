/** Lets so many in at a time; the others wait their turn, in order. */
export class Turnstile {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** `most` are inside at once. How many wait is for the caller to bound. */
  constructor(most: number) {
    this.#free = most;
  }

  /** Resolves inside. */
  async enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Goes out; the place is passed on. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
