import type { InstanceId } from '../../base/ids.ts';
import { type CoreContext, liveOthers } from '../core-context.ts';
import { earliest } from '../earliest.ts';
import { failure } from '../effect.ts';
import type { Ticket } from '../input.ts';
import { EDITION_PATIENCE_MS, EDITION_RETRY_MS } from '../timing.ts';
import type { HeldEdition } from './edition-set.ts';

interface Waiting {
  readonly ticket: Ticket;
  readonly edition: HeldEdition;
  readonly held: Set<InstanceId>;
  readonly untilMs: number;
  askAtMs: number;
}

/** Editions waited for at once; beyond it new ones are refused before anything is written. */
const WAITING_MAX = 4096;
/** Members named in a failure. */
const NAMED_MAX = 5;

/**
 * Whoever offers an edition is answered when it is on the disks of a majority of the live instances, this one included: then it survives the loss of any
 * minority. Live is who this instance takes for alive at that moment, so a pool that has lost members goes on, on either side of a partition.
 */
export class Acknowledgements {
  readonly #context: CoreContext;
  readonly #waiting = new Map<number, Waiting>();
  #nonce = 0;

  constructor(context: CoreContext) {
    this.#context = context;
  }

  /** True when another edition can be waited for. */
  get hasRoom(): boolean {
    return this.#waiting.size < WAITING_MAX;
  }

  /** The edition is on this instance's disk: ask the others. */
  begin(edition: HeldEdition, ticket: Ticket): void {
    const { now } = this.#context;
    this.#nonce = (this.#nonce % 0xffff_fffe) + 1;
    const untilMs = now.atMs + EDITION_PATIENCE_MS;
    this.#waiting.set(this.#nonce, { ticket, edition, held: new Set(), untilMs, askAtMs: now.atMs });
    this.run();
  }

  /** A member has it on disk. */
  held(from: InstanceId, nonce: number): void {
    this.#waiting.get(nonce)?.held.add(from);
  }

  /** Answers who has waited long enough, or for enough; asks again those that are silent. */
  run(): void {
    if (this.#waiting.size === 0) return;
    const others = liveOthers(this.#context);
    for (const [nonce, waiting] of [...this.#waiting]) {
      const missing = others.filter((id) => !waiting.held.has(id));
      if (2 * (1 + others.length - missing.length) > 1 + others.length) this.#conclude(nonce, waiting.ticket);
      else if (waiting.untilMs <= this.#context.now.atMs) this.#giveUp(nonce, waiting, missing);
      else if (waiting.askAtMs <= this.#context.now.atMs) this.#ask(nonce, waiting, missing);
    }
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    let due: number | undefined;
    for (const { untilMs, askAtMs } of this.#waiting.values()) due = earliest(due, Math.min(untilMs, askAtMs));
    return due;
  }

  #ask(nonce: number, waiting: Waiting, missing: readonly InstanceId[]): void {
    waiting.askAtMs = this.#context.now.atMs + EDITION_RETRY_MS;
    this.#context.outbox.sendAll(missing, { kind: 'edition-put', nonce, sealed: waiting.edition.sealed });
  }

  #conclude(nonce: number, ticket: Ticket): void {
    this.#waiting.delete(nonce);
    this.#context.outbox.reply(ticket, { kind: 'done' });
  }

  #giveUp(nonce: number, { ticket, edition }: Waiting, missing: readonly InstanceId[]): void {
    this.#waiting.delete(nonce);
    const { table, outbox } = this.#context;
    const names = missing.slice(0, NAMED_MAX).map((id) => table.get(id)?.record.name ?? id);
    const more = missing.length > NAMED_MAX ? ` and ${missing.length - NAMED_MAX} more` : '';
    const message = `the credential of record ${edition.recordId} is stored here, but not on a majority of the live instances within ${EDITION_PATIENCE_MS / 1000} s: ${names.join(', ')}${more} did not confirm it`;
    outbox.note('warn', 'credential-unconfirmed', { record: edition.recordId, missing: missing.length });
    outbox.reply(ticket, { kind: 'refused', failure: failure('vault-unavailable', message) });
  }
}
