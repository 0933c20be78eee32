import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import { RECORDS_MAX } from '../../wire/bounds.ts';
import type { Direct } from '../../wire/mesh-message.ts';
import type { CoreContext } from '../core-context.ts';
import { failure } from '../effect.ts';
import { HoldingsIndex } from '../holdings/holdings-index.ts';
import { PendingWrites } from '../holdings/pending-writes.ts';
import { Replication } from '../holdings/replication.ts';
import type { Ticket } from '../input.ts';
import type { CredentialsView, RecordsView } from '../view.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { type EditionSet, type HeldEdition, mergeEditions, revisionOf, verifyEdition } from './edition-set.ts';

/** A member that waits until an edition of its is on disk here. */
interface Asker {
  readonly peer: InstanceId;
  readonly nonce: number;
}

/** What is written of a record: the editions that stand, the one that was offered here, and who waits for it. */
interface Written {
  readonly editions: EditionSet;
  readonly offered: HeldEdition | null;
  readonly askers: Asker[];
}

const NONE: EditionSet = [];

/**
 * The credentials of all records, sealed, on every instance alike. It opens none of them. A change is taken only from somebody who knew all editions
 * that stand here; what was written elsewhere at the same time is kept beside it. Credentials go with their record, and do not come back.
 */
export class CredentialShelf implements CredentialsView {
  /** Keeps the credentials alike on all members. */
  readonly replication: Replication;
  /** Tells whoever offered an edition when it is safe. */
  readonly acknowledgements: Acknowledgements;
  readonly #context: CoreContext;
  readonly #records: RecordsView;
  readonly #shelf = new Map<string, EditionSet>();
  readonly #index = new HoldingsIndex();
  readonly #writes = new PendingWrites<Written>();

  /** Takes in what the disk remembers; what does not verify any more is left out, noted, and comes again from the pool. */
  constructor(context: CoreContext, records: RecordsView) {
    this.#context = context;
    this.#records = records;
    this.acknowledgements = new Acknowledgements(context);
    this.replication = new Replication(context, {
      of: 'credentials',
      index: this.#index,
      sealedOf: (key) => this.editions(key).map(({ sealed }) => sealed),
      inFlight: () => this.#writes.size,
    });
    for (const sealed of context.init.remembered.credentials) this.#recall(sealed);
  }

  /** See CredentialsView. */
  editions(recordId: string): EditionSet {
    return this.#shelf.get(recordId) ?? NONE;
  }

  /** Digest over all credentials, for comparing with others. */
  get digest(): string {
    return this.#index.digest;
  }

  /** An edition of an admin or of this instance's vault: stored, shown to everyone, and answered when a majority has it on disk. */
  offered(sealed: Uint8Array, ticket: Ticket): void {
    const { outbox } = this.#context;
    const edition = this.#verify(sealed);
    if (this.#records.find(edition.recordId).length === 0) {
      const message = `there is no record ${edition.recordId}`;
      return outbox.reply(ticket, { kind: 'refused', failure: failure('not-found', message) });
    }
    if (!this.acknowledgements.hasRoom) {
      const message = 'too many credentials are being stored at this moment';
      return outbox.reply(ticket, { kind: 'refused', failure: failure('vault-unavailable', message) });
    }
    const known = this.#known(edition.recordId);
    const merged = mergeEditions(known, [edition]);
    if (merged.length !== 1 || merged[0]?.digest !== edition.digest) {
      const message = `the credential of record ${edition.recordId} has changed meanwhile`;
      return outbox.reply(ticket, { kind: 'refused', failure: failure('vault-conflict', message) });
    }
    this.#write(edition.recordId, { editions: merged, offered: edition, askers: [] }, ticket);
  }

  /** Another member's word: taken in if it is news and properly signed. */
  received(sealed: Uint8Array): void {
    this.#take(sealed, []);
  }

  /** The same, from a member that waits until it is on disk here. */
  put(peer: InstanceId, { nonce, sealed }: Extract<Direct, { kind: 'edition-put' }>): void {
    this.#take(sealed, [{ peer, nonce }]);
  }

  /** The credentials are on disk. True if the write was one of ours. */
  stored(write: number): boolean {
    const done = this.#writes.done(write);
    if (done === undefined) return false;
    const { key: recordId, ticket, value } = done;
    this.#put(recordId, value.editions);
    this.#confirm(value.askers);
    if (ticket !== null && value.offered !== null) {
      this.#context.outbox.publish({ kind: 'credential', sealed: value.offered.sealed });
      this.acknowledgements.begin(value.offered, ticket);
    }
    return true;
  }

  /** They could not be written. */
  storeFailed(write: number, reason: string): void {
    const ticket = this.#writes.done(write)?.ticket ?? null;
    if (ticket !== null)
      this.#context.outbox.reply(ticket, { kind: 'refused', failure: failure('storage-failed', reason) });
  }

  /** A record was removed: its credentials go with it. */
  removed(recordId: string): void {
    if (this.#known(recordId).length > 0) this.#write(recordId, { editions: NONE, offered: null, askers: [] }, null);
  }

  #take(sealed: Uint8Array, askers: Asker[]): void {
    const edition = this.#verify(sealed);
    if (this.#records.isRemoved(edition.recordId)) return;
    const known = this.#known(edition.recordId);
    const merged = mergeEditions(known, [edition]);
    if (revisionOf(merged) === revisionOf(known)) return this.#answerWhenStored(edition.recordId, askers);
    if (merged.length > 1) {
      const detail = { record: edition.recordId, editions: merged.length };
      this.#context.outbox.note('warn', 'credential-conflict', detail);
    }
    this.#write(edition.recordId, { editions: merged, offered: null, askers }, null);
  }

  /** What is known already may still be on its way to disk. */
  #answerWhenStored(recordId: string, askers: readonly Asker[]): void {
    const writing = this.#writes.latest(recordId);
    if (writing === undefined) this.#confirm(askers);
    else writing.askers.push(...askers);
  }

  #confirm(askers: readonly Asker[]): void {
    for (const { peer, nonce } of askers) this.#context.outbox.send(peer, { kind: 'edition-held', nonce });
  }

  #known(recordId: string): EditionSet {
    return this.#writes.latest(recordId)?.editions ?? this.editions(recordId);
  }

  #write(recordId: string, written: Written, ticket: Ticket | null): void {
    if (!this.#shelf.has(recordId) && this.#shelf.size + this.#writes.size >= RECORDS_MAX) {
      throw new GatewayError('storage-failed', `the pool holds credentials of ${RECORDS_MAX} records, the most it can`);
    }
    const sealed = written.editions.map((edition) => edition.sealed);
    const write = this.#context.outbox.store({ kind: 'credentials', recordId, sealed });
    this.#writes.begin(write, { key: recordId, value: written, ticket });
  }

  #put(recordId: string, editions: EditionSet): void {
    if (editions.length === 0) this.#shelf.delete(recordId);
    else this.#shelf.set(recordId, editions);
    this.#index.set(recordId, editions.length === 0 ? undefined : revisionOf(editions));
  }

  #recall(sealed: Uint8Array): void {
    try {
      const edition = this.#verify(sealed);
      if (!this.#records.isRemoved(edition.recordId))
        this.#put(edition.recordId, mergeEditions(this.editions(edition.recordId), [edition]));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : 'unknown';
      this.#context.outbox.note('error', 'credential-unreadable', { reason });
    }
  }

  #verify(sealed: Uint8Array): HeldEdition {
    const { init, policies } = this.#context;
    const { uid, poolKeys } = init.gateway;
    const signedByAdmin = policies.signedByAdmin.bind(policies);
    return verifyEdition(sealed, { uid, poolKeys, signedByAdmin }, init.verify);
  }
}
