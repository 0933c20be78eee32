import type { Remembered, Stored } from '../../src/core/index.ts';
import type { Signer } from './keys.ts';

/** What one data directory holds. A write is on it from the moment it is reported as stored, and then survives any crash. */
export class Disk {
  readonly identity: Signer;
  /** Starts of this directory so far. */
  starts = 0;
  /** Hosts that have been met: the remembered addresses. */
  readonly met = new Set<number>();
  readonly #limits: Uint8Array[] = [];
  readonly #policies: Uint8Array[] = [];
  readonly #records = new Map<string, Uint8Array>();
  readonly #credentials = new Map<string, readonly Uint8Array[]>();
  readonly #jobs = new Map<string, Extract<Stored, { kind: 'job' }>>();
  readonly #dues = new Map<string, Extract<Stored, { kind: 'due' }>>();
  #council: Extract<Stored, { kind: 'council' }> | null = null;
  #self: Remembered['self'] = null;

  constructor(identity: Signer) {
    this.identity = identity;
  }

  /** Puts a write on the disk. */
  apply(what: Stored): void {
    switch (what.kind) {
      case 'limit':
        this.#limits.push(what.sealed);
        return;
      case 'policy':
        this.#policies.push(what.sealed);
        return;
      case 'record':
        this.#records.set(what.recordId, what.sealed);
        return;
      case 'credentials':
        this.#credentials.set(what.recordId, what.sealed);
        return;
      case 'self':
        this.#self = { joinedAt: what.joinedAt, seat: what.seat };
        return;
      case 'job':
        this.#jobs.set(what.notice.jobId, what);
        return;
      case 'council':
        this.#council = what;
        return;
      case 'due':
        this.#dues.set(what.recordId, what);
    }
  }

  /** What the next start finds. */
  remembered(): Remembered {
    return {
      limits: [...this.#limits],
      policies: [...this.#policies],
      records: [...this.#records.values()],
      credentials: [...this.#credentials.values()].flat(),
      self: this.#self,
      jobs: [...this.#jobs.values()].map(({ notice, deadlineUnixMs }) => ({ notice, deadlineUnixMs })),
      council: this.#council,
      dues: [...this.#dues.values()],
    };
  }

  /** Somebody copied the data directory to another machine. */
  copy(): Disk {
    const copy = new Disk(this.identity);
    copy.starts = this.starts;
    for (const host of this.met) copy.met.add(host);
    for (const sealed of this.#limits) copy.apply({ kind: 'limit', sealed });
    for (const [recordId, sealed] of this.#records) copy.apply({ kind: 'record', recordId, sealed });
    for (const [recordId, sealed] of this.#credentials) copy.apply({ kind: 'credentials', recordId, sealed });
    for (const job of this.#jobs.values()) copy.apply(job);
    for (const due of this.#dues.values()) copy.apply(due);
    copy.#council = this.#council;
    copy.#self = this.#self;
    return copy;
  }
}
