import type { Held, LoadSample, Pulse } from '../../wire/pulse.ts';
import { pulseSeal } from '../../wire/pulse.ts';
import { open, seal } from '../../wire/sealed.ts';
import { type CoreContext, wholeAudience } from '../core-context.ts';
import { JOB_NEWS_MS, PULSE_INTERVAL_MS, PULSE_SPACING_MS, PULSES_PER_SECOND } from '../timing.ts';
import { compareVersions, type Member } from './member-table.ts';

/** What a pulse tells of this instance, handed in by the parts that know it. */
export interface PulseSources {
  load(): LoadSample;
  /** The same object as long as nothing in it changes. */
  held(): Held;
  /** Number of the last batch of job news. */
  news(): number;
}

/** Time between two pulses of each instance in a pool of this size: what everyone receives stays bounded. */
export function pulseIntervalMs(members: number): number {
  return Math.max(PULSE_INTERVAL_MS, Math.ceil((members * 1000) / PULSES_PER_SECOND));
}

/** Least time between two pulses that a change causes. */
function pulseSpacingMs(members: number): number {
  return Math.max(PULSE_SPACING_MS, Math.ceil((members * PULSE_SPACING_MS) / 10));
}

/** Sends this instance's pulses and takes in those of others. */
export class Pulses {
  readonly #context: CoreContext;
  readonly #sources: PulseSources;
  #sequence = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #sentLoadNumber = -1;
  #sentHeld: Held | undefined;
  #loadChangedAtMs: number | undefined;

  /** `sources` are asked whenever a pulse goes out. */
  constructor(context: CoreContext, sources: PulseSources) {
    this.#context = context;
    this.#sources = sources;
  }

  /** Sends a pulse when it is time or when something that others act on changed. */
  run(): void {
    const { now, outbox, own, self, init } = this.#context;
    if (this.dueAtMs() > now.atMs) return;
    const load = this.#sources.load();
    const held = this.#sources.held();
    this.#sequence += 1;
    this.#sentAtMs = now.atMs;
    this.#sentLoadNumber = load.number;
    this.#sentHeld = held;
    this.#loadChangedAtMs = undefined;
    const { incarnation, sequence } = own.record;
    const pulse: Pulse = {
      instanceId: self,
      incarnation,
      sequence: this.#sequence,
      recordSequence: sequence,
      load,
      held,
      newsNumber: this.#sources.news(),
    };
    const sealed = seal(pulseSeal, pulse, [init.identity]);
    const audience = wholeAudience(this.#context);
    if (audience.length > 0) outbox.sendAll(audience, { kind: 'pulse', sealed });
    else outbox.publish({ kind: 'pulse', sealed });
  }

  /** When the next pulse is due. */
  dueAtMs(): number {
    const size = this.#context.table.live().length;
    if (this.#sources.held() !== this.#sentHeld) return this.#sentAtMs + pulseSpacingMs(size);
    const regularAtMs = this.#sentAtMs + pulseIntervalMs(size);
    if (this.#sources.load().number === this.#sentLoadNumber) {
      this.#loadChangedAtMs = undefined;
      return regularAtMs;
    }
    // Told with the news of the job that changed it, in one write: an entry knows what it has placed itself.
    this.#loadChangedAtMs ??= this.#context.now.atMs;
    return Math.min(regularAtMs, Math.max(this.#sentAtMs + pulseSpacingMs(size), this.#loadChangedAtMs + JOB_NEWS_MS));
  }

  /** Takes in a pulse; the member if it was news, undefined for an old, unknown or forged one. */
  take(sealed: Uint8Array): Member | undefined {
    const { value: pulse, signers } = open(pulseSeal, sealed, this.#context.init.verify);
    if (!signers.includes(pulse.instanceId) || pulse.instanceId === this.#context.self) return undefined;
    const member = this.#context.table.get(pulse.instanceId);
    if (member === undefined || pulse.incarnation !== member.record.incarnation) return undefined;
    if (member.pulse !== null && pulse.sequence <= member.pulse.sequence) return undefined;
    member.pulse = pulse;
    member.heardAtMs = this.#context.now.atMs;
    takeLoad(member, pulse.load);
    return member;
  }
}

/** Keeps the newer of the known and a reported load sample. */
export function takeLoad(member: Member, load: LoadSample): void {
  if (member.load === null || load.number > member.load.number) member.load = load;
}

/** True when the member's pulse names a record that is newer than the one held. */
export function recordMissing(member: Member): boolean {
  const { pulse, record } = member;
  if (pulse === null) return false;
  return compareVersions({ incarnation: pulse.incarnation, sequence: pulse.recordSequence }, record) > 0;
}
