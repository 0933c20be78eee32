import { ExitCode } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import { formatUnixMs, type Stamp } from '../../base/stamp.ts';
import type { Seat } from '../../wire/member-record.ts';
import type { Direct } from '../../wire/mesh-message.ts';
import { type CoreContext, isEstablished } from '../core-context.ts';
import { earliest } from '../earliest.ts';
import type { Search } from '../input.ts';
import type { Exchange } from '../membership/exchange.ts';
import type { OwnChange } from '../membership/own-record.ts';
import {
  ALONE_MS,
  CANCEL_GRACE_MS,
  CLAIM_RETRY_MS,
  JOIN_SETTLE_MAX_MS,
  JOIN_SETTLE_MS,
  REFUSE_SETTLE_MS,
  SEARCH_MS,
  SUCCESSOR_SEEN_MS,
  YIELD_SETTLE_MS,
} from '../timing.ts';
import { Claims } from './claims.ts';
import { contendersOf } from './contenders.ts';
import { Handover } from './handover.ts';
import { refusalLines } from './refusal.ts';
import { admit, seatOwners, suspectsAhead, yields } from './seats.ts';

/** What the keeper needs of the jobs. */
export interface SessionsInHand {
  /** Sessions that a drain waits for. */
  running(): number;
  /** A drain begins: leases move elsewhere at once. */
  draining(): void;
  /** The drain's time is over. */
  cancelAll(reason: string): void;
  /** The instance leaves: what the others should still hear is said now. */
  leaving(): void;
}

interface Drain {
  readonly then: 'leave' | 'standby';
  readonly reason: string;
  readonly deadlineAtMs: number;
  readonly sinceMs: number;
  cancelledAtMs: number | null;
}

/** The life of this instance's seat: joining, waiting, holding, giving up, leaving. */
export class SeatKeeper {
  readonly #context: CoreContext;
  readonly #exchange: Exchange;
  readonly #sessions: SessionsInHand;
  readonly claims: Claims;
  readonly handover: Handover;
  #standby: boolean;
  #startedAtMs = 0;
  #search: Search = 'addresses-known';
  #searchPending = false;
  /** Something is awaited before anything can be decided, and its end changes no table. */
  #undecided = true;
  #restamped = false;
  #stampedAnewAtMs: number | null = null;
  #fullSinceMs: number | null = null;
  #surplusSinceMs: number | null = null;
  #drain: Drain | null = null;
  #seenGeneration = -1;
  #lookAtMs: number | undefined;
  #ended = false;

  /** A keeper for an instance that has not started joining. */
  constructor(context: CoreContext, exchange: Exchange, sessions: SessionsInHand) {
    this.#context = context;
    this.#exchange = exchange;
    this.#sessions = sessions;
    this.#standby = context.init.standby;
    this.claims = new Claims(context, exchange);
    this.handover = new Handover(context);
  }

  /** Joining begins now. */
  start(search: Search): void {
    this.#startedAtMs = this.#context.now.atMs;
    this.#search = search;
  }

  /** Some address has not been tried to its end, or all have. */
  searching(pending: boolean): void {
    this.#searchPending = pending;
  }

  /** Looks at everything once more; called after every input. */
  run(): void {
    if (this.#ended || this.#nothingNew()) return;
    this.#stampAfterMeeting();
    const { state } = this.#context.own.record;
    if (state === 'candidate' || state === 'standby') this.#seekSeat();
    if (state === 'admitted') this.#checkSurplus();
    if (state === 'draining') this.#checkDrained();
  }

  /** When `run` has something to do that no message will cause. */
  dueAtMs(): number | undefined {
    if (this.#ended) return undefined;
    const { state } = this.#context.own.record;
    const ahead = (atMs: number | undefined): number | undefined =>
      atMs !== undefined && atMs > this.#context.now.atMs ? atMs : undefined;
    let due = earliest(ahead(this.claims.dueAtMs()), ahead(this.handover.dueAtMs()));
    if (state === 'candidate' || state === 'standby') {
      due = earliest(due, ahead(this.#readyAtMs()));
      due = earliest(due, ahead(this.#after(this.#fullSinceMs, REFUSE_SETTLE_MS)));
    }
    if (state === 'admitted') due = earliest(due, ahead(this.#after(this.#surplusSinceMs, YIELD_SETTLE_MS)));
    if (state === 'draining') due = earliest(due, ahead(this.#drainDueAtMs()));
    this.#lookAtMs = due;
    return due;
  }

  /** Stop taking jobs; leave when the sessions have ended. */
  drain(reason: string): void {
    const { state } = this.#context.own.record;
    if (state === 'candidate' || state === 'standby') return this.leave(reason);
    if (this.#drain?.then === 'leave' || this.#ended) return;
    this.#beginDrain('leave', reason, {});
  }

  /** Leave now. */
  leave(reason: string): void {
    if (this.#ended) return;
    this.#revise({ state: 'left', seat: null, claim: 0 });
    this.#context.outbox.store({ kind: 'self', joinedAt: this.#context.own.record.joinedAt, seat: null });
    this.#end(ExitCode.done, [`left the pool: ${reason}`]);
  }

  /** The process cannot go on in this pool. */
  fail(code: typeof ExitCode.usage | typeof ExitCode.notAllowed | typeof ExitCode.bug, lines: readonly string[]): void {
    if (!this.#ended) this.#end(code, lines);
  }

  /** The pool's clock says that ours is ahead. What another member's clock put it ahead by is for those two to settle. */
  clockRefused(aheadMs: number, aheadMsMax: number): void {
    const { state } = this.#context.own.record;
    if (state !== 'candidate' && state !== 'standby') return;
    if (aheadMs - this.#context.clock.aheadMs <= aheadMsMax) return;
    const seconds = (aheadMs / 1000).toFixed(1);
    this.#context.outbox.note('error', 'clock-ahead', { aheadMs });
    this.#revise({ state: 'left', seat: null, claim: 0 });
    this.fail(ExitCode.usage, [
      `this server's clock is ${seconds} s ahead of the pool's; at most ${aheadMsMax / 1000} s are allowed: set the clock (NTP) and start again`,
    ]);
  }

  /** An answer to this instance's claim. */
  claimAnswered(from: InstanceId, message: Extract<Direct, { kind: 'claim-answer' }>): void {
    const answer = this.claims.answered(from, message);
    if (answer === undefined) return;
    const { own } = this.#context;
    const resuming = own.record.seat !== null && (answer === 'no-room' || answer === 'not-your-turn');
    const early = answer === 'stamp-too-early' && this.#mayStampAnew();
    if (early || resuming) this.#queueAnew();
  }

  /** A newcomer asks this instance for its seat. */
  handoverAsked(from: InstanceId, sealed: Uint8Array): void {
    const { own, outbox, table, self } = this.#context;
    if (this.#exchange.takeRecord(sealed, from) === undefined) return;
    if (own.record.successor === from) return this.#exchange.spreadOwn();
    const newcomer = table.get(from)?.record;
    const wanted = newcomer?.replaces === self || newcomer?.replaces === own.record.name;
    const refusal =
      own.record.state !== 'admitted'
        ? `it is ${own.record.state} and holds no seat to hand over`
        : wanted
          ? null
          : 'it was not named';
    if (refusal !== null) {
      outbox.send(from, { kind: 'handover-refused', reason: `${own.record.name}: ${refusal}` });
      return;
    }
    // Whoever crashes after this comes back without the seat that is another's by then.
    outbox.store({ kind: 'self', joinedAt: own.record.joinedAt, seat: null });
    this.#beginDrain('leave', `seat handed over to ${newcomer?.name ?? from}`, { successor: from });
  }

  /** Most inputs change nothing here: an instance that serves or waits looks again when the table or the time has moved on. */
  #nothingNew(): boolean {
    const { table, own, now } = this.#context;
    const waits = own.record.state === 'standby' && !this.claims.isOpen && !this.#undecided;
    const resting = own.record.state === 'admitted' || waits;
    const dueAtMs = this.#lookAtMs ?? Number.POSITIVE_INFINITY;
    const seen = resting && table.generation === this.#seenGeneration && now.atMs < dueAtMs;
    this.#seenGeneration = table.generation;
    return seen;
  }

  #stampAfterMeeting(): void {
    const { own, clock, now } = this.#context;
    if (this.#restamped || !this.#exchange.metEstablished || isEstablished(this.#context)) return;
    this.#restamped = true;
    if (own.record.seat === null) this.#revise({ joinedAt: clock.stamp(now.unixMs) });
  }

  #readyAtMs(): number {
    if (!this.#exchange.synchronised) return this.#startedAtMs + ALONE_MS[this.#search];
    const quietAtMs = Math.max(this.#exchange.newsAtMs, this.#startedAtMs) + JOIN_SETTLE_MS;
    const settledAtMs = Math.min(quietAtMs, this.#startedAtMs + JOIN_SETTLE_MAX_MS);
    return this.#searchPending ? Math.max(settledAtMs, this.#startedAtMs + SEARCH_MS) : settledAtMs;
  }

  #seekSeat(): void {
    const { now, limits, clock, own, self } = this.#context;
    this.#undecided = now.atMs < this.#readyAtMs() || this.#exchange.awaitsGreeting;
    if (this.#undecided) return;
    if (this.handover.pending) {
      const handed = this.handover.pursue();
      if (handed !== undefined) this.#takeSeat(handed);
      return;
    }
    const limit = limits.current;
    if (limit.expiresUnixMs !== null && limit.expiresUnixMs <= clock.poolUnixMs(now.unixMs))
      return this.#refuseExpired(limit.expiresUnixMs);
    const contenders = contendersOf(this.#context);
    const { verdict } = admit({
      maxInstances: limit.maxInstances,
      contenders,
      promised: this.claims.promised(),
      claimant: self,
    });
    if (verdict === 'seat') {
      this.#fullSinceMs = null;
      if (this.claims.pursue()) this.#takeSeat(null);
      return;
    }
    this.claims.withdraw();
    if (own.record.seat !== null) return this.#queueAnew();
    if (!this.#standby) return this.#considerRefusal();
    if (own.record.state === 'candidate') this.#revise({ state: 'standby' });
  }

  #takeSeat(handed: { readonly joinedAt: Stamp; readonly seat: Seat } | null): void {
    const { limits, clock, now, own, outbox } = this.#context;
    this.claims.settled();
    const { version, maxInstances } = limits.current;
    const granted: Seat = {
      limitVersion: version,
      maxInstances,
      grantedAt: clock.stamp(now.unixMs),
      handedOverBy: null,
    };
    const seat = handed?.seat ?? own.record.seat ?? granted;
    this.#revise({
      state: 'admitted',
      seat,
      claim: 0,
      replaces: null,
      ...(handed === null ? {} : { joinedAt: handed.joinedAt }),
    });
    outbox.store({ kind: 'self', joinedAt: own.record.joinedAt, seat });
    outbox.note('info', 'admitted', {
      limitVersion: seat.limitVersion,
      maxInstances: seat.maxInstances,
      handedOverBy: seat.handedOverBy,
    });
  }

  /** Stamps follow clocks: where two do not agree yet, a new stamp for every answer would be one for every round trip. */
  #mayStampAnew(): boolean {
    return this.#stampedAnewAtMs === null || this.#context.now.atMs - this.#stampedAnewAtMs >= CLAIM_RETRY_MS;
  }

  #queueAnew(): void {
    const { clock, now } = this.#context;
    this.claims.settled();
    this.#stampedAnewAtMs = now.atMs;
    this.#revise({ seat: null, claim: 0, joinedAt: clock.stamp(now.unixMs) });
  }

  #considerRefusal(): void {
    const { now, limits, self } = this.#context;
    const contenders = contendersOf(this.#context);
    const owners = seatOwners(contenders);
    // A holder that does not answer may be dead; one that has just restarted may find its seat gone.
    const unsure = contenders.some(
      ({ instanceId, suspect, state }) => (suspect || state === 'candidate') && owners.includes(instanceId),
    );
    if (owners.length < limits.current.maxInstances || unsure || owners.includes(self)) {
      this.#fullSinceMs = null;
      return;
    }
    this.#fullSinceMs ??= now.atMs;
    if (now.atMs - this.#fullSinceMs < REFUSE_SETTLE_MS) return;
    const lines = refusalLines(this.#context, owners);
    this.#revise({ state: 'left', seat: null, claim: 0 });
    this.#end(ExitCode.poolFull, lines);
  }

  #refuseExpired(expiresUnixMs: number): void {
    if (this.#standby) {
      if (this.#context.own.record.state === 'candidate') this.#revise({ state: 'standby' });
      return;
    }
    this.#revise({ state: 'left', seat: null, claim: 0 });
    this.#end(ExitCode.poolFull, [
      `the limit expired at ${formatUnixMs(expiresUnixMs)}: nobody new is admitted until an admin sets a new one (pam gateway set-max-instances)`,
    ]);
  }

  #checkSurplus(): void {
    const { now, limits, self, outbox } = this.#context;
    const contenders = contendersOf(this.#context);
    const own = contenders.find(({ instanceId }) => instanceId === self);
    const grantedUnder = (seat: Seat): number => limits.grantedUnder(seat);
    const surplus = yields({ maxInstances: limits.current.maxInstances, contenders, self, grantedUnder });
    if (own === undefined || !surplus || suspectsAhead(contenders, own)) {
      this.#surplusSinceMs = null;
      return;
    }
    this.#surplusSinceMs ??= now.atMs;
    if (now.atMs - this.#surplusSinceMs < YIELD_SETTLE_MS) return;
    this.#surplusSinceMs = null;
    this.#standby = true;
    outbox.note('warn', 'seat-yielded', { maxInstances: limits.current.maxInstances });
    this.#beginDrain('standby', 'more seats were taken than the limit allows; older instances keep theirs', {
      seat: null,
    });
    outbox.store({ kind: 'self', joinedAt: this.#context.own.record.joinedAt, seat: null });
  }

  #beginDrain(then: Drain['then'], reason: string, change: OwnChange): void {
    const { now, init, outbox } = this.#context;
    this.#drain = { then, reason, sinceMs: now.atMs, deadlineAtMs: now.atMs + init.self.drainMs, cancelledAtMs: null };
    outbox.note('info', 'draining', { reason, sessions: this.#sessions.running() });
    this.#revise({ state: 'draining', ...change });
    this.#sessions.draining();
    this.#checkDrained();
  }

  #checkDrained(): void {
    const drain = this.#drain;
    if (drain === null) return;
    const { now, own } = this.#context;
    if (this.#sessions.running() > 0) {
      if (now.atMs < drain.deadlineAtMs) return;
      if (drain.cancelledAtMs === null) {
        drain.cancelledAtMs = now.atMs;
        this.#sessions.cancelAll('the instance is draining and the time for sessions to end is over');
      }
      if (this.#sessions.running() > 0 && now.atMs - drain.cancelledAtMs < CANCEL_GRACE_MS) return;
    }
    if (!this.#successorServes(drain)) return;
    this.#drain = null;
    if (drain.then === 'leave') {
      // Who hears of the leaving before it hears of the successor would miss a seat meanwhile; a link keeps the order.
      if (own.record.successor !== null) this.#exchange.spread(own.record.successor);
      return this.leave(drain.reason);
    }
    this.#revise({ state: 'standby', seat: null });
  }

  #successorServes(drain: Drain): boolean {
    const { own, table, now } = this.#context;
    const { successor } = own.record;
    if (successor === null || now.atMs - drain.sinceMs >= SUCCESSOR_SEEN_MS) return true;
    return table.get(successor)?.record.state === 'admitted';
  }

  #drainDueAtMs(): number | undefined {
    const drain = this.#drain;
    if (drain === null) return undefined;
    if (drain.cancelledAtMs !== null) return drain.cancelledAtMs + CANCEL_GRACE_MS;
    const waitsForSuccessor = this.#context.own.record.successor !== null && this.#sessions.running() === 0;
    return waitsForSuccessor ? drain.sinceMs + SUCCESSOR_SEEN_MS : drain.deadlineAtMs;
  }

  #after(sinceMs: number | null, durationMs: number): number | undefined {
    return sinceMs === null ? undefined : sinceMs + durationMs;
  }

  #revise(change: OwnChange): void {
    this.#context.own.revise(change, this.#context.now);
    this.#exchange.spreadOwn();
  }

  #end(code: ExitCode, lines: readonly string[]): void {
    this.#ended = true;
    this.#sessions.leaving();
    this.#context.outbox.exit(code, lines);
  }
}
