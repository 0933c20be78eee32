import { nextStamp, STAMP_ZERO, type Stamp } from '../base/stamp.ts';
import type { Now } from './input.ts';
import { CLOCK_AHEAD_MS_MAX } from './timing.ts';

/** Wall and monotonic clock may drift apart this much between two steps; beyond it somebody has set the wall clock. Milliseconds. */
const SET_MS = 500;

/**
 * The hybrid clock of one instance. Its own wall clock is corrected forward by what the pool's clock was ahead when they met, so that an
 * instance whose wall clock is behind still stamps in the pool's time. Setting the wall clock back does not move it back; setting it forward uses up the
 * correction first.
 */
export class PoolClock {
  #last: Stamp = STAMP_ZERO;
  #aheadMs = 0;
  #before: Now | undefined;

  /** Called first in every step: notices when the wall clock was set. True when that moved the pool's time forward. */
  tick(now: Now): boolean {
    const before = this.#before ?? now;
    const setByMs = now.unixMs - before.unixMs - (now.atMs - before.atMs);
    this.#before = now;
    if (Math.abs(setByMs) <= SET_MS) return false;
    const forwardMs = setByMs - this.#aheadMs;
    this.#aheadMs = Math.max(0, -forwardMs);
    return forwardMs > 0;
  }

  /** By how much the pool's time is ahead of the wall clock here. Milliseconds. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

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

  /** Takes over the time of a member that is past joining where it is ahead: of two such clocks the later one is the pool's. */
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
