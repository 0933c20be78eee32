/**
 * Seeded random numbers (sfc32, Chris Doty-Humphrey's PractRand). Every part of a simulation draws from a fork of its own, so that removing one
 * fault from a plan does not change what the others draw.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = 0) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 2 ** 32) >>> 0;
    this.#c = stream >>> 0;
    for (let round = 0; round < 15; round++) this.uint32();
  }

  /** 32 random bits as a number. */
  readonly uint32 = (): number => {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };

  /** From 0 up to, not including, 1. */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True in `perMille` of 1000 cases. Draws nothing when it cannot happen. */
  chance(perMille: number): boolean {
    return perMille > 0 && this.fraction() * 1000 < perMille;
  }

  /** One of the list, undefined for an empty one. */
  pick<T>(from: readonly T[]): T | undefined {
    return from[this.below(from.length)];
  }

  /** The list in random order. */
  shuffle<T>(list: readonly T[]): T[] {
    return list
      .map((value) => ({ value, lot: this.uint32() }))
      .sort((a, b) => a.lot - b.lot)
      .map(({ value }) => value);
  }

  /** Random bytes. */
  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.uint32() & 0xff);
  }

  /** Independent random numbers for one part of the simulation. */
  fork(stream: number): Random {
    return new Random(this.uint32(), stream);
  }
}
