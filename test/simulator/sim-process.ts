import { assertNever } from '../../src/base/assert.ts';
import type { InstanceId } from '../../src/base/ids.ts';
import {
  createPoolMachine,
  type Effect,
  type Event,
  type GatewayFacts,
  type PoolInit,
  type PoolMachine,
  type Stored,
} from '../../src/core/index.ts';
import type { Disk } from './disk.ts';
import type { EventQueue } from './event-queue.ts';
import type { FaultCounts } from './fault-counts.ts';
import type { HostClock } from './host-clock.ts';
import type { Keyring } from './keys.ts';
import type { Link, Network, Node, Traffic } from './network.ts';
import type { Random } from './random.ts';
import { NOTHING_SEEN, type SelfSight, seeSelf } from './sight.ts';

/** What a process tells the world that runs it. */
export interface ProcessOwner {
  readonly queue: EventQueue;
  readonly network: Network;
  readonly faults: FaultCounts;
  now(): number;
  /** A link came up: the driver exchanges addresses and remembers them. */
  linked(process: SimProcess, peer: InstanceId): void;
  /** What the instance says of itself may have changed. */
  seen(process: SimProcess, before: SelfSight): void;
  effect(process: SimProcess, effect: Effect): void;
  ended(process: SimProcess): void;
}

/** How a process is started. */
export interface ProcessInit {
  readonly owner: ProcessOwner;
  readonly host: number;
  readonly name: string;
  readonly disk: Disk;
  readonly clock: HostClock;
  readonly random: Random;
  readonly keyring: Keyring;
  readonly gateway: GatewayFacts;
  readonly standby: boolean;
  readonly replaces: string | null;
  readonly budgetKib: number;
  readonly drainMs: number;
}

/** Longest a disk write takes. */
const WRITE_MS_MAX = 8;
/** How late timers fire at the most. */
const TIMER_LATE_MS_MAX = 3;
/** Wakeups within one simulated second beyond which the machine is spinning. */
const WAKEUPS_PER_SECOND_MAX = 2000;

/** One running gateway process: the real machine, with a driver that carries its effects out in the simulation. */
export class SimProcess implements Node {
  readonly host: number;
  readonly id: InstanceId;
  readonly name: string;
  readonly startId: string;
  readonly incarnation: number;
  readonly disk: Disk;
  readonly clock: HostClock;
  readonly machine: PoolMachine;
  readonly links = new Map<InstanceId, Link>();
  readonly traffic: Traffic = { sentBytes: 0, sentMessages: 0, receivedBytes: 0, receivedMessages: 0 };
  readonly standby: boolean;
  readonly replaces: string | null;
  /** Hosts whose address the driver knows. */
  readonly known = new Set<number>();
  /** Hosts of these that have not been dialled to an end yet. */
  readonly untried = new Set<number>();
  readonly dialling = new Set<number>();
  running = true;
  awake = true;
  /** Somebody told it to go. */
  dismissed = false;
  /** When it ended, Infinity while it runs. */
  endedAtMs = Number.POSITIVE_INFINITY;
  readonly startedAtMs: number;
  /** What the machine last said of itself. */
  sight: SelfSight = NOTHING_SEEN;
  /** Exit code and last words, once it has ended by itself. */
  exit: Extract<Effect, { kind: 'exit' }> | null = null;
  /** Until when writes fail. */
  diskFailsUntilMs = 0;
  /** Called once, when the next write is under way. */
  atNextWrite: (() => void) | null = null;
  /** Changes what a hostile process sends: it may also send more or nothing. */
  tamper: ((effect: Effect) => readonly Effect[]) | null = null;
  readonly #init: ProcessInit;
  readonly #held: Event[] = [];
  #wakeupAtMs = Number.POSITIVE_INFINITY;
  #writtenAtMs = 0;
  readonly #unwritten: Stored[] = [];
  #wakeups = { sinceMs: 0, count: 0 };

  constructor(init: ProcessInit) {
    const { disk, clock, random, gateway, keyring } = init;
    this.#init = init;
    this.host = init.host;
    this.name = init.name;
    this.disk = disk;
    this.clock = clock;
    this.id = disk.identity.id;
    this.standby = init.standby;
    this.replaces = init.replaces;
    this.startedAtMs = init.owner.now();
    disk.starts += 1;
    this.incarnation = disk.starts;
    this.startId = Buffer.from(random.bytes(16)).toString('hex');
    const timeMs = init.owner.now();
    const now = { atMs: clock.atMs(timeMs), unixMs: clock.unixMs(timeMs) };
    const machineInit: PoolInit = {
      identity: disk.identity,
      verify: keyring.verify,
      random: random.fork(1).uint32,
      startId: this.startId,
      incarnation: this.incarnation,
      gateway,
      self: {
        name: init.name,
        version: '0.0.0',
        platform: 'simulated',
        capabilities: ['tunnel', 'rotation'],
        labels: [],
        budgetKib: init.budgetKib,
        drainMs: init.drainMs,
      },
      standby: init.standby,
      replaces: init.replaces,
      remembered: disk.remembered(),
      cron: { latest: () => null, next: () => null },
    };
    this.machine = createPoolMachine(machineInit, now);
  }

  /** Something happens to the process; a frozen one learns of it later. */
  receive(event: Event): void {
    if (!this.running) return;
    if (event.kind === 'drain' || event.kind === 'leave') this.dismissed = true;
    if (this.awake) this.#step(event);
    else this.#held.push(event);
  }

  /** SIGSTOP. */
  freeze(): void {
    this.awake = false;
  }

  /** SIGCONT: timers or waiting messages come first, as the event loop happens to have it. */
  thaw(timersFirst: boolean): void {
    if (this.awake || !this.running) return;
    this.awake = true;
    if (timersFirst) this.#step({ kind: 'wakeup' });
    if (this.#held.length > 0) this.#init.owner.faults.count('pause');
    for (const event of this.#held.splice(0)) if (this.running) this.#step(event);
  }

  /** SIGKILL or power loss: nothing more happens here, writes under way are lost. */
  kill(): void {
    this.#end();
    if (this.#unwritten.length > 0) this.#init.owner.faults.count('write-lost-in-crash', this.#unwritten.length);
  }

  /** Looks at what the machine says of itself now. */
  look(): void {
    const before = this.sight;
    this.sight = seeSelf(this.machine, this.clock.atMs(this.#init.owner.now()));
    this.#init.owner.seen(this, before);
  }

  #end(): void {
    this.running = false;
    this.endedAtMs = this.#init.owner.now();
  }

  #step(event: Event): void {
    const timeMs = this.#init.owner.now();
    const effects = this.machine.step({ ...event, atMs: this.clock.atMs(timeMs), unixMs: this.clock.unixMs(timeMs) });
    if (event.kind === 'link-up') this.#init.owner.linked(this, event.peer);
    let changed = mayChangeSelf(event);
    for (const effect of effects) {
      changed ||= effect.kind === 'store' || effect.kind === 'publish' || effect.kind === 'note';
      this.#carryOut(effect);
    }
    if (changed) this.look();
    if (this.running) this.#planWakeup();
  }

  #carryOut(effect: Effect): void {
    for (const one of this.tamper?.(effect) ?? [effect]) this.#perform(one);
    this.#init.owner.effect(this, effect);
  }

  #perform(effect: Effect): void {
    const { owner } = this.#init;
    switch (effect.kind) {
      case 'send':
        return owner.network.send(this, effect.to, effect.bytes);
      case 'publish':
        return owner.network.publish(this, effect.bytes);
      case 'disconnect': {
        const link = this.links.get(effect.peer);
        if (link !== undefined) owner.network.close(link);
        return;
      }
      case 'store':
        return this.#write(effect.write, effect.what);
      case 'exit':
        this.exit = effect;
        // An orderly end waits for the disk.
        for (const what of this.#unwritten.splice(0)) this.disk.apply(what);
        this.#end();
        owner.ended(this);
        return;
      case 'reply':
      case 'run':
      case 'begin':
      case 'load-output':
      case 'cancel':
      case 'note':
        return;
      default:
        assertNever(effect);
    }
  }

  #write(write: number, what: Stored): void {
    const { owner, random } = this.#init;
    const nowMs = owner.now();
    const fails = nowMs < this.diskFailsUntilMs;
    // One queue of writes, as one writer thread has it: they reach the disk in order.
    this.#writtenAtMs = Math.max(this.#writtenAtMs, nowMs) + random.fraction() * WRITE_MS_MAX;
    if (!fails) this.#unwritten.push(what);
    const atWrite = this.atNextWrite;
    this.atNextWrite = null;
    if (atWrite !== null) owner.queue.push(nowMs, atWrite);
    owner.queue.push(this.#writtenAtMs, () => {
      if (!this.running) return;
      if (fails) {
        owner.faults.count('disk-failure');
        return this.receive({ kind: 'store-failed', write, reason: 'no space left on device' });
      }
      this.#unwritten.shift();
      this.disk.apply(what);
      this.receive({ kind: 'stored', write });
    });
  }

  #planWakeup(): void {
    const { owner, random } = this.#init;
    const wantedAtMs = this.machine.nextWakeupAtMs();
    if (wantedAtMs === undefined) return;
    const nowMs = owner.now();
    const due = Math.max(nowMs + 1, this.clock.timeOf(wantedAtMs));
    if (this.#wakeupAtMs > nowMs && this.#wakeupAtMs <= due + TIMER_LATE_MS_MAX) return;
    const atMs = due + random.fraction() * TIMER_LATE_MS_MAX;
    this.#wakeupAtMs = atMs;
    owner.queue.push(atMs, () => {
      if (!this.running || this.#wakeupAtMs !== atMs) return;
      this.#wakeupAtMs = Number.POSITIVE_INFINITY;
      this.#countWakeup(atMs);
      // A frozen process has its timers when it thaws: `thaw` or the next message steps it.
      if (this.awake) this.#step({ kind: 'wakeup' });
      else if (!this.#held.some(({ kind }) => kind === 'wakeup')) this.#held.push({ kind: 'wakeup' });
    });
  }

  #countWakeup(atMs: number): void {
    if (atMs - this.#wakeups.sinceMs > 1000) this.#wakeups = { sinceMs: atMs, count: 0 };
    this.#wakeups.count += 1;
    if (this.#wakeups.count > WAKEUPS_PER_SECOND_MAX)
      throw new Error(`${this.name} wakes more than ${WAKEUPS_PER_SECOND_MAX} times a second`);
  }
}

/** Inputs after which an instance may think differently of itself without telling anybody. */
function mayChangeSelf({ kind }: Event): boolean {
  return kind === 'start' || kind === 'stored' || kind === 'store-failed' || kind === 'drain' || kind === 'leave';
}
