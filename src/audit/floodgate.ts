/** Pure: lets no more through of what strangers can cause than the log can stand, and counts the rest. */
import { PROVOKED_PER_SECOND_MAX } from './bounds.ts';
import { type AuditEvent, PROVOKED } from './event.ts';

const WINDOW_MS = 1000;

/** Judges each event before it is written. */
export class Floodgate {
  readonly #tell: (event: AuditEvent) => void;
  readonly #passed = new Map<string, number>();
  readonly #held = new Map<string, number>();
  #windowUnixMs = 0;

  /** `tell` takes the entry that says how many were held back. */
  constructor(tell: (event: AuditEvent) => void) {
    this.#tell = tell;
  }

  /** False for an event that is only counted. */
  pass({ kind }: AuditEvent, unixMs: number): boolean {
    if (!PROVOKED.has(kind)) return true;
    if (Math.abs(unixMs - this.#windowUnixMs) >= WINDOW_MS) {
      this.#windowUnixMs = unixMs;
      this.#passed.clear();
      this.tell();
    }
    const passed = this.#passed.get(kind) ?? 0;
    this.#passed.set(kind, passed + 1);
    if (passed < PROVOKED_PER_SECOND_MAX) return true;
    this.#held.set(kind, (this.#held.get(kind) ?? 0) + 1);
    return false;
  }

  /** Says what was held back since the last time. */
  tell(): void {
    for (const [event, count] of this.#held) this.#tell({ kind: 'more-of', event, count });
    this.#held.clear();
  }
}
