/** What becomes of a message that a partition stops: packets dropped and forgotten, or kept by TCP until the way is open again. */
export type CutMode = 'drop' | 'stall';

/** Hosts that cannot be reached from others. */
export interface Cut {
  readonly from: ReadonlySet<number>;
  readonly to: ReadonlySet<number>;
  readonly mode: CutMode;
}

/** The cuts in force. */
export class Partitions {
  readonly #cuts = new Set<Cut>();

  /** True when anything is cut. */
  get any(): boolean {
    return this.#cuts.size > 0;
  }

  add(cut: Cut): void {
    this.#cuts.add(cut);
  }

  remove(cut: Cut): void {
    this.#cuts.delete(cut);
  }

  clear(): void {
    this.#cuts.clear();
  }

  /** The cut between two hosts in this direction. */
  between(from: number, to: number): Cut | undefined {
    for (const cut of this.#cuts) if (cut.from.has(from) && cut.to.has(to)) return cut;
    return undefined;
  }

  /** True when nothing passes in one of the directions. */
  touches(left: number, right: number): boolean {
    return this.any && (this.between(left, right) !== undefined || this.between(right, left) !== undefined);
  }
}
