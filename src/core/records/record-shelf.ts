import { compareText, digestText, formatHex, sha256 } from '../../base/bytes.ts';
import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import { RECORD_BATCH_MAX, RECORDS_MAX } from '../../wire/bounds.ts';
import { RECORD_BUCKETS } from '../../wire/mesh-message.ts';
import { type TargetRecord, targetRecordSeal } from '../../wire/record.ts';
import { open } from '../../wire/sealed.ts';
import { type CoreContext, directAudience } from '../core-context.ts';
import { failure } from '../effect.ts';
import type { Ticket } from '../input.ts';
import { DIFFERENCE_MS, EXCHANGE_SPACING_MS } from '../timing.ts';
import type { RecordsView } from '../view.ts';

interface Shelved {
  readonly record: TargetRecord;
  readonly digest: string;
  readonly sealed: Uint8Array;
}

/** Bytes of records put into one answer. */
const BATCH_BYTES_MAX = 512 * 1024;

/**
 * The records (targets) of the pool: every instance holds them all. The higher revision of an id wins, then the higher digest; a
 * deleted record stays as a mark. Merging is commutative, associative and idempotent.
 */
export class RecordShelf implements RecordsView {
  readonly #context: CoreContext;
  readonly #shelf = new Map<string, Shelved>();
  readonly #writes = new Map<number, { readonly shelved: Shelved; readonly ticket: Ticket | null }>();
  readonly #differsSinceMs = new Map<InstanceId, number>();
  #digest: string | undefined;
  #buckets: readonly string[] | undefined;
  #comparedAtMs = Number.NEGATIVE_INFINITY;

  /** Takes in what the disk remembers; a record that does not verify any more is left out and noted. */
  constructor(context: CoreContext, remembered: readonly Uint8Array[]) {
    this.#context = context;
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
    const inUse = [...this.#shelf.values()].flatMap(({ record }) => (record.deleted ? [] : [record]));
    return inUse.sort((a, b) => compareText(a.title, b.title) || compareText(a.recordId, b.recordId));
  }

  /** The record with this id, or all with this title. */
  find(idOrTitle: string): readonly TargetRecord[] {
    const byId = this.#shelf.get(idOrTitle)?.record;
    if (byId !== undefined && !byId.deleted) return [byId];
    return this.list().filter(({ title }) => title === idOrTitle);
  }

  /** Digest over all records, for comparing with others. */
  get digest(): string {
    this.#digest ??= digestText([...this.#bucketDigests()]);
    return this.#digest;
  }

  /** An admin's record: stored, then shown to everyone. */
  offered(sealed: Uint8Array, ticket: Ticket): void {
    const { outbox } = this.#context;
    const shelved = this.#verify(sealed);
    const known = this.#shelf.get(shelved.record.recordId);
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
    const known = this.#shelf.get(shelved.record.recordId);
    if (known === undefined || replaces(shelved, known)) this.#write(shelved, null);
  }

  /** A record is on disk. True if the write was one of ours. */
  stored(write: number): boolean {
    const entry = this.#writes.get(write);
    if (entry === undefined) return false;
    this.#writes.delete(write);
    const { shelved, ticket } = entry;
    const known = this.#shelf.get(shelved.record.recordId);
    if (known === undefined || replaces(shelved, known)) this.#put(shelved);
    if (ticket !== null) {
      this.#context.outbox.publish({ kind: 'record', sealed: shelved.sealed });
      this.#context.outbox.sendAll(directAudience(this.#context), { kind: 'records-batch', sealed: [shelved.sealed] });
      this.#context.outbox.reply(ticket, { kind: 'done' });
    }
    return true;
  }

  /** A record could not be written. */
  storeFailed(write: number, reason: string): void {
    const entry = this.#writes.get(write);
    this.#writes.delete(write);
    if (entry === undefined || entry.ticket === null) return;
    this.#context.outbox.reply(entry.ticket, { kind: 'refused', failure: failure('storage-failed', reason) });
  }

  /** After a member's pulse: when its records differ for longer than news travels, compare buckets with it. */
  pulsed(peer: InstanceId, digest: string): void {
    const { now, outbox } = this.#context;
    if (digest === this.digest) {
      this.#differsSinceMs.delete(peer);
      return;
    }
    const since = this.#differsSinceMs.get(peer) ?? now.atMs;
    this.#differsSinceMs.set(peer, since);
    if (now.atMs - since < DIFFERENCE_MS || now.atMs - this.#comparedAtMs < EXCHANGE_SPACING_MS) return;
    this.#comparedAtMs = now.atMs;
    outbox.send(peer, { kind: 'records-compare', buckets: this.#bucketDigests() });
  }

  /** Forgets a member that is gone. */
  forget(peer: InstanceId): void {
    this.#differsSinceMs.delete(peer);
  }

  /** Answers a comparison with the content of the buckets that differ. */
  compared(from: InstanceId, theirs: readonly string[]): void {
    const differing = new Set(
      this.#bucketDigests().flatMap((digest, bucket) => (digest === theirs[bucket] ? [] : [bucket])),
    );
    let batch: Uint8Array[] = [];
    let size = 0;
    const flush = (): void => {
      if (batch.length > 0) this.#context.outbox.send(from, { kind: 'records-batch', sealed: batch });
      batch = [];
      size = 0;
    };
    for (const [recordId, { sealed }] of this.#shelf) {
      if (!differing.has(bucketOf(recordId))) continue;
      if (batch.length >= RECORD_BATCH_MAX || size + sealed.length > BATCH_BYTES_MAX) flush();
      batch.push(sealed);
      size += sealed.length;
    }
    flush();
  }

  #write(shelved: Shelved, ticket: Ticket | null): void {
    const { recordId } = shelved.record;
    if (!this.#shelf.has(recordId) && this.#shelf.size + this.#writes.size >= RECORDS_MAX) {
      throw new GatewayError('storage-failed', `the pool holds ${RECORDS_MAX} records, the most it can`, {
        remedy: 'remove records that are no longer needed',
      });
    }
    const write = this.#context.outbox.store({ kind: 'record', recordId, sealed: shelved.sealed });
    this.#writes.set(write, { shelved, ticket });
  }

  #verify(sealed: Uint8Array): Shelved {
    const { gateway, verify } = this.#context.init;
    const { value: record, signers, payload } = open(targetRecordSeal, sealed, verify);
    if (record.gatewayUid !== gateway.uid)
      throw new GatewayError('not-allowed', `the record is for gateway ${record.gatewayUid}`);
    if (!signers.some((signer) => gateway.adminKeys.includes(signer))) {
      throw new GatewayError('not-allowed', 'the record is not signed by an admin of this gateway');
    }
    return { record, digest: formatHex(sha256(payload)).slice(0, 16), sealed };
  }

  #put(shelved: Shelved): void {
    this.#shelf.set(shelved.record.recordId, shelved);
    this.#digest = undefined;
    this.#buckets = undefined;
  }

  #bucketDigests(): readonly string[] {
    this.#buckets ??= digestBuckets(this.#shelf);
    return this.#buckets;
  }
}

/** Which of two versions of a record stands. */
function replaces(candidate: Shelved, known: Shelved): boolean {
  return (
    candidate.record.revision - known.record.revision > 0 ||
    (candidate.record.revision === known.record.revision && candidate.digest > known.digest)
  );
}

function bucketOf(recordId: string): number {
  return (sha256(recordId)[0] ?? 0) % RECORD_BUCKETS;
}

function digestBuckets(shelf: ReadonlyMap<string, Shelved>): readonly string[] {
  const lines = Array.from({ length: RECORD_BUCKETS }, (): string[] => []);
  for (const [recordId, { digest }] of shelf) lines[bucketOf(recordId)]?.push(`${recordId} ${digest}`);
  return lines.map((bucket) => (bucket.length === 0 ? '' : digestText(bucket.sort(compareText))));
}
