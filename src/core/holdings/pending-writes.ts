import type { Ticket } from '../input.ts';

/** Something on its way to disk. */
export interface PendingWrite<T> {
  readonly key: string;
  readonly value: T;
  /** Who waits for it; null: nobody. */
  readonly ticket: Ticket | null;
}

/** What is on its way to disk, by write and by key: the next change of a key starts from the last one that was sent there, stored or not. */
export class PendingWrites<T> {
  readonly #writes = new Map<number, PendingWrite<T>>();
  readonly #latest = new Map<string, { readonly write: number; readonly value: T }>();

  /** Writes under way. */
  get size(): number {
    return this.#writes.size;
  }

  /** What was sent to disk last at this key and has not arrived there yet. */
  latest(key: string): T | undefined {
    return this.#latest.get(key)?.value;
  }

  /** A write begins. */
  begin(write: number, pending: PendingWrite<T>): void {
    this.#writes.set(write, pending);
    this.#latest.set(pending.key, { write, value: pending.value });
  }

  /** It has ended, one way or the other; undefined if it is not one of these. */
  done(write: number): PendingWrite<T> | undefined {
    const pending = this.#writes.get(write);
    if (pending === undefined) return undefined;
    this.#writes.delete(write);
    if (this.#latest.get(pending.key)?.write === write) this.#latest.delete(pending.key);
    return pending;
  }
}
