import { compareIds, type InstanceId } from '../../base/ids.ts';
import { open, seal } from '../../wire/sealed.ts';
import { type Suspicion, suspicionSeal } from '../../wire/suspicion.ts';
import { type CoreContext, directAudience, liveOthers } from '../core-context.ts';
import {
  AWARENESS_MAX,
  INDIRECT_HELPERS,
  INDIRECT_TIMEOUT_MS,
  LAG_NOTICED_MS,
  PAUSE_MS,
  PROBE_INTERVAL_MS,
  PROBE_SPARED_MS,
  PROBE_TARGETS,
  PROBE_TIMEOUT_MS,
  SUSPICION_CONFIRMATIONS,
  SUSPICION_MAX_MS,
  SUSPICION_MIN_MS,
} from '../timing.ts';
import { isLive, type Member } from './member-table.ts';

/** A question whether a member lives. */
interface Probe {
  readonly target: InstanceId;
  phase: 'direct' | 'repeated' | 'indirect';
  dueAtMs: number;
  /** Who asked us to probe, if it was not our own idea. */
  readonly onBehalfOf: { readonly asker: InstanceId; readonly nonce: number } | null;
}

/** A member believed to be gone, and who says so. */
interface Case {
  readonly accusers: Set<InstanceId>;
  readonly sinceMs: number;
  /** The member as it was known then: anything newer of its own refutes. */
  readonly incarnation: number;
  readonly recordSequence: number;
  readonly pulseSequence: number;
}

const NONCE_MAX = 0xffff_ffff;
/** Questions open at once. */
const PROBES_MAX = 1024;

/**
 * Failure detection: SWIM's probes (Das et al. 2002) with Lifeguard's two lessons (Dadgar et al. 2018): an instance that was itself held up
 * trusts its suspicions less, and independent accusers shorten the time a suspect has for refuting. A suspicion is hearsay; every instance
 * declares a death for itself.
 */
export class Detector {
  readonly #context: CoreContext;
  readonly #probes = new Map<number, Probe>();
  readonly #cases = new Map<InstanceId, Case>();
  #ring: InstanceId[] = [];
  #nonce = 0;
  #nextRoundAtMs: number | undefined;
  #awareness = 0;

  /** A detector that knows nobody yet. */
  constructor(context: CoreContext) {
    this.#context = context;
  }

  /** Called first in every step with how much later than wanted the machine was woken. */
  held(lateMs: number): void {
    if (lateMs >= PAUSE_MS) this.#forgive();
    if (lateMs >= LAG_NOTICED_MS)
      this.#awareness = Math.min(AWARENESS_MAX, this.#awareness + Math.ceil(lateMs / PROBE_INTERVAL_MS));
  }

  /** Carries on what is due; returns who was declared dead just now. */
  run(): readonly Member[] {
    const { atMs } = this.#context.now;
    for (const [nonce, probe] of this.#probes) if (probe.dueAtMs <= atMs) this.#advance(nonce, probe);
    if (this.#nextRoundAtMs === undefined || this.#nextRoundAtMs <= atMs) this.#round();
    return this.#verdicts();
  }

  /** When `run` has something to do. */
  dueAtMs(): number {
    let due = this.#nextRoundAtMs ?? this.#context.now.atMs;
    for (const probe of this.#probes.values()) due = Math.min(due, probe.dueAtMs);
    for (const open of this.#cases.values()) due = Math.min(due, this.#deadline(open));
    return due;
  }

  /** The member said something itself: it lives. */
  heard(member: Member): void {
    const { now, table, outbox } = this.#context;
    member.heardAtMs = now.atMs;
    this.#cases.delete(member.record.instanceId);
    if (table.judge(member, 'alive', now.atMs))
      outbox.note('info', 'member-alive', { instance: member.record.instanceId });
  }

  /** The member sent something over its link: as good as an answered probe. */
  told(member: Member): void {
    member.toldAtMs = this.#context.now.atMs;
    this.heard(member);
  }

  /** A probe of ours, or one we made for somebody, was answered. */
  acked(nonce: number, from: InstanceId): void {
    const probe = this.#probes.get(nonce);
    if (probe === undefined) return;
    const { table, outbox } = this.#context;
    if (from !== probe.target && probe.phase !== 'indirect') return;
    this.#probes.delete(nonce);
    const member = table.get(probe.target);
    if (member !== undefined) this.heard(member);
    if (probe.onBehalfOf !== null)
      outbox.send(probe.onBehalfOf.asker, { kind: 'probe-ack', nonce: probe.onBehalfOf.nonce });
  }

  /** Somebody cannot reach `target` and asks us to try. */
  help(asker: InstanceId, nonce: number, target: InstanceId): void {
    if (target === this.#context.self || this.#probes.size >= PROBES_MAX) return;
    this.#probe(target, { asker, nonce });
  }

  /** The connection to a member closed: no death, but the reason to ask around at once. */
  linkLost(peer: InstanceId): void {
    const member = this.#context.table.get(peer);
    if (member === undefined || !isLive(member) || peer === this.#context.self) return;
    const nonce = this.#probe(peer, null);
    const probe = this.#probes.get(nonce);
    if (probe !== undefined) this.#askOthers(nonce, probe);
  }

  /** Takes in somebody's suspicion. True if it is this instance that is suspected: the caller refutes. */
  accused(sealed: Uint8Array): boolean {
    const { value: suspicion, signers } = open(suspicionSeal, sealed, this.#context.init.verify);
    const accuser = this.#context.table.get(suspicion.accuser);
    if (!signers.includes(suspicion.accuser) || accuser === undefined || !isLive(accuser)) return false;
    if (suspicion.accused === this.#context.self) return suspicion.incarnation === this.#context.own.record.incarnation;
    const member = this.#context.table.get(suspicion.accused);
    if (member === undefined || !isLive(member) || this.#knowsBetter(member, suspicion)) return false;
    this.#suspect(member, suspicion.accuser);
    this.#ask(member);
    return false;
  }

  /** After a member's record or pulse was taken in: closes its case if that is newer than the accusation. */
  refuted(member: Member): void {
    const open = this.#cases.get(member.record.instanceId);
    if (open === undefined && member.opinion === 'alive') return;
    const newer =
      open === undefined ||
      member.record.incarnation > open.incarnation ||
      member.record.sequence > open.recordSequence ||
      (member.pulse?.sequence ?? 0) > open.pulseSequence;
    if (newer) this.heard(member);
  }

  /** Hearsay is checked: the suspect's refutation may be lost on its way, an answer to a question of our own is asked for again. */
  #ask({ linked, record }: Member): void {
    const asked = [...this.#probes.values()].some(({ target }) => target === record.instanceId);
    if (linked && !asked && this.#probes.size < PROBES_MAX) this.#probe(record.instanceId, null);
  }

  #round(): void {
    const { atMs } = this.#context.now;
    this.#nextRoundAtMs = atMs + PROBE_INTERVAL_MS;
    this.#awareness = Math.max(0, this.#awareness - 1);
    const others = liveOthers(this.#context);
    const busy = new Set(
      [...this.#probes.values()].filter(({ onBehalfOf }) => onBehalfOf === null).map(({ target }) => target),
    );
    for (const id of others)
      if (atMs - (this.#context.table.get(id)?.toldAtMs ?? Number.NEGATIVE_INFINITY) < PROBE_SPARED_MS) busy.add(id);
    const wanted = Math.min(PROBE_TARGETS, others.length);
    for (let taken = 0, tries = 0; taken < wanted && tries < others.length + this.#ring.length + 1; tries++) {
      const target = this.#nextInRing(others);
      if (target === undefined) return;
      if (busy.has(target)) continue;
      busy.add(target);
      this.#probe(target, null);
      taken += 1;
    }
  }

  /** Everyone once in random order before anyone twice (SWIM §4.3): a bound on the time until a member is probed. */
  #nextInRing(others: readonly InstanceId[]): InstanceId | undefined {
    const { table } = this.#context;
    for (;;) {
      const target = this.#ring.pop();
      if (target === undefined) break;
      const member = table.get(target);
      if (member !== undefined && isLive(member)) return target;
    }
    this.#ring = shuffled(others, this.#context.init.random);
    return this.#ring.pop();
  }

  #probe(target: InstanceId, onBehalfOf: Probe['onBehalfOf']): number {
    this.#nonce = this.#nonce >= NONCE_MAX ? 1 : this.#nonce + 1;
    const dueAtMs = this.#context.now.atMs + this.#stretch(PROBE_TIMEOUT_MS / 2);
    this.#probes.set(this.#nonce, { target, phase: 'direct', dueAtMs, onBehalfOf });
    this.#context.outbox.send(target, { kind: 'probe', nonce: this.#nonce });
    return this.#nonce;
  }

  #advance(nonce: number, probe: Probe): void {
    if (probe.phase === 'direct') {
      probe.phase = 'repeated';
      probe.dueAtMs = this.#context.now.atMs + this.#stretch(PROBE_TIMEOUT_MS / 2);
      this.#context.outbox.send(probe.target, { kind: 'probe', nonce });
      return;
    }
    if (probe.onBehalfOf !== null || probe.phase === 'indirect') {
      this.#probes.delete(nonce);
      if (probe.onBehalfOf === null) this.#unreachable(probe.target);
      return;
    }
    this.#askOthers(nonce, probe);
  }

  #askOthers(nonce: number, probe: Probe): void {
    const { table, init, outbox, now } = this.#context;
    const helpers = liveOthers(this.#context).filter((id) => id !== probe.target && table.get(id)?.opinion === 'alive');
    probe.phase = 'indirect';
    probe.dueAtMs = now.atMs + this.#stretch(INDIRECT_TIMEOUT_MS);
    const asked = shuffled(helpers, init.random).slice(0, INDIRECT_HELPERS);
    outbox.sendAll(asked, { kind: 'probe-request', nonce, target: probe.target });
  }

  #unreachable(target: InstanceId): void {
    const { table, self, init, outbox } = this.#context;
    const member = table.get(target);
    if (member === undefined || !isLive(member)) return;
    const suspicion: Suspicion = {
      accuser: self,
      accused: target,
      incarnation: member.record.incarnation,
      recordSequence: member.record.sequence,
      pulseSequence: member.pulse?.sequence ?? 0,
    };
    const sealed = seal(suspicionSeal, suspicion, [init.identity]);
    outbox.publish({ kind: 'suspicion', sealed });
    outbox.sendAll([target, ...directAudience(this.#context).filter((id) => id !== target)], {
      kind: 'suspicion',
      sealed,
    });
    this.#suspect(member, self);
  }

  #suspect(member: Member, accuser: InstanceId): void {
    const { table, now, outbox } = this.#context;
    const id = member.record.instanceId;
    const open = this.#cases.get(id);
    if (open !== undefined) {
      open.accusers.add(accuser);
      return;
    }
    this.#cases.set(id, {
      accusers: new Set([accuser]),
      sinceMs: now.atMs,
      incarnation: member.record.incarnation,
      recordSequence: member.record.sequence,
      pulseSequence: member.pulse?.sequence ?? 0,
    });
    if (table.judge(member, 'suspect', now.atMs)) outbox.note('info', 'member-suspect', { instance: id, accuser });
  }

  #verdicts(): readonly Member[] {
    const { table, now, outbox } = this.#context;
    const dead: Member[] = [];
    for (const [id, open] of [...this.#cases]) {
      const member = table.get(id);
      if (member === undefined || !isLive(member)) this.#cases.delete(id);
      else if (this.#deadline(open) <= now.atMs) {
        this.#cases.delete(id);
        if (table.judge(member, 'dead', now.atMs)) dead.push(member);
        outbox.note('warn', 'member-dead', {
          instance: id,
          name: member.record.name,
          silentMs: now.atMs - member.heardAtMs,
        });
        outbox.push({ kind: 'disconnect', peer: id });
      }
    }
    return dead;
  }

  #deadline(open: Case): number {
    // Everybody alive but this instance and the suspect.
    const couldConfirm = Math.max(0, this.#context.table.live().length - 2);
    const expected = Math.min(SUSPICION_CONFIRMATIONS, couldConfirm);
    return open.sinceMs + this.#stretch(suspicionMs(open.accusers.size - 1, expected));
  }

  #stretch(durationMs: number): number {
    return Math.round(durationMs * (1 + this.#awareness / 2));
  }

  #knowsBetter(member: Member, suspicion: Suspicion): boolean {
    if (member.record.incarnation !== suspicion.incarnation) return member.record.incarnation > suspicion.incarnation;
    return member.record.sequence > suspicion.recordSequence || (member.pulse?.sequence ?? 0) > suspicion.pulseSequence;
  }

  /** After a pause of this process: what it failed to hear is no evidence against anybody. */
  #forgive(): void {
    const { table, now, outbox } = this.#context;
    outbox.note('warn', 'process-paused', {});
    this.#probes.clear();
    this.#cases.clear();
    for (const member of table.all()) if (member.opinion === 'suspect') table.judge(member, 'alive', now.atMs);
    this.#nextRoundAtMs = now.atMs + PROBE_INTERVAL_MS;
  }
}

/** Time a suspect has, after so many confirmations of the expected number (memberlist's formula, Lifeguard §IV-B). Pure. */
export function suspicionMs(confirmations: number, expected: number): number {
  if (expected <= 0) return SUSPICION_MIN_MS + (SUSPICION_MAX_MS - SUSPICION_MIN_MS) / 4;
  const share = Math.log(confirmations + 1) / Math.log(expected + 1);
  return Math.max(SUSPICION_MIN_MS, Math.round(SUSPICION_MAX_MS - (SUSPICION_MAX_MS - SUSPICION_MIN_MS) * share));
}

/** The ids in an order that depends on nothing but the random numbers. */
export function shuffled(ids: readonly InstanceId[], random: () => number): InstanceId[] {
  const list = [...ids].sort(compareIds);
  for (let index = list.length - 1; index > 0; index--) {
    const other = random() % (index + 1);
    const [left, right] = [list[index], list[other]];
    if (left !== undefined && right !== undefined) [list[index], list[other]] = [right, left];
  }
  return list;
}
