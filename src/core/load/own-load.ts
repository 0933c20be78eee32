import { compareText } from '../../base/bytes.ts';
import type { LoadSample } from '../../wire/pulse.ts';
import { fits } from './choose.ts';

/** Steps in which busyness is told: finer changes are noise and would make every pulse urgent. */
const BUSY_STEP_PER_MILLE = 100;

/** What this instance has promised and can still take. */
export class OwnLoad {
  readonly #budgetKib: number;
  readonly #counts = new Map<string, number>();
  #reservedKib = 0;
  #busyPerMille = 0;
  #number = 0;
  #sample: LoadSample | undefined;

  /** `budgetKib` is what all sessions together may take. */
  constructor(budgetKib: number) {
    this.#budgetKib = budgetKib;
  }

  /** The present sample; its number rises with every change. */
  sample(): LoadSample {
    this.#sample ??= {
      number: this.#number,
      reservedKib: this.#reservedKib,
      budgetKib: this.#budgetKib,
      busyPerMille: this.#busyPerMille,
      sessions: [...this.#counts].map(([kind, count]) => ({ kind, count })).sort((a, b) => compareText(a.kind, b.kind)),
    };
    return this.#sample;
  }

  /** True when a job of this cost leaves the headroom free. */
  fits(costKib: number): boolean {
    return fits(this.sample(), 0, costKib);
  }

  /** Promises memory to a job. */
  reserve(kind: string, costKib: number): void {
    this.#reservedKib += costKib;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#changed();
  }

  /** Takes a promise back. */
  release(kind: string, costKib: number): void {
    this.#reservedKib = Math.max(0, this.#reservedKib - costKib);
    const left = (this.#counts.get(kind) ?? 1) - 1;
    if (left > 0) this.#counts.set(kind, left);
    else this.#counts.delete(kind);
    this.#changed();
  }

  /** Takes in how busy the process has been; tells it only in steps. */
  busy(perMille: number): void {
    const stepped = Math.min(1000, Math.max(0, Math.round(perMille / BUSY_STEP_PER_MILLE) * BUSY_STEP_PER_MILLE));
    if (stepped === this.#busyPerMille) return;
    this.#busyPerMille = stepped;
    this.#changed();
  }

  #changed(): void {
    this.#number += 1;
    this.#sample = undefined;
  }
}
