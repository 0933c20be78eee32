import type { Held } from '../../wire/pulse.ts';
import type { CoreContext } from '../core-context.ts';

/** Something with a digest over all of it. */
interface Digested {
  readonly digest: string;
}

/** What this instance tells of what it holds. */
export class OwnHeld {
  readonly #context: CoreContext;
  readonly #shelves: { readonly records: Digested; readonly credentials: Digested };
  #last: Held | undefined;

  /** `shelves` are those of records and credentials. */
  constructor(context: CoreContext, shelves: { readonly records: Digested; readonly credentials: Digested }) {
    this.#context = context;
    this.#shelves = shelves;
  }

  /** The digests as they are now. Asked after every input: the same object until something in it changes. */
  current(): Held {
    const { limits, table, policies } = this.#context;
    const { records, credentials } = this.#shelves;
    const last = this.#last;
    const isCurrent =
      last !== undefined &&
      last.limitVersion === limits.current.version &&
      last.limitDigest === limits.current.digest &&
      last.recordsDigest === records.digest &&
      last.admissionDigest === table.admissionDigest(limits.digest) &&
      last.credentialsDigest === credentials.digest &&
      last.policyVersion === policies.version &&
      last.policyDigest === policies.digest;
    if (isCurrent) return last;
    this.#last = {
      limitVersion: limits.current.version,
      limitDigest: limits.current.digest,
      recordsDigest: records.digest,
      admissionDigest: table.admissionDigest(limits.digest),
      credentialsDigest: credentials.digest,
      policyVersion: policies.version,
      policyDigest: policies.digest,
    };
    return this.#last;
  }
}
