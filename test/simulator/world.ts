import type { InstanceId } from '../../src/base/ids.ts';
import type { Effect, Event, Reply } from '../../src/core/index.ts';
import type { Seat } from '../../src/wire/member-record.ts';
import type { Checker, MakeChecker } from './checker.ts';
import { Clients } from './clients.ts';
import { breaksPromises, CALM } from './conditions.ts';
import { Contact } from './contact.ts';
import { Disk } from './disk.ts';
import { EventQueue } from './event-queue.ts';
import { FaultCounts } from './fault-counts.ts';
import { formatDirect, formatGossip } from './format-message.ts';
import { HostClock } from './host-clock.ts';
import { createStandInKeyring, type Keyring } from './keys.ts';
import { Network } from './network.ts';
import { Operator } from './operator.ts';
import type { Cut } from './partitions.ts';
import { type Act, hostsOf, type Plan } from './plan.ts';
import { Random } from './random.ts';
import type { SelfSight } from './sight.ts';
import { type ProcessOwner, SimProcess } from './sim-process.ts';

/** A machine that processes run on, one at a time. */
export interface Host {
  readonly number: number;
  readonly name: string;
  readonly clock: HostClock;
  disk: Disk;
  process: SimProcess | undefined;
}

/** What a process is started with, beside its host. */
export type StartOptions = Pick<Extract<Act, { kind: 'start' }>, 'standby'> & { readonly replaces: string | null };

/** Answer to a request: the machine's reply or, for a session, that it may run. */
export type Answer = Reply | Extract<Effect, { kind: 'run' }>;

/** What a world is made of, beside its plan. */
export interface WorldInit {
  readonly plan: Plan;
  readonly checkers: readonly MakeChecker[];
  readonly keyring?: Keyring;
  readonly budgetKib?: number;
  /** Addresses in the configuration at the most: a large pool does not name all its hosts. */
  readonly bootstrapMost?: number;
  /** Called with every line worth reading, for traces. */
  readonly log?: (line: string) => void;
  /** Tell every message in the trace. */
  readonly messages?: boolean;
}

const BUDGET_KIB = 64 * 1024;
const DRAIN_MS = 2000;
const DIAL_MS = 20;
/** How long a job takes that needs no client. */
const UNATTENDED_MS = 300;

/** Everything there is in one simulation: time, network, hosts, processes, and those who act on them. */
export class World implements ProcessOwner {
  readonly plan: Plan;
  readonly queue = new EventQueue();
  readonly faults = new FaultCounts();
  readonly random: Random;
  readonly keyring: Keyring;
  readonly network: Network;
  readonly contact: Contact;
  readonly operator: Operator;
  readonly clients: Clients;
  readonly hosts = new Map<number, Host>();
  /** Every process there ever was, oldest first. */
  readonly processes: SimProcess[] = [];
  readonly checkers: readonly Checker[];
  /** Hostile processes: their word counts for nothing. */
  readonly hostile = new Set<SimProcess>();
  /** Machine steps and other events so far. */
  events = 0;
  readonly #init: WorldInit;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  readonly #seats = new Map<string, number>();
  readonly #atQuiet: (() => void)[] = [];
  #nowMs = 0;
  #tickets = 0;
  #splits = 0;
  #splitEndedMs = Number.NEGATIVE_INFINITY;

  constructor(init: WorldInit) {
    const { plan } = init;
    this.#init = init;
    this.plan = plan;
    this.random = new Random(plan.seed);
    this.keyring = init.keyring ?? createStandInKeyring();
    const now = (): number => this.#nowMs;
    const { queue, faults } = this;
    this.network = new Network({ queue, faults, now, random: this.random.fork(1) });
    this.network.conditions = plan.conditions;
    if (breaksPromises(plan.conditions)) this.splitBegins();
    // Whoever comes before the only one with a known address cannot be found.
    if (plan.bootstrap === 'first') this.splitBegins();
    const listening = (host: number): SimProcess | undefined => this.hosts.get(host)?.process;
    const dialMs = plan.dialMs ?? DIAL_MS;
    this.contact = new Contact({ queue, now, listening, dialMs, network: this.network, random: this.random.fork(2) });
    this.operator = new Operator(this.keyring, this.random.fork(3), {
      maxInstances: plan.maxInstances,
      everySeconds: plan.everySeconds,
      now,
    });
    this.clients = new Clients(this, this.random.fork(4));
    this.checkers = init.checkers.map((make) => make(this));
  }

  now(): number {
    return this.#nowMs;
  }

  /** Something for the trace. */
  log(line: string): void {
    this.#init.log?.(`${(this.#nowMs / 1000).toFixed(3).padStart(9)} ${line}`);
  }

  /** Runs everything up to and including this time. */
  runUntil(timeMs: number): void {
    while (this.queue.nextAtMs <= timeMs) {
      const next = this.queue.pop();
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.events += 1;
      next.run();
    }
    this.#nowMs = timeMs;
  }

  after(delayMs: number, run: () => void): void {
    this.queue.push(this.#nowMs + delayMs, run);
  }

  /** The host with this number, made on first use: all draws for it come from its own random numbers. */
  host(number: number): Host {
    const known = this.hosts.get(number);
    if (known !== undefined) return known;
    const random = new Random(this.plan.seed, 1000 + number);
    const host: Host = {
      number,
      name: `g${number}`,
      clock: new HostClock(random.below(1e9), { offsetMs: 0, driftPpm: 0 }),
      disk: new Disk(this.keyring.make(random)),
      process: undefined,
    };
    this.hosts.set(number, host);
    return host;
  }

  /** Starts a process on the host. */
  start(host: Host, { standby, replaces }: StartOptions): SimProcess {
    const random = new Random(this.plan.seed, 2_000_000 + host.number * 1000 + host.disk.starts);
    const process = new SimProcess({
      owner: this,
      host: host.number,
      name: host.name,
      disk: host.disk,
      clock: host.clock,
      random,
      keyring: this.keyring,
      gateway: this.operator.gateway,
      standby,
      replaces,
      budgetKib: this.#init.budgetKib ?? BUDGET_KIB,
      drainMs: DRAIN_MS,
    });
    host.process = process;
    this.processes.push(process);
    this.log(`${host.name} starts as ${process.id.slice(-6)}, start ${process.incarnation}`);
    for (const checker of this.checkers) checker.started?.(process);
    const addresses = [...this.#bootstrap(), ...host.disk.met].filter((other) => other !== host.number);
    process.receive({ kind: 'start', search: addresses.length > 0 ? 'addresses-known' : 'nobody-to-find' });
    const mesh = [`10.0.${host.number >> 8}.${host.number & 255}:7400`];
    process.receive({ kind: 'addresses', mesh, access: [] });
    this.contact.learn(process, addresses);
    return process;
  }

  /** Ends a process from outside. */
  crash(process: SimProcess, loud: boolean): void {
    if (!process.running) return;
    this.log(`${process.name} crashes${loud ? '' : ' silently'}`);
    process.kill();
    this.#gone(process);
    if (loud) this.network.hangUp(process);
    else this.after(10_000, () => this.network.hangUp(process));
  }

  ended(process: SimProcess): void {
    const { exit } = process;
    this.log(`${process.name} exits with ${exit?.code}: ${exit?.lines.at(-1)}`);
    this.#gone(process);
    this.network.hangUp(process);
  }

  linked(process: SimProcess, peer: InstanceId): void {
    const ends = process.links.get(peer)?.ends;
    if (ends !== undefined) this.contact.linked(process, ends[0] === process ? ends[1].host : ends[0].host);
  }

  seen(process: SimProcess, before: SelfSight): void {
    const { state, limit, seat } = process.sight;
    if (seat !== null && !this.#seats.has(nameSeat(seat))) this.#seats.set(nameSeat(seat), this.#nowMs);
    if (state !== before.state) this.log(`${process.name} is ${state}`);
    this.operator.held.add(limit.version);
    if (limit.version !== before.limit.version)
      this.log(`${process.name} holds limit ${limit.maxInstances} (version ${limit.version})`);
    for (const checker of this.checkers) checker.seen?.(process, before);
  }

  effect(process: SimProcess, effect: Effect): void {
    if (effect.kind === 'note')
      this.log(`${process.name} notes ${effect.note.event} ${this.#named(JSON.stringify(effect.note.detail))}`);
    if (effect.kind === 'reply') this.#answer(effect.ticket, effect.reply);
    if (effect.kind === 'run') this.#answer(effect.ticket, effect);
    if (effect.kind === 'begin') this.#carryOut(process, effect.notice.jobId);
    if (effect.kind === 'cancel') this.clients.cancelled(process, effect.jobId);
    if (this.#init.messages === true) this.#logMessage(process, effect);
    for (const checker of this.checkers) checker.effect?.(process, effect);
  }

  /** When the seat was first seen with anybody, whatever its stamp says. */
  seatTakenAtMs(seat: Seat): number {
    return this.#seats.get(nameSeat(seat)) ?? this.#nowMs;
  }

  /** Asks a process something; `answered` is called at the most once. */
  ask(process: SimProcess, event: (ticket: number) => Event, answered: (answer: Answer) => void): void {
    this.#tickets += 1;
    this.#answers.set(this.#tickets, answered);
    process.receive(event(this.#tickets));
  }

  /** Processes that run, hostile ones left out. */
  live(): readonly SimProcess[] {
    return this.processes.filter((process) => process.running && !this.hostile.has(process));
  }

  /** From now until `splitEnds` some instances may not see each other: a live one may look dead. */
  splitBegins(): void {
    this.#splits += 1;
  }

  splitEnds(): void {
    this.#splits -= 1;
    if (this.#splits === 0) this.#splitEndedMs = this.#nowMs;
  }

  /** How long everybody has been able to see everybody: 0 while somebody cannot, Infinity if that was never so. */
  whole(): number {
    return this.#splits > 0 ? 0 : this.#nowMs - this.#splitEndedMs;
  }

  /** Cuts the network; returns what heals it again. */
  cut(cuts: readonly Cut[]): () => void {
    const { partitions } = this.network;
    this.splitBegins();
    for (const cut of cuts) partitions.add(cut);
    this.network.timeOutLinks(() => 1500 + this.random.below(12_000));
    let healed = false;
    return () => {
      if (healed) return;
      healed = true;
      for (const cut of cuts) partitions.remove(cut);
      this.network.releaseStalled();
      this.splitEnds();
      this.faults.count('partition-healed');
      this.log('a partition heals');
    };
  }

  /** Has this done when the chaos ends. */
  atQuiet(run: () => void): void {
    this.#atQuiet.push(run);
  }

  /** The chaos is over: everything heals and stays well. */
  beginQuiet(): void {
    this.log('quiet');
    for (const run of this.#atQuiet.splice(0)) run();
    if (this.plan.bootstrap === 'first') this.splitEnds();
    this.calmDown();
    // From now on discovery finds everybody.
    for (const process of this.processes) if (process.running) this.contact.learn(process, this.hosts.keys());
  }

  /** The network becomes perfect: the conditions of the quiet time. */
  calmDown(): void {
    if (breaksPromises(this.network.conditions)) this.splitEnds();
    this.network.conditions = CALM;
  }

  /** An unattended job takes a moment. */
  #carryOut(process: SimProcess, jobId: string): void {
    this.after(UNATTENDED_MS, () =>
      process.receive({ kind: 'job-ended', jobId, state: 'succeeded', error: null, bytesIn: 0, bytesOut: 0 }),
    );
  }

  #logMessage({ name }: SimProcess, effect: Effect): void {
    if (effect.kind === 'send') this.log(this.#named(`${name} -> ${effect.to} ${formatDirect(effect.bytes)}`));
    if (effect.kind === 'publish') this.log(this.#named(`${name} publishes ${formatGossip(effect.bytes)}`));
  }

  /** The text with hosts' names instead of their ids. */
  #named(text: string): string {
    return text.replace(
      /12D3KooW\w{44}/g,
      (id) => this.processes.find((process) => process.id === id)?.name ?? id.slice(-6),
    );
  }

  #bootstrap(): readonly number[] {
    const most = this.plan.bootstrap === 'all' ? this.#init.bootstrapMost : 1;
    return hostsOf(this.plan).slice(0, most);
  }

  #answer(ticket: number, answer: Answer): void {
    const answered = this.#answers.get(ticket);
    this.#answers.delete(ticket);
    answered?.(answer);
  }

  #gone(process: SimProcess): void {
    const host = this.host(process.host);
    if (host.process === process) host.process = undefined;
    for (const checker of this.checkers) checker.ended?.(process);
    this.clients.workerEnded(process);
  }
}

/** Handed over or resumed it is the same one. */
function nameSeat({ limitVersion, grantedAt }: Seat): string {
  return `${limitVersion} ${grantedAt.unixMs} ${grantedAt.counter}`;
}
