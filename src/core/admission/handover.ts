import type { InstanceId } from '../../base/ids.ts';
import type { Stamp } from '../../base/stamp.ts';
import type { Seat } from '../../wire/member-record.ts';
import type { CoreContext } from '../core-context.ts';
import type { Member } from '../membership/member-table.ts';
import { HANDOVER_PATIENCE_MS, HANDOVER_RETRY_MS } from '../timing.ts';

/** A seat that another instance has handed to this one. */
export interface HandedSeat {
  readonly joinedAt: Stamp;
  readonly seat: Seat;
}

/** The newcomer's side of a seat handover: asks the holder until its signed record names this instance as successor. */
export class Handover {
  readonly #context: CoreContext;
  #wanted: string | null;
  #sinceMs: number | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  /** Wants the seat that the init's `replaces` names, if any. */
  constructor(context: CoreContext) {
    this.#context = context;
    this.#wanted = context.init.replaces;
  }

  /** True while a handover is wanted and not given up. */
  get pending(): boolean {
    return this.#wanted !== null;
  }

  /** Goes on asking; the seat once it is handed over. */
  pursue(): HandedSeat | undefined {
    const { now, outbox, own } = this.#context;
    this.#sinceMs ??= now.atMs;
    const handed = this.#handed();
    if (handed !== undefined) return handed;
    if (now.atMs - this.#sinceMs > HANDOVER_PATIENCE_MS) {
      this.giveUp(`no instance "${this.#wanted}" handed its seat over within ${HANDOVER_PATIENCE_MS / 1000} s`);
      return undefined;
    }
    const holder = this.#holder();
    if (holder !== undefined && now.atMs - this.#askedAtMs >= HANDOVER_RETRY_MS) {
      this.#askedAtMs = now.atMs;
      outbox.send(holder, { kind: 'handover', record: own.sealed });
    }
    return undefined;
  }

  /** When `pursue` has something to do. */
  dueAtMs(): number | undefined {
    if (!this.pending) return undefined;
    return Math.max(this.#askedAtMs, this.#sinceMs ?? this.#context.now.atMs) + HANDOVER_RETRY_MS;
  }

  /** From now on this instance queues like everybody else. */
  giveUp(reason: string): void {
    this.#wanted = null;
    this.#context.outbox.note('warn', 'handover-given-up', { reason });
  }

  #holder(): InstanceId | undefined {
    return this.#context.table.live().find((member) => this.#isWanted(member) && member.record.state === 'admitted')
      ?.record.instanceId;
  }

  #handed(): HandedSeat | undefined {
    for (const { record } of this.#context.table.all()) {
      if (record.successor !== this.#context.self || record.seat === null) continue;
      return { joinedAt: record.joinedAt, seat: { ...record.seat, handedOverBy: record.instanceId } };
    }
    return undefined;
  }

  #isWanted({ record }: Member): boolean {
    if (record.instanceId === this.#context.self) return false;
    return record.instanceId === this.#wanted || record.name === this.#wanted;
  }
}
