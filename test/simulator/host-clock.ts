/** How the clocks of one host go wrong. */
export interface ClockError {
  /** Wall clock minus true time at the start. */
  readonly offsetMs: number;
  /** Both clocks gain this much, in millionths. */
  readonly driftPpm: number;
}

/** True time at which a simulation begins, in wall-clock milliseconds: some day in 2025. */
export const EPOCH_UNIX_MS = 1_750_000_000_000;

/** The two clocks of one host, as functions of simulated time. The monotonic one never jumps and starts anywhere. */
export class HostClock {
  readonly #monotonicOriginMs: number;
  #offsetMs: number;
  #rate: number;
  #sinceMs = 0;
  #gainedMs = 0;

  constructor(monotonicOriginMs: number, error: ClockError) {
    this.#monotonicOriginMs = monotonicOriginMs;
    this.#offsetMs = error.offsetMs;
    this.#rate = 1 + error.driftPpm / 1e6;
  }

  /** Monotonic milliseconds. */
  atMs(timeMs: number): number {
    return Math.floor(this.#monotonicOriginMs + this.#elapsed(timeMs));
  }

  /** Wall-clock milliseconds. */
  unixMs(timeMs: number): number {
    return Math.floor(EPOCH_UNIX_MS + this.#offsetMs + this.#elapsed(timeMs));
  }

  /** The simulated time at which the monotonic clock shows this. */
  timeOf(atMs: number): number {
    return this.#sinceMs + (atMs - this.#monotonicOriginMs - this.#gainedMs) / this.#rate;
  }

  /** How far the wall clock is off. */
  offsetMs(timeMs: number): number {
    return this.unixMs(timeMs) - EPOCH_UNIX_MS - timeMs;
  }

  /** Somebody set the wall clock. */
  jump(byMs: number): void {
    this.#offsetMs += byMs;
  }

  /** From now on the clocks run at another pace. */
  drift(timeMs: number, driftPpm: number): void {
    this.#gainedMs = this.#elapsed(timeMs);
    this.#sinceMs = timeMs;
    this.#rate = 1 + driftPpm / 1e6;
  }

  #elapsed(timeMs: number): number {
    return this.#gainedMs + (timeMs - this.#sinceMs) * this.#rate;
  }
}
