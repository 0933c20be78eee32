/** What the workers do with the jobs they get, and the figures that come of it. */

import { percentile } from '../measure/rows.ts';
import type { Arrival } from './trace.ts';

/** Simulated time. */
export interface Clock {
  readonly nowMs: number;
  after(ms: number, act: () => void): void;
}

/** How jobs go on at a worker: all at once, as sessions do, or one after the other. */
export type Manner = 'together' | 'in-turn';

/** What came of a load. */
export interface FarmFigures {
  /** Of the reserved memory: the most loaded worker over the mean, in the mean of all looks. */
  readonly maxOverMean: number;
  /** Wait before a job's turn, 99th percentile. */
  readonly waitP99Ms: number;
}

interface Worker {
  reservedKib: number;
  freeAtMs: number;
}

/** So many workers, equal and empty. */
export class Farm {
  readonly #clock: Clock;
  readonly #manner: Manner;
  readonly #workers: readonly Worker[];
  readonly #waits: number[] = [];
  readonly #looks: number[] = [];

  constructor(clock: Clock, manner: Manner, workers: number) {
    this.#clock = clock;
    this.#manner = manner;
    this.#workers = Array.from({ length: workers }, () => ({ reservedKib: 0, freeAtMs: 0 }));
  }

  /** Memory promised on each worker at this moment, in KiB. */
  reserved(): readonly number[] {
    return this.#workers.map(({ reservedKib }) => reservedKib);
  }

  /** A job arrives at a worker; `onEnd` is called when it has ended. */
  take(worker: number, { costKib, durationMs }: Arrival, onEnd: () => void = () => undefined): void {
    const place = this.#workers[worker];
    if (place === undefined) throw new Error(`no worker ${worker}`);
    const { nowMs } = this.#clock;
    place.reservedKib += costKib;
    const beginAtMs = this.#manner === 'together' ? nowMs : Math.max(nowMs, place.freeAtMs);
    place.freeAtMs = beginAtMs + durationMs;
    this.#waits.push(beginAtMs - nowMs);
    this.#clock.after(beginAtMs + durationMs - nowMs, () => {
      place.reservedKib -= costKib;
      onEnd();
    });
  }

  /** Looks at how even the load is. */
  look(): void {
    const loads = this.reserved();
    const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
    if (mean > 0) this.#looks.push(Math.max(...loads) / mean);
  }

  /** The figures; the first half of the looks, while the farm fills, does not count. */
  figures(): FarmFigures {
    const settled = this.#looks.slice(Math.floor(this.#looks.length / 2));
    const maxOverMean = settled.reduce((sum, look) => sum + look, 0) / settled.length;
    return { maxOverMean, waitP99Ms: percentile(this.#waits, 0.99) };
  }
}
