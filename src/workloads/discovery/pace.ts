import { setTimeout as delay } from 'node:timers/promises';

/** Lets through so many a second, evenly: what a network team sees is a steady trickle, never a burst. */
export class Pace {
  readonly #spacingMs: number;
  readonly #atMs: () => number;
  #nextAtMs: number;

  constructor(perSecond: number, atMs: () => number) {
    this.#spacingMs = 1000 / perSecond;
    this.#atMs = atMs;
    this.#nextAtMs = atMs();
  }

  /** Resolves when the next one may begin; rejects when it is over. */
  async turn(signal: AbortSignal): Promise<void> {
    const nowMs = this.#atMs();
    const beginsAtMs = Math.max(this.#nextAtMs, nowMs - LATE_MS_MAX);
    this.#nextAtMs = beginsAtMs + this.#spacingMs;
    // Timers are not finer than a millisecond: several turns may come with one.
    if (beginsAtMs - nowMs >= 1) await delay(beginsAtMs - nowMs, undefined, { signal });
  }
}

/** What a busy process has missed is made up for by at most this much. */
const LATE_MS_MAX = 50;
