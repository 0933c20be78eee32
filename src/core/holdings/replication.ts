import type { InstanceId } from '../../base/ids.ts';
import { DIRECT_BYTES_MAX, HOLDINGS_LISTED_MAX, HOLDINGS_WANTED_MAX, RECORD_BATCH_MAX } from '../../wire/bounds.ts';
import type { Direct, Holding, HoldingsName } from '../../wire/mesh-message.ts';
import type { CoreContext } from '../core-context.ts';
import { DIFFERENCE_MS, EXCHANGE_SPACING_MS, HOLDINGS_PATIENCE_MS } from '../timing.ts';
import type { HoldingsIndex } from './holdings-index.ts';

/** The set that is replicated. */
export interface Replicated {
  readonly of: HoldingsName;
  readonly index: HoldingsIndex;
  /** What stands at a key, as it is sent. */
  sealedOf(key: string): readonly Uint8Array[];
  /** Writes under way: more is asked for only when the disk keeps up. */
  inFlight(): number;
}

/** Bytes put into one answer. */
const BATCH_BYTES_MAX = DIRECT_BYTES_MAX / 2;
/** Writes under way up to which more is asked for. */
const IN_FLIGHT_MAX = 512;

/** Bytes in the whole answer to one request. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

interface Exchange {
  readonly peer: InstanceId;
  /** What this instance held when it compared: another comparison is of use only if that has changed. */
  readonly heldDigest: string;
  /** Still to be asked for, last first. */
  readonly keys: string[];
  /** An answer is awaited until then; null: nothing is. */
  untilMs: number | null;
}

/**
 * Keeps a set alike on all members: whoever sees in a pulse that another one holds something different compares buckets with it, is told the keys of those
 * that differ, and asks for what it lacks, one request at a time. So it is the receiver that sets the pace, and a missing key costs a few kilobytes,
 * however large the set.
 */
export class Replication {
  readonly #context: CoreContext;
  readonly #set: Replicated;
  readonly #differsSinceMs = new Map<InstanceId, number>();
  #comparedAtMs = Number.NEGATIVE_INFINITY;
  #exchange: Exchange | null = null;

  constructor(context: CoreContext, set: Replicated) {
    this.#context = context;
    this.#set = set;
  }

  /** After a member's pulse: when what it holds differs for longer than news travels, compare with it. */
  pulsed(peer: InstanceId, digest: string): void {
    const { now } = this.#context;
    if (digest === this.#set.index.digest || digest === '') {
      this.#differsSinceMs.delete(peer);
      return;
    }
    const since = this.#differsSinceMs.get(peer) ?? now.atMs;
    this.#differsSinceMs.set(peer, since);
    if (this.#exchange !== null || now.atMs - since < DIFFERENCE_MS) return;
    if (now.atMs - this.#comparedAtMs >= EXCHANGE_SPACING_MS) this.#compare(peer);
  }

  /** Answers a comparison with the keys of the buckets that differ. */
  compared(from: InstanceId, theirs: readonly string[]): void {
    const items = this.#set.index.differing(theirs, HOLDINGS_LISTED_MAX);
    this.#context.outbox.send(from, { kind: 'holdings', of: this.#set.of, items });
  }

  /** The keys that a member was asked for. */
  listed(from: InstanceId, items: readonly Holding[]): void {
    if (this.#exchange?.peer !== from || this.#exchange.keys.length > 0) return;
    const missing = items.filter(({ key, digest }) => this.#set.index.digestOf(key) !== digest);
    if (missing.length === 0) this.#exchange = null;
    else this.#exchange = { ...this.#exchange, keys: missing.map(({ key }) => key).reverse(), untilMs: null };
  }

  /** Answers with what stands at the keys; what does not fit into the answer is left out, and asked for again. */
  wanted(from: InstanceId, keys: readonly string[]): void {
    const { outbox } = this.#context;
    let batch: Uint8Array[] = [];
    let [batchBytes, sentBytes] = [0, 0];
    for (const sealed of keys.flatMap((key) => this.#set.sealedOf(key))) {
      if (sentBytes + sealed.length > ANSWER_BYTES_MAX) break;
      if (batch.length >= RECORD_BATCH_MAX || batchBytes + sealed.length > BATCH_BYTES_MAX) {
        outbox.send(from, this.#batch(batch));
        batch = [];
        batchBytes = 0;
      }
      batch.push(sealed);
      batchBytes += sealed.length;
      sentBytes += sealed.length;
    }
    if (batch.length > 0) outbox.send(from, this.#batch(batch));
    // The empty batch is the end of the answer.
    outbox.send(from, this.#batch([]));
  }

  /** A batch came from a member; an empty one is the end of its answer. */
  received(from: InstanceId, sealed: readonly Uint8Array[]): void {
    if (this.#exchange?.peer !== from) return;
    this.#exchange.untilMs = sealed.length === 0 ? null : this.#context.now.atMs + HOLDINGS_PATIENCE_MS;
  }

  /** Asks for more as soon as what has come is on disk. */
  run(): void {
    const { now, outbox } = this.#context;
    const exchange = this.#exchange;
    if (exchange === null) return;
    if (exchange.untilMs !== null) {
      if (exchange.untilMs <= now.atMs) this.#exchange = null;
      return;
    }
    if (this.#set.inFlight() > IN_FLIGHT_MAX) return;
    const keys = exchange.keys.splice(-HOLDINGS_WANTED_MAX).reverse();
    if (keys.length === 0) {
      if (this.#set.inFlight() > 0) return;
      // There may be more than one list holds: see what is left, now that this is on disk.
      if (exchange.heldDigest === this.#set.index.digest) this.#exchange = null;
      else this.#compare(exchange.peer);
      return;
    }
    exchange.untilMs = now.atMs + HOLDINGS_PATIENCE_MS;
    outbox.send(exchange.peer, { kind: 'holdings-want', of: this.#set.of, keys });
  }

  /** When an awaited answer is given up. */
  dueAtMs(): number | undefined {
    return this.#exchange?.untilMs ?? undefined;
  }

  /** Forgets a member that is gone. */
  forget(peer: InstanceId): void {
    this.#differsSinceMs.delete(peer);
    if (this.#exchange?.peer === peer) this.#exchange = null;
  }

  #compare(peer: InstanceId): void {
    const { now, outbox } = this.#context;
    this.#comparedAtMs = now.atMs;
    const heldDigest = this.#set.index.digest;
    this.#exchange = { peer, heldDigest, keys: [], untilMs: now.atMs + HOLDINGS_PATIENCE_MS };
    const kind = this.#set.of === 'records' ? 'records-compare' : 'credentials-compare';
    outbox.send(peer, { kind, buckets: this.#set.index.digests() });
  }

  #batch(sealed: readonly Uint8Array[]): Direct {
    return { kind: this.#set.of === 'records' ? 'records-batch' : 'credentials-batch', sealed };
  }
}
