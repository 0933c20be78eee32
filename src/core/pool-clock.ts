import { nextStamp, type Stamp, STAMP_ZERO } from '../base/stamp.ts';
import { CLOCK_AHEAD_MS_MAX } from './timing.ts';

/**
 * The hybrid clock of one instance. Its own wall clock is corrected forward by what the pool's clock was ahead when it joined, so that an
 * instance whose wall clock is behind still stamps in the pool's time; nothing ever moves it back.
 */
export class PoolClock {
  #last: Stamp = STAMP_ZERO;
  #aheadMs = 0;

  /** The pool's time now, in wall-clock milliseconds. */
  poolUnixMs(wallUnixMs: number): number {
    return wallUnixMs + this.#aheadMs;
  }

  /** A stamp later than everything this instance has stamped or seen. */
  stamp(wallUnixMs: number): Stamp {
    this.#last = nextStamp(this.#last, this.poolUnixMs(wallUnixMs));
    return this.#last;
  }

  /** The latest stamp given or seen. */
  get last(): Stamp {
    return this.#last;
  }

  /** Takes over a member's time where it is ahead: of two that meet, the later clock is the pool's from then on. */
  adopt(poolStamp: Stamp, poolUnixMs: number, wallUnixMs: number): void {
    this.#aheadMs = Math.max(this.#aheadMs, poolUnixMs - wallUnixMs, 0);
    this.observe(poolStamp, wallUnixMs);
  }

  /** Notes a stamp seen; one from too far ahead is left out, so that one wrong clock does not move the others. */
  observe(seen: Stamp, wallUnixMs: number): void {
    if (seen.unixMs > this.poolUnixMs(wallUnixMs) + CLOCK_AHEAD_MS_MAX) return;
    const later = seen.unixMs - this.#last.unixMs || seen.counter - this.#last.counter;
    if (later > 0) this.#last = seen;
  }
}
