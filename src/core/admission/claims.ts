import type { InstanceId } from '../../base/ids.ts';
import type { ClaimAnswer, Direct } from '../../wire/mesh-message.ts';
import { type CoreContext, isEstablished, liveOthers } from '../core-context.ts';
import type { Exchange } from '../membership/exchange.ts';
import { isLive } from '../membership/member-table.ts';
import { CLAIM_PATIENCE_MS, CLAIM_RETRY_MS, CLOCK_AHEAD_MS_MAX } from '../timing.ts';
import { contendersOf, isStampTooEarly, type SharedView, sharedView } from './contenders.ts';
import { admit, type Contender } from './seats.ts';

interface Claim extends SharedView {
  readonly number: number;
  readonly limitDigest: string;
  readonly startedAtMs: number;
  sentAtMs: number;
  readonly answers: Map<InstanceId, ClaimAnswer>;
}

/**
 * How a seat is taken without a coordinator: the claimant asks every live member, and takes the seat when all have granted it. A
 * member grants what its own view allows, and only to a claimant that sees the same seat holders; until the claim is
 * settled it counts what it granted as a seat. Two claimants always ask somebody in common (each other, if nobody else), and that one grants
 * both only if there is room for both: so seats never exceed the limit while all can reach each other, whatever the delays.
 */
export class Claims {
  readonly #context: CoreContext;
  readonly #exchange: Exchange;
  /** Claims granted by this instance and not settled yet: claimant and its claim's number. */
  readonly #promises = new Map<InstanceId, number>();
  #viewed: { readonly contenders: readonly Contender[]; readonly view: SharedView } | undefined;
  #number = 0;
  #claim: Claim | null = null;
  #firstAskedAtMs: number | null = null;

  /** `exchange` takes in the records that claims carry. */
  constructor(context: CoreContext, exchange: Exchange) {
    this.#context = context;
    this.#exchange = exchange;
  }

  /** Claimants that may have a seat which they do not show yet. */
  promised(): readonly InstanceId[] {
    const { table } = this.#context;
    for (const [claimant, number] of [...this.#promises]) {
      const member = table.get(claimant);
      const open =
        member !== undefined && isLive(member) && member.record.claim === number && member.record.state !== 'admitted';
      if (!open) this.#promises.delete(claimant);
    }
    return [...this.#promises.keys()];
  }

  /** A claim of this instance is under way. */
  get isOpen(): boolean {
    return this.#claim !== null;
  }

  /** Asks for a seat, or goes on asking; true once everybody has granted it. */
  pursue(): boolean {
    const { now } = this.#context;
    this.#firstAskedAtMs ??= now.atMs;
    const view = this.#view();
    const limitDigest = this.#context.limits.digest;
    const current = this.#claim;
    const same =
      current !== null &&
      current.membersDigest === view.membersDigest &&
      current.holdersDigest === view.holdersDigest &&
      current.limitDigest === limitDigest;
    if (!same) this.#begin(view, limitDigest);
    else if (now.atMs - current.sentAtMs >= CLAIM_RETRY_MS) this.#ask(current);
    return this.#isGranted();
  }

  /** Gives an open claim up, so that what others promised is free again. True if there was one. */
  withdraw(): boolean {
    this.#firstAskedAtMs = null;
    if (this.#claim === null) return false;
    this.#claim = null;
    this.#context.own.revise({ claim: 0 }, this.#context.now);
    this.#exchange.spreadOwn();
    return true;
  }

  /** The seat is taken: nothing is open any more. */
  settled(): void {
    this.#claim = null;
    this.#firstAskedAtMs = null;
  }

  /** When an open claim is asked again. */
  dueAtMs(): number | undefined {
    return this.#claim === null ? undefined : this.#claim.sentAtMs + CLAIM_RETRY_MS;
  }

  /** Somebody claims a seat. */
  claimed(from: InstanceId, claim: Extract<Direct, { kind: 'claim' }>): void {
    if (this.#exchange.takeRecord(claim.record, from) === undefined) return;
    const { outbox } = this.#context;
    if (this.#refuseClock(from)) return;
    const answer = this.#judge(from, claim);
    if (answer === 'granted') this.#promises.set(from, claim.number);
    else this.#promises.delete(from);
    if (answer === 'limit-newer') outbox.send(from, { kind: 'limit', sealed: this.#context.limits.current.sealed });
    if (answer === 'views-differ') this.#exchange.compareWith(from);
    outbox.send(from, { kind: 'claim-answer', number: claim.number, answer });
  }

  /** A member answered this instance's claim; the answer if it belongs to the open one. */
  answered(from: InstanceId, { number, answer }: Extract<Direct, { kind: 'claim-answer' }>): ClaimAnswer | undefined {
    if (this.#claim === null || this.#claim.number !== number) return undefined;
    this.#claim.answers.set(from, answer);
    const { outbox, limits } = this.#context;
    if (answer === 'limit-older') outbox.send(from, { kind: 'limit', sealed: limits.current.sealed });
    if (answer === 'views-differ') this.#exchange.compareWith(from);
    return answer;
  }

  /** The own view that matters for the own claim: made anew only when the table has changed. */
  #view(): SharedView {
    const contenders = contendersOf(this.#context);
    if (this.#viewed?.contenders !== contenders)
      this.#viewed = { contenders, view: sharedView(contenders, this.#context.self) };
    return this.#viewed.view;
  }

  #begin(view: SharedView, limitDigest: string): void {
    const { now, own } = this.#context;
    this.#number += 1;
    this.#claim = {
      number: this.#number,
      ...view,
      limitDigest,
      startedAtMs: now.atMs,
      sentAtMs: now.atMs,
      answers: new Map(),
    };
    own.revise({ claim: this.#number }, now);
    this.#exchange.spreadOwn();
    this.#ask(this.#claim);
  }

  #ask(claim: Claim): void {
    const { now, outbox, own, limits } = this.#context;
    claim.sentAtMs = now.atMs;
    const missing = liveOthers(this.#context).filter((id) => claim.answers.get(id) !== 'granted');
    outbox.sendAll(missing, {
      kind: 'claim',
      number: claim.number,
      record: own.sealed,
      limitVersion: limits.current.version,
      limitDigest: claim.limitDigest,
      membersDigest: claim.membersDigest,
      holdersDigest: claim.holdersDigest,
    });
  }

  /**
   * All have granted. A live member that never answers, though others reach it, must not block the pool for ever: after a patience without any
   * answer from it, the grants of the rest, at least half of all, are enough.
   */
  #isGranted(): boolean {
    const claim = this.#claim;
    if (claim === null) return false;
    const others = liveOthers(this.#context);
    const granted = others.filter((id) => claim.answers.get(id) === 'granted');
    if (granted.length === others.length) return true;
    const silent = others.filter((id) => !claim.answers.has(id));
    const patient = this.#context.now.atMs - (this.#firstAskedAtMs ?? this.#context.now.atMs) < CLAIM_PATIENCE_MS;
    if (patient || granted.length + silent.length < others.length || granted.length * 2 < others.length) return false;
    this.#context.outbox.note('warn', 'claim-unanswered', { silent: silent.join(' ') });
    return true;
  }

  #judge(from: InstanceId, claim: Extract<Direct, { kind: 'claim' }>): ClaimAnswer {
    const { limits, table, now, clock } = this.#context;
    const limit = limits.current;
    if (!this.#exchange.synchronised && !isEstablished(this.#context)) return 'not-ready';
    if (claim.limitDigest !== limits.digest) return claim.limitVersion > limit.version ? 'limit-older' : 'limit-newer';
    if (limit.expiresUnixMs !== null && limit.expiresUnixMs <= clock.poolUnixMs(now.unixMs)) return 'limit-expired';
    const member = table.get(from);
    if (member === undefined || !isLive(member)) return 'views-differ';
    if (!member.resumes && isStampTooEarly(member)) return 'stamp-too-early';
    const contenders = contendersOf(this.#context);
    const view = sharedView(contenders, from);
    if (view.membersDigest === claim.membersDigest && contenders.length <= limit.maxInstances) return 'granted';
    if (view.holdersDigest !== claim.holdersDigest) return 'views-differ';
    const { verdict } = admit({
      maxInstances: limit.maxInstances,
      contenders,
      promised: this.promised(),
      claimant: from,
    });
    return verdict === 'seat' ? 'granted' : verdict;
  }

  #refuseClock(from: InstanceId): boolean {
    const { table, clock, now, outbox } = this.#context;
    const record = table.get(from)?.record;
    if (record === undefined || !isEstablished(this.#context)) return false;
    const aheadMs = record.issuedAt.unixMs - clock.poolUnixMs(now.unixMs);
    if (aheadMs <= CLOCK_AHEAD_MS_MAX) return false;
    outbox.send(from, { kind: 'clock-refused', aheadMs, aheadMsMax: CLOCK_AHEAD_MS_MAX });
    return true;
  }
}
