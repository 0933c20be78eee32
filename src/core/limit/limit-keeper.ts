import { equalBytes } from '../../base/bytes.ts';
import { GatewayError } from '../../base/errors.ts';
import { type CoreContext, directAudience } from '../core-context.ts';
import { failure } from '../effect.ts';
import type { PoolInit } from '../index.ts';
import type { Ticket } from '../input.ts';
import type { Member } from '../membership/member-table.ts';
import type { Outbox } from '../outbox.ts';
import type { PolicyBook } from '../policy/policy-book.ts';
import { issueTimeProblem, LimitBook, type VerifiedLimit, verifyLimit } from './limit-book.ts';

/** The book an instance starts with: the configuration's limit and every one its disk remembers. */
export function openLimitBook(
  { gateway, verify, remembered }: PoolInit,
  policies: PolicyBook,
  outbox: Outbox,
): LimitBook {
  // What is on this disk was in force here: whatever admins there are by now, the limit does not go back.
  const former = policies.former.map((past) => ({ ...past, limitVersionMax: Number.MAX_SAFE_INTEGER }));
  const authority = { gatewayUid: gateway.uid, ...policies.authority, former };
  const book = new LimitBook(verifyLimit(gateway.firstLimit, authority, verify));
  for (const sealed of remembered.limits) {
    try {
      book.recall(verifyLimit(sealed, authority, verify));
    } catch (cause) {
      outbox.note('error', 'limit-unreadable', { reason: cause instanceof Error ? cause.message : 'unknown' });
    }
  }
  return book;
}

/** Takes limits in, stores them before they count, and passes them on. */
export class LimitKeeper {
  readonly #context: CoreContext;
  readonly #writes = new Map<number, { readonly limit: VerifiedLimit; readonly ticket: Ticket | null }>();

  /** A keeper over the context's book. */
  constructor(context: CoreContext) {
    this.#context = context;
  }

  /** An admin's new limit: refused with its reason, or stored, put in force and spread. */
  offered(sealed: Uint8Array, ticket: Ticket): void {
    const { outbox, limits } = this.#context;
    try {
      const limit = this.#verify(sealed);
      const outcome = limits.compare(limit);
      if (outcome === 'known') return outbox.reply(ticket, { kind: 'done' });
      if (outcome === 'older' || outcome === 'equivocation-lost') {
        const { version, maxInstances } = limits.current;
        const message = `limit version ${limit.version} does not supersede version ${version} (max ${maxInstances}), which is in force; sign a higher version`;
        return outbox.reply(ticket, { kind: 'refused', failure: failure('limit-refused', message) });
      }
      const { clock, now } = this.#context;
      const wrongTime = issueTimeProblem(limit, clock.poolUnixMs(now.unixMs));
      if (wrongTime !== null)
        return outbox.reply(ticket, { kind: 'refused', failure: failure('limit-refused', wrongTime) });
      this.#write(limit, ticket);
    } catch (cause) {
      if (!(cause instanceof GatewayError)) throw cause;
      outbox.note('warn', 'limit-refused', { reason: cause.message });
      outbox.reply(ticket, { kind: 'refused', failure: failure(cause.code, cause.message) });
    }
  }

  /** A limit from another member. A forged one is noted and otherwise ignored. */
  received(sealed: Uint8Array): void {
    const { limits, outbox } = this.#context;
    if (equalBytes(sealed, limits.current.sealed)) return;
    const limit = this.#verify(sealed);
    const outcome = limits.compare(limit);
    if (outcome === 'equivocation-won' || outcome === 'equivocation-lost') {
      outbox.note('error', 'limit-equivocation', {
        version: limit.version,
        inForce: limits.current.digest,
        other: limit.digest,
      });
    }
    if (outcome === 'newer' || outcome === 'equivocation-won') this.#write(limit, null);
  }

  /** A limit is on disk and takes effect. True if the write was one of ours. */
  stored(write: number): boolean {
    const entry = this.#writes.get(write);
    if (entry === undefined) return false;
    this.#writes.delete(write);
    const { limits, outbox, table } = this.#context;
    const outcome = limits.apply(entry.limit);
    if (outcome === 'newer' || outcome === 'equivocation-won') {
      table.touch();
      const { maxInstances, version, sealed } = limits.current;
      outbox.note('info', 'limit-applied', { maxInstances, version });
      outbox.publish({ kind: 'limit', sealed });
      outbox.sendAll(directAudience(this.#context), { kind: 'limit', sealed });
    }
    if (entry.ticket !== null) outbox.reply(entry.ticket, { kind: 'done' });
    return true;
  }

  /** A limit could not be written: it does not count here. */
  storeFailed(write: number, reason: string): void {
    const entry = this.#writes.get(write);
    this.#writes.delete(write);
    if (entry === undefined) return;
    this.#context.outbox.note('error', 'limit-not-stored', { reason, version: entry.limit.version });
    if (entry.ticket !== null)
      this.#context.outbox.reply(entry.ticket, { kind: 'refused', failure: failure('storage-failed', reason) });
  }

  /** After a member's pulse: gives it the limit in force if it holds an older or another one. */
  pulsed(member: Member): void {
    const { limits, outbox } = this.#context;
    const held = member.pulse?.held;
    if (held === undefined || held.limitVersion > limits.current.version) return;
    if (held.limitVersion < limits.current.version || held.limitDigest !== limits.current.digest) {
      outbox.send(member.record.instanceId, { kind: 'limit', sealed: limits.current.sealed });
    }
  }

  #verify(sealed: Uint8Array): VerifiedLimit {
    const { init, policies } = this.#context;
    const { adminKeys, threshold } = policies.authority;
    const authority = { gatewayUid: init.gateway.uid, adminKeys, threshold, former: policies.former };
    return verifyLimit(sealed, authority, init.verify);
  }

  #write(limit: VerifiedLimit, ticket: Ticket | null): void {
    for (const { limit: pending, ticket: waiting } of this.#writes.values()) {
      if (pending.digest === limit.digest && waiting === null && ticket === null) return;
    }
    const write = this.#context.outbox.store({ kind: 'limit', sealed: limit.sealed });
    this.#writes.set(write, { limit, ticket });
  }
}
