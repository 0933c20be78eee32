import type { InstanceId } from '../../../src/base/ids.ts';
import { createPoolMachine, type Effect, type Event, type PoolMachine } from '../../../src/core/index.ts';
import { decode } from '../../../src/wire/codec.ts';
import { type Direct, directCodec } from '../../../src/wire/mesh-message.ts';
import { Disk } from '../disk.ts';
import { EPOCH_UNIX_MS } from '../host-clock.ts';
import { createStandInKeyring, type Keyring } from '../keys.ts';
import { Operator } from '../operator.ts';
import { Random } from '../random.ts';
import { holdsSeat, NOTHING_SEEN, type SelfSight, seeSelf } from '../sight.ts';

/** How a small world begins. */
export interface Situation {
  readonly name: string;
  readonly maxInstances: number;
  /** When and how each instance starts. */
  readonly instances: readonly {
    readonly startMs: number;
    readonly standby: boolean;
    readonly replaces: number | null;
  }[];
  /** Alternatives are explored from here to there; before and after, everything takes its usual course. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** What may happen once, at any moment in between. */
  readonly mayHappen: readonly Happening[];
}

/** Something that happens at any one moment of the explored time. */
export type Happening =
  | { readonly kind: 'crash'; readonly instance: number; readonly returns: boolean }
  | { readonly kind: 'leave'; readonly instance: number }
  | { readonly kind: 'limit'; readonly maxInstances: number; readonly instance: number };

/** One possible next event. The first of `SmallWorld.choices` is what happens usually. */
export type Choice =
  | { readonly kind: 'deliver'; readonly channel: number }
  | { readonly kind: 'lose'; readonly channel: number }
  | { readonly kind: 'wake'; readonly instance: number }
  | { readonly kind: 'happen'; readonly index: number };

interface Message {
  readonly event: Event;
  readonly sentMs: number;
  readonly order: number;
  readonly hash: number;
  /** Its place among others never decides anything: not worth exploring. */
  readonly dull: boolean;
}

interface Instance {
  readonly disk: Disk;
  machine: PoolMachine | null;
  wakeupMs: number;
  sight: SelfSight;
  ended: Extract<Effect, { kind: 'exit' }> | null;
  /** Stands for everything that has happened to it: the machine is deterministic. */
  hash: number;
}

/** A message is under way for this long at the most while others overtake it. */
const OVERTAKEN_MS_MAX = 300;
const RETURN_MS = 700;
const DULL = new Set<Direct['kind']>([
  'probe',
  'probe-ack',
  'pulse',
  'records-compare',
  'records-batch',
  'credentials-compare',
  'holdings',
  'holdings-want',
  'credentials-batch',
  'edition-put',
  'edition-held',
  'load-query',
  'load-answer',
]);

/** Two to four instances of the real core, with every event a choice. Links are FIFO; gossip, which only repeats what links carry, is left out. */
export class SmallWorld {
  nowMs = 0;
  readonly instances: readonly Instance[];
  readonly #situation: Situation;
  readonly #operator: Operator;
  readonly #keyring: Keyring;
  readonly #channels: Message[][];
  readonly #happened = new Set<number>();
  readonly #planned: { readonly atMs: number; readonly run: () => void }[] = [];
  #order = 0;

  constructor(situation: Situation) {
    this.#situation = situation;
    const random = new Random(1);
    this.#keyring = createStandInKeyring();
    this.#operator = new Operator(this.#keyring, random.fork(1), {
      maxInstances: situation.maxInstances,
      now: () => this.nowMs,
    });
    this.instances = situation.instances.map((_, index) => ({
      disk: new Disk(this.#keyring.make(random.fork(10 + index))),
      machine: null,
      wakeupMs: Number.POSITIVE_INFINITY,
      sight: NOTHING_SEEN,
      ended: null,
      hash: 0,
    }));
    this.#channels = Array.from({ length: situation.instances.length ** 2 }, () => []);
    for (const [index, { startMs }] of situation.instances.entries()) this.#plan(startMs, () => this.#start(index));
  }

  /** Whether alternatives count now. */
  get isExplored(): boolean {
    return this.nowMs >= this.#situation.fromMs && this.nowMs < this.#situation.untilMs;
  }

  /** Everything that could happen next, the usual first; empty when the world stands still. */
  choices(): readonly Choice[] {
    const nextMs = this.#nextMs();
    const waiting = this.#channels.flatMap((channel, index) =>
      channel[0] === undefined ? [] : [{ head: channel[0], index }],
    );
    waiting.sort((a, b) => a.head.order - b.head.order);
    const choices: Choice[] = [];
    for (const { index } of waiting) choices.push({ kind: 'deliver', channel: index });
    const oldestMs = waiting[0]?.head.sentMs ?? Number.POSITIVE_INFINITY;
    if (nextMs < Number.POSITIVE_INFINITY && nextMs - oldestMs <= OVERTAKEN_MS_MAX) {
      for (const [instance, { wakeupMs }] of this.instances.entries())
        if (wakeupMs <= nextMs) choices.push({ kind: 'wake', instance });
    }
    // Unless something is due, the oldest message comes; a planned start is an event of its own.
    if (choices.length === 0 && nextMs < Number.POSITIVE_INFINITY) choices.push({ kind: 'wake', instance: -1 });
    if (!this.isExplored) return choices.slice(0, 1);
    const explored = choices.filter(
      (choice, index) =>
        index === 0 || choice.kind !== 'deliver' || this.#channels[choice.channel]?.[0]?.dull === false,
    );
    for (const { index, head } of waiting) {
      if (head.event.kind === 'direct' && !head.dull) explored.push({ kind: 'lose', channel: index });
    }
    for (const [index] of this.#situation.mayHappen.entries())
      if (!this.#happened.has(index)) explored.push({ kind: 'happen', index });
    return explored;
  }

  /** Lets one of the choices happen. */
  apply(choice: Choice): void {
    switch (choice.kind) {
      case 'deliver': {
        const message = this.#channels[choice.channel]?.shift();
        if (message !== undefined) this.#step(choice.channel % this.instances.length, message.event, message.hash);
        return;
      }
      case 'lose':
        this.#channels[choice.channel]?.shift();
        return;
      case 'wake':
        return this.#wake(choice.instance);
      case 'happen':
        return this.#happen(choice.index);
    }
  }

  /** Equal for two worlds in the same state, whatever way led there. */
  key(): string {
    const inFlight = this.#channels.map((channel) => channel.reduce((sum, { hash }) => mix(sum, hash), channel.length));
    const instances = this.instances.map(({ hash, machine }) => `${hash}${machine === null ? 'x' : ''}`);
    return `${this.nowMs};${instances.join()};${inFlight.join()};${[...this.#happened].sort().join()}`;
  }

  /** Seats held now. */
  holders(): readonly number[] {
    return this.instances.flatMap(({ machine, sight }, index) => (machine !== null && holdsSeat(sight) ? [index] : []));
  }

  /** The limits there have been. */
  get limits(): readonly { readonly version: number; readonly maxInstances: number }[] {
    return this.#operator.limits.map(({ limit }) => limit);
  }

  #nextMs(): number {
    const wakeups = this.instances.map(({ wakeupMs }) => wakeupMs);
    return Math.min(...wakeups, ...this.#planned.map(({ atMs }) => atMs));
  }

  #wake(instance: number): void {
    this.nowMs = Math.max(this.nowMs, this.#nextMs());
    const due = this.#planned.findIndex(({ atMs }) => atMs <= this.nowMs);
    if (due >= 0) return this.#planned.splice(due, 1)[0]?.run();
    if (instance >= 0) this.#step(instance, { kind: 'wakeup' }, 1);
  }

  #happen(index: number): void {
    const what = this.#situation.mayHappen[index];
    this.#happened.add(index);
    if (what === undefined) return;
    if (what.kind === 'leave') return this.#step(what.instance, { kind: 'leave', reason: 'told to' }, 3);
    if (what.kind === 'crash') {
      this.#gone(what.instance);
      if (what.returns) this.#plan(this.nowMs + RETURN_MS, () => this.#start(what.instance));
      return;
    }
    const issuedUnixMs = EPOCH_UNIX_MS + this.nowMs;
    const sealed = this.#operator.sign({ maxInstances: what.maxInstances, issuedUnixMs, expiresUnixMs: null });
    this.#step(what.instance, { kind: 'offer-limit', sealed, ticket: 1 }, 4);
  }

  #start(index: number): void {
    const instance = this.instances[index];
    const settings = this.#situation.instances[index];
    if (instance === undefined || settings === undefined) return;
    const { disk } = instance;
    disk.starts += 1;
    const random = new Random(index + 1, disk.starts);
    const replaced = settings.replaces === null || disk.starts > 1 ? undefined : this.instances[settings.replaces];
    const name = `g${index}`;
    instance.machine = createPoolMachine(
      {
        identity: disk.identity,
        verify: this.#keyring.verify,
        random: random.uint32,
        startId: Buffer.from(random.bytes(16)).toString('hex'),
        incarnation: disk.starts,
        gateway: this.#operator.gateway,
        self: { name, version: '0', platform: 'small', capabilities: [], labels: [], budgetKib: 1024, drainMs: 0 },
        standby: settings.standby,
        replaces: replaced?.disk.identity.id ?? null,
        remembered: disk.remembered(),
        cron: { latest: () => null, next: () => null },
      },
      { atMs: this.nowMs, unixMs: EPOCH_UNIX_MS + this.nowMs },
    );
    this.#step(index, { kind: 'start', search: 'addresses-known' }, 5);
    for (const [other, { machine }] of this.instances.entries()) {
      if (other === index || machine === null) continue;
      this.#send(index, other, { kind: 'link-up', peer: disk.identity.id });
      this.#send(other, index, { kind: 'link-up', peer: this.#id(other) });
    }
  }

  #gone(index: number): void {
    const instance = this.instances[index];
    if (instance === undefined) return;
    instance.machine = null;
    instance.wakeupMs = Number.POSITIVE_INFINITY;
    for (const [other, { machine }] of this.instances.entries()) {
      if (other === index) continue;
      this.#channel(other, index).length = 0;
      if (machine !== null) this.#send(index, other, { kind: 'link-down', peer: this.#id(index) });
    }
  }

  #step(index: number, event: Event, hash: number): void {
    const instance = this.instances[index];
    if (instance === undefined || instance.machine === null) return;
    instance.hash = mix(mix(instance.hash, hash), this.nowMs);
    const effects = instance.machine.step({ ...event, atMs: this.nowMs, unixMs: EPOCH_UNIX_MS + this.nowMs });
    instance.wakeupMs = instance.machine.nextWakeupAtMs() ?? Number.POSITIVE_INFINITY;
    // A timer never fires in the same moment again.
    if (event.kind === 'wakeup') instance.wakeupMs = Math.max(instance.wakeupMs, this.nowMs + 1);
    if (effects.some(({ kind }) => kind === 'publish' || kind === 'store' || kind === 'exit')) {
      instance.sight = seeSelf(instance.machine, this.nowMs);
    }
    for (const effect of effects) this.#carryOut(index, effect);
  }

  #carryOut(index: number, effect: Effect): void {
    const instance = this.instances[index];
    if (instance === undefined) return;
    if (effect.kind === 'send') {
      const to = this.instances.findIndex(({ disk }) => disk.identity.id === effect.to);
      if (to >= 0 && this.instances[to]?.machine !== null)
        this.#send(index, to, { kind: 'direct', from: this.#id(index), bytes: effect.bytes });
    }
    if (effect.kind === 'store') {
      instance.disk.apply(effect.what);
      this.#step(index, { kind: 'stored', write: effect.write }, 6);
    }
    if (effect.kind === 'exit') {
      instance.ended = effect;
      this.#gone(index);
    }
  }

  #send(from: number, to: number, event: Event): void {
    const bytes = event.kind === 'direct' ? event.bytes : undefined;
    const hash = bytes === undefined ? (event.kind === 'link-up' ? 7 : 8) : hashOf(bytes);
    const dull = bytes !== undefined && this.isExplored && DULL.has(decode(directCodec, bytes, bytes.length).kind);
    this.#channel(from, to).push({ event, sentMs: this.nowMs, order: this.#order++, hash, dull });
  }

  #channel(from: number, to: number): Message[] {
    return this.#channels[from * this.instances.length + to] ?? [];
  }

  #id(index: number): InstanceId {
    const instance = this.instances[index];
    if (instance === undefined) throw new Error(`no instance ${index}`);
    return instance.disk.identity.id;
  }

  #plan(atMs: number, run: () => void): void {
    this.#planned.push({ atMs, run });
    this.#planned.sort((a, b) => a.atMs - b.atMs);
  }
}

/** 52 bits of hash in a double: enough to tell some million states apart. */
function mix(sum: number, value: number): number {
  const low = Math.imul((sum % 0x4000000) ^ (value % 0x100000000), 0x9e3779b1) >>> 0;
  const high =
    Math.imul(Math.floor(sum / 0x4000000) ^ low ^ (Math.floor(value / 0x100000000) + 0x85eb), 0xc2b2ae35) >>> 6;
  return high * 0x4000000 + (low >>> 6);
}

function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  let other = 0x1234567;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    hash = Math.imul(hash ^ byte, 0x01000193);
    other = Math.imul(other ^ byte, 0x85ebca6b) ^ (other >>> 13);
  }
  return (other >>> 12) * 0x100000000 + (hash >>> 0);
}
