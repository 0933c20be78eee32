import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import { type CoreContext, directAudience } from '../core-context.ts';
import { earliest } from '../earliest.ts';
import { failure } from '../effect.ts';
import type { PoolInit } from '../index.ts';
import type { Ticket } from '../input.ts';
import type { Member } from '../membership/member-table.ts';
import type { Outbox } from '../outbox.ts';
import { GREET_SPACING_MS } from '../timing.ts';
import { PolicyBook, type VerifiedPolicy } from './policy-book.ts';

/** Policies that wait for the one before to be on disk: a whole chain and some. */
const WAITING_MAX = 64;
/** How long an evicted instance may stay linked after it was told, so that it ends by itself with the reason. */
const FAREWELL_MS = 1000;

/** The book an instance starts with: the configuration's admins and every policy its disk remembers, in order. */
export function openPolicyBook({ gateway, verify, remembered }: PoolInit, outbox: Outbox): PolicyBook {
  const book = new PolicyBook(gateway.uid, { adminKeys: gateway.adminKeys, threshold: gateway.threshold });
  for (const sealed of remembered.policies) {
    try {
      book.apply(book.verify(sealed, verify));
    } catch (cause) {
      outbox.note('error', 'policy-unreadable', { reason: cause instanceof Error ? cause.message : 'unknown' });
    }
  }
  return book;
}

/** What an evicted instance says at its end. */
export function evictedLines(name: string, instanceId: InstanceId): readonly string[] {
  return [
    `this instance (${name}, ${instanceId}) was evicted by an admin and can't take part in the pool again with this identity; a new one needs an empty data directory`,
  ];
}

/** What a new policy changes elsewhere in the machine. */
export interface PolicyActs {
  /** Sessions whose grant was revoked end; how many did. */
  revoked(): number;
  /** A member is gone: its jobs are settled. */
  gone(member: Member): void;
  /** This instance itself is evicted. */
  evicted(): void;
}

interface Offered {
  readonly sealed: Uint8Array;
  readonly ticket: Ticket | null;
}

/** Takes policies in, stores them before they count, and passes them on. One at a time: the next may be signed by admins of this one. */
export class PolicyKeeper {
  readonly #context: CoreContext;
  readonly #acts: PolicyActs;
  readonly #waiting: Offered[] = [];
  readonly #told = new Map<InstanceId, { readonly firstAtMs: number; lastAtMs: number }>();
  #writing: { readonly write: number; readonly policy: VerifiedPolicy; readonly ticket: Ticket | null } | undefined;

  /** A keeper over the context's book. */
  constructor(context: CoreContext, acts: PolicyActs) {
    this.#context = context;
    this.#acts = acts;
  }

  /** An admin's policy: refused with its reason, or stored, put in force and spread. */
  offered(sealed: Uint8Array, ticket: Ticket): void {
    this.#enqueue({ sealed, ticket });
  }

  /** Policies from another member, in the order in which they follow each other. */
  received(sealed: readonly Uint8Array[]): void {
    for (const one of sealed) this.#enqueue({ sealed: one, ticket: null });
  }

  /** A policy is on disk and takes effect. True if the write was one of ours. */
  stored(write: number): boolean {
    const writing = this.#writing;
    if (writing?.write !== write) return false;
    this.#writing = undefined;
    this.#takeEffect(writing.policy);
    if (writing.ticket !== null) this.#context.outbox.reply(writing.ticket, { kind: 'done' });
    this.#next();
    return true;
  }

  /** A policy could not be written: it does not count here. */
  storeFailed(write: number, reason: string): void {
    const writing = this.#writing;
    if (writing?.write !== write) return;
    this.#writing = undefined;
    this.#context.outbox.note('error', 'policy-not-stored', { reason, version: writing.policy.version });
    if (writing.ticket !== null)
      this.#context.outbox.reply(writing.ticket, { kind: 'refused', failure: failure('storage-failed', reason) });
    this.#next();
  }

  /** After a member's pulse: gives it what is in force if it holds an older or another policy. */
  pulsed(member: Member): void {
    const { policies } = this.#context;
    const held = member.pulse?.held;
    const version = held?.policyVersion ?? 0;
    if (held === undefined || version > policies.version) return;
    if (version < policies.version || (version > 0 && held.policyDigest !== policies.digest))
      this.tell(member.record.instanceId);
  }

  /** Sends everything that is in force, if there is anything. */
  tell(peer: InstanceId): void {
    const { policies, outbox } = this.#context;
    if (policies.version > 0) outbox.send(peer, { kind: 'policies', sealed: policies.chain });
  }

  /** Somebody who is evicted is there: it is told why, nothing it says is heard, and it is dropped. */
  turnAway(peer: InstanceId): void {
    const { now, outbox } = this.#context;
    const told = this.#told.get(peer);
    if (told !== undefined && now.atMs - told.lastAtMs < GREET_SPACING_MS) return;
    if (told === undefined) outbox.note('warn', 'evicted-turned-away', { instance: peer });
    this.#told.set(peer, { firstAtMs: told?.firstAtMs ?? now.atMs, lastAtMs: now.atMs });
    this.tell(peer);
    if (told !== undefined && now.atMs - told.firstAtMs >= FAREWELL_MS) outbox.push({ kind: 'disconnect', peer });
  }

  /** The link to an evicted instance is gone: the next one begins anew. */
  parted(peer: InstanceId): void {
    this.#told.delete(peer);
  }

  /** Drops evicted instances that did not end by themselves. */
  run(): void {
    const { now, outbox } = this.#context;
    for (const [peer, { firstAtMs }] of this.#told) {
      if (now.atMs - firstAtMs < FAREWELL_MS) continue;
      this.#told.delete(peer);
      outbox.push({ kind: 'disconnect', peer });
    }
  }

  /** When `run` has something to do. */
  dueAtMs(): number | undefined {
    let due: number | undefined;
    for (const { firstAtMs } of this.#told.values()) due = earliest(due, firstAtMs + FAREWELL_MS);
    return due;
  }

  #enqueue(offered: Offered): void {
    if (this.#waiting.length >= WAITING_MAX)
      return this.#refuse(offered, new GatewayError('declined', `${WAITING_MAX} policies wait, the most at once`));
    this.#waiting.push(offered);
    this.#next();
  }

  #next(): void {
    while (this.#writing === undefined) {
      const offered = this.#waiting.shift();
      if (offered === undefined) return;
      try {
        this.#take(offered);
      } catch (cause) {
        if (!(cause instanceof GatewayError)) throw cause;
        this.#refuse(offered, cause);
      }
    }
  }

  #take({ sealed, ticket }: Offered): void {
    const { policies, outbox, init } = this.#context;
    const policy = policies.verify(sealed, init.verify);
    const outcome = policies.compare(policy);
    if (outcome === 'known' && ticket !== null) outbox.reply(ticket, { kind: 'done' });
    if (outcome === 'known' || (outcome === 'older' && ticket === null)) return;
    if (outcome === 'older' || (outcome === 'sibling' && ticket !== null)) {
      throw new GatewayError(
        'policy-refused',
        `policy version ${policy.version} does not supersede version ${policies.version}, which is in force; sign version ${policies.version + 1}`,
      );
    }
    if (outcome === 'sibling')
      outbox.note('error', 'policy-equivocation', { version: policy.version, other: policy.digest });
    this.#writing = { write: outbox.store({ kind: 'policy', sealed, kept: policy.rotates }), policy, ticket };
  }

  #takeEffect(policy: VerifiedPolicy): void {
    const { policies, outbox, table } = this.#context;
    const revoked = new Set(policies.heads.flatMap((head) => head.revocations.map(({ subject }) => subject)));
    const before = { revoked, evicted: policies.evicted, admins: policies.authority.adminKeys.join() };
    const outcome = policies.apply(policy);
    if (outcome !== 'newer' && outcome !== 'sibling') return;
    const { version, revocations, evictions, sealed } = policy;
    const signedBy = policy.signedBy.join(' ');
    outbox.note('info', 'policy-applied', {
      version,
      revocations: revocations.length,
      evictions: evictions.length,
      signedBy,
    });
    const admins = policies.authority.adminKeys.join();
    if (admins !== before.admins) outbox.note('warn', 'admins-changed', { version, admins, signedBy });
    outbox.publish({ kind: 'policy', sealed });
    outbox.sendAll(directAudience(this.#context), { kind: 'policies', sealed: [sealed] });
    const sessionsEnded = this.#acts.revoked();
    for (const { subject } of revocations.filter((revocation) => !before.revoked.has(revocation.subject)))
      outbox.note('warn', 'grant-revoked', { grantId: subject, version, signedBy, sessionsEnded });
    const evicted = evictions.map(({ instanceId }) => instanceId).filter((id) => !before.evicted.has(id));
    if (evicted.length === 0) return;
    table.evict(policies.evicted);
    for (const instance of evicted) outbox.note('warn', 'instance-evicted', { instance, version, signedBy });
    for (const instance of evicted) this.#putOut(instance);
  }

  #putOut(instance: InstanceId): void {
    if (instance === this.#context.self) return this.#acts.evicted();
    const member = this.#context.table.get(instance);
    if (member === undefined) return;
    this.#acts.gone(member);
    this.turnAway(instance);
  }

  #refuse({ ticket }: Offered, cause: GatewayError): void {
    const { outbox } = this.#context;
    // From a member it is most often a policy whose predecessor has not come yet; that one is on its way.
    outbox.note(ticket === null ? 'debug' : 'warn', 'policy-refused', { reason: cause.message });
    if (ticket !== null) outbox.reply(ticket, { kind: 'refused', failure: failure(cause.code, cause.message) });
  }
}
