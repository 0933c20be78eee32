import type { InstanceId } from '../../base/ids.ts';
import type { CoreContext } from '../core-context.ts';

/** The latest due time of a record that this instance has granted, and to whom. */
export interface GrantedDue {
  readonly recordId: string;
  readonly dueUnixMs: number;
  readonly owner: InstanceId;
  /** The owner is known to have begun, or may have. */
  readonly begun: boolean;
}

interface Pending {
  readonly recordId: string;
  readonly granted: GrantedDue;
  readonly done: () => void;
}

/** What this instance has granted. A grant counts once it is on disk; of one record the latest due time stands, and it never goes back. */
export class DueBook {
  readonly #context: CoreContext;
  readonly #granted = new Map<string, GrantedDue>();
  readonly #writes = new Map<number, Pending>();
  readonly #writing = new Set<string>();

  /** Takes over what the disk remembers. */
  constructor(context: CoreContext, remembered: readonly GrantedDue[]) {
    this.#context = context;
    for (const granted of remembered) this.#granted.set(granted.recordId, granted);
  }

  /** What stands. */
  last(recordId: string): GrantedDue | undefined {
    return this.#granted.get(recordId);
  }

  /** True while something of the record is on its way to disk: until then nothing is decided about it. */
  isWriting(recordId: string): boolean {
    return this.#writing.has(recordId);
  }

  /** Writes a grant down; `done` is called when it is on disk, and never if that fails. */
  write(granted: GrantedDue, done: () => void = () => undefined): void {
    const { recordId } = granted;
    this.#writing.add(recordId);
    this.#writes.set(this.#context.outbox.store({ kind: 'due', ...granted }), { recordId, granted, done });
  }

  /** A write is on disk. True if it was one of ours. */
  stored(write: number): boolean {
    const pending = this.#take(write);
    if (pending === undefined) return false;
    this.#granted.set(pending.recordId, pending.granted);
    pending.done();
    return true;
  }

  /** A write failed: nothing was granted. */
  storeFailed(write: number): boolean {
    return this.#take(write) !== undefined;
  }

  #take(write: number): Pending | undefined {
    const pending = this.#writes.get(write);
    this.#writes.delete(write);
    if (pending !== undefined) this.#writing.delete(pending.recordId);
    return pending;
  }
}
