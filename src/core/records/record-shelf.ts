import { compareText, formatHex, sha256 } from '../../base/bytes.ts';
import { GatewayError } from '../../base/errors.ts';
import { RECORDS_MAX } from '../../wire/bounds.ts';
import { type TargetRecord, targetRecordSeal } from '../../wire/record.ts';
import { readSchedule } from '../../wire/rotation-schedule.ts';
import { open } from '../../wire/sealed.ts';
import { type CoreContext, directAudience } from '../core-context.ts';
import { failure } from '../effect.ts';
import { HoldingsIndex } from '../holdings/holdings-index.ts';
import { PendingWrites } from '../holdings/pending-writes.ts';
import { Replication } from '../holdings/replication.ts';
import type { Ticket } from '../input.ts';
import type { RecordsView } from '../view.ts';

interface Shelved {
  readonly record: TargetRecord;
  readonly digest: string;
  readonly sealed: Uint8Array;
}

/**
 * The records (targets) of the pool: every instance holds them all. The higher revision of an id wins, then the higher digest; a
 * deleted record stays as a mark. Merging is commutative, associative and idempotent.
 */
export class RecordShelf implements RecordsView {
  /** Keeps the records alike on all members. */
  readonly replication: Replication;
  /** Those with a schedule, by id. */
  readonly scheduled = new Map<string, TargetRecord>();
  readonly #context: CoreContext;
  readonly #shelf = new Map<string, Shelved>();
  readonly #byTitle = new Map<string, Set<string>>();
  readonly #index = new HoldingsIndex();
  readonly #writes = new PendingWrites<Shelved>();
  readonly #onRemoved: (recordId: string) => void;
  #list: readonly TargetRecord[] | undefined;

  /**
   * Takes in what the disk remembers; a record that does not verify any more is left out and noted. `onRemoved` is told of every record that is removed
   * from now on.
   */
  constructor(context: CoreContext, remembered: readonly Uint8Array[], onRemoved: (recordId: string) => void) {
    this.#context = context;
    this.#onRemoved = onRemoved;
    this.replication = new Replication(context, {
      of: 'records',
      index: this.#index,
      sealedOf: (key) => [this.#shelf.get(key)?.sealed].filter((sealed) => sealed !== undefined),
      inFlight: () => this.#writes.size,
    });
    for (const sealed of remembered) {
      try {
        this.#put(this.#verify(sealed));
      } catch (cause) {
        context.outbox.note('error', 'record-unreadable', {
          reason: cause instanceof Error ? cause.message : 'unknown',
        });
      }
    }
  }

  /** Records in use, by title. */
  list(): readonly TargetRecord[] {
    this.#list ??= [...this.#shelf.values()]
      .flatMap(({ record }) => (record.deleted ? [] : [record]))
      .sort((a, b) => compareText(a.title, b.title) || compareText(a.recordId, b.recordId));
    return this.#list;
  }

  /** The record with this id, or all with this title. */
  find(idOrTitle: string): readonly TargetRecord[] {
    const byId = this.#shelf.get(idOrTitle)?.record;
    if (byId !== undefined && !byId.deleted) return [byId];
    return [...(this.#byTitle.get(idOrTitle) ?? [])]
      .sort(compareText)
      .flatMap((recordId) => this.#shelf.get(recordId)?.record ?? []);
  }

  /** True for a record that was removed; false for one in use and one never heard of. */
  isRemoved(recordId: string): boolean {
    return this.#shelf.get(recordId)?.record.deleted === true;
  }

  /** Digest over all records, for comparing with others. */
  get digest(): string {
    return this.#index.digest;
  }

  /** An admin's record: stored, then shown to everyone. */
  offered(sealed: Uint8Array, ticket: Ticket): void {
    const { outbox } = this.#context;
    const shelved = this.#verify(sealed);
    const known = this.#known(shelved.record.recordId);
    if (known !== undefined && !replaces(shelved, known)) {
      const message = `record ${shelved.record.recordId} is at revision ${known.record.revision}; revision ${shelved.record.revision} comes too late`;
      outbox.reply(ticket, { kind: 'refused', failure: failure('already-exists', message) });
      return;
    }
    const twin = shelved.record.deleted ? undefined : this.find(shelved.record.title)[0];
    if (twin !== undefined && twin.recordId !== shelved.record.recordId) {
      const message = `a record titled "${twin.title}" exists already (${twin.recordId})`;
      outbox.reply(ticket, { kind: 'refused', failure: failure('already-exists', message) });
      return;
    }
    this.#write(shelved, ticket);
  }

  /** Another member's word: taken in if it is newer and properly signed. */
  received(sealed: Uint8Array): void {
    const shelved = this.#verify(sealed);
    const known = this.#known(shelved.record.recordId);
    if (known === undefined || replaces(shelved, known)) this.#write(shelved, null);
  }

  /** A record is on disk. True if the write was one of ours. */
  stored(write: number): boolean {
    const done = this.#writes.done(write);
    if (done === undefined) return false;
    const { value: shelved, ticket } = done;
    const known = this.#shelf.get(shelved.record.recordId);
    if (known === undefined || replaces(shelved, known)) this.#put(shelved);
    if (this.isRemoved(shelved.record.recordId)) this.#onRemoved(shelved.record.recordId);
    if (ticket !== null) {
      this.#context.outbox.publish({ kind: 'record', sealed: shelved.sealed });
      this.#context.outbox.sendAll(directAudience(this.#context), { kind: 'records-batch', sealed: [shelved.sealed] });
      this.#context.outbox.reply(ticket, { kind: 'done' });
    }
    return true;
  }

  /** A record could not be written. */
  storeFailed(write: number, reason: string): void {
    const ticket = this.#writes.done(write)?.ticket ?? null;
    if (ticket !== null)
      this.#context.outbox.reply(ticket, { kind: 'refused', failure: failure('storage-failed', reason) });
  }

  #known(recordId: string): Shelved | undefined {
    return this.#writes.latest(recordId) ?? this.#shelf.get(recordId);
  }

  #write(shelved: Shelved, ticket: Ticket | null): void {
    const { recordId } = shelved.record;
    if (!this.#shelf.has(recordId) && this.#shelf.size + this.#writes.size >= RECORDS_MAX) {
      throw new GatewayError('storage-failed', `the pool holds ${RECORDS_MAX} records, the most it can`, {
        remedy: 'remove records that are no longer needed',
      });
    }
    const write = this.#context.outbox.store({ kind: 'record', recordId, sealed: shelved.sealed });
    this.#writes.begin(write, { key: recordId, value: shelved, ticket });
  }

  #verify(sealed: Uint8Array): Shelved {
    const { init, policies } = this.#context;
    const { gateway, verify } = init;
    const { value: record, signers, payload } = open(targetRecordSeal, sealed, verify);
    if (record.gatewayUid !== gateway.uid)
      throw new GatewayError('not-allowed', `the record is for gateway ${record.gatewayUid}`);
    if (!policies.signedByAdmin(signers, record.changedUnixMs)) {
      throw new GatewayError('not-allowed', 'the record is not signed by an admin of this gateway');
    }
    return { record, digest: formatHex(sha256(payload)).slice(0, 16), sealed };
  }

  #put(shelved: Shelved): void {
    const { recordId, title, deleted } = shelved.record;
    const before = this.#shelf.get(recordId)?.record;
    if (before !== undefined) this.#untitle(before);
    if (!deleted) this.#byTitle.set(title, (this.#byTitle.get(title) ?? new Set()).add(recordId));
    this.#shelf.set(recordId, shelved);
    this.#index.set(recordId, shelved.digest);
    this.#list = undefined;
    if (readSchedule(shelved.record) === null) this.scheduled.delete(recordId);
    else this.scheduled.set(recordId, shelved.record);
  }

  #untitle({ title, recordId }: TargetRecord): void {
    const titled = this.#byTitle.get(title);
    titled?.delete(recordId);
    if (titled?.size === 0) this.#byTitle.delete(title);
  }
}

/** Which of two versions of a record stands. */
function replaces(candidate: Shelved, known: Shelved): boolean {
  return (
    candidate.record.revision - known.record.revision > 0 ||
    (candidate.record.revision === known.record.revision && candidate.digest > known.digest)
  );
}
