/** A few real machines on a network without faults of its own: messages take a fixed time, and a test may hold or drop each. */

import type { InstanceId } from '../../../src/base/ids.ts';
import {
  createPoolMachine,
  type Effect,
  type Event,
  type GatewayFacts,
  type JobResult,
  type PoolMachine,
  type Reply,
  type Stored,
} from '../../../src/core/index.ts';
import { DIRECT_BYTES_MAX } from '../../../src/wire/bounds.ts';
import { decode } from '../../../src/wire/codec.ts';
import { type JobNotice, type JobRequest, jobRequestSeal } from '../../../src/wire/job.ts';
import { type Direct, directCodec } from '../../../src/wire/mesh-message.ts';
import { seal } from '../../../src/wire/sealed.ts';
import { EventQueue } from '../../simulator/event-queue.ts';
import { createStandInKeyring, type Signer } from '../../simulator/keys.ts';
import { Random } from '../../simulator/random.ts';
import {
  CLIENT_ADDRESS,
  EPOCH_UNIX_MS,
  type Fate,
  GATEWAY_UID,
  gatewayOf,
  outputPage,
  RECORD_ID,
  recordOf,
  remember,
  type SmallPoolInit,
} from './small-gateway.ts';

/** Time a direct message, gossip and a write take, in simulated milliseconds. */
const [DELAY_MS, WRITE_MS] = [20, 2];
/** Simulated time in which a pool without faults must have formed. */
const FORMING_MS = 20_000;

/** One instance and what it did. */
export interface Instance extends Doings {
  readonly number: number;
  readonly key: Signer;
  readonly disk: Stored[];
  machine: PoolMachine;
  startId: string;
  starts: number;
}

interface Doings {
  /** Jobs it was told to carry out, in order. */
  readonly runs: string[];
  /** Jobs that it was told to carry out without a client, in order; taken up again ones with a mark. */
  readonly begun: string[];
  /** Jobs it was told to end. */
  readonly cancels: string[];
  readonly notes: string[];
  /** Whom it dropped. */
  readonly disconnects: InstanceId[];
  running: boolean;
  /** Writes fail from now on. */
  diskFails: boolean;
  wakeupAtMs: number;
}

/** Machines, linked to each other, with simulated time. */
export class SmallPool {
  readonly instances: Instance[] = [];
  readonly admin: Signer;
  readonly user: Signer;
  /** Decides about each direct message; everything is delivered unless a test says otherwise. */
  fate: (message: Direct, from: Instance, to: Instance) => Fate = () => 'deliver';
  /** False: what is published reaches nobody. */
  gossip = true;
  /** Decides about each copy of what is published. */
  gossipFate: (bytes: Uint8Array, to: Instance) => Fate = () => 'deliver';
  nowMs = 1000;
  readonly #queue = new EventQueue();
  readonly #random: Random;
  readonly #startId = (): string => Buffer.from(this.#random.bytes(16)).toString('hex');
  readonly #keyring = createStandInKeyring();
  readonly #gateway: GatewayFacts;
  readonly #answers = new Map<number, (answer: Reply | 'run') => void>();
  readonly #budgets: readonly number[];
  readonly #capabilities: readonly string[];
  #ticket = 0;
  #job = 0;

  /** Makes the pool; `form` lets it come together. */
  constructor({ instances, seed = 1, budgetKib = [8 * 1024 * 1024], capabilities = [] }: SmallPoolInit) {
    this.#capabilities = capabilities;
    this.#random = new Random(seed);
    this.#budgets = budgetKib;
    this.admin = this.#keyring.make(this.#random);
    this.user = this.#keyring.make(this.#random);
    this.#gateway = gatewayOf(this.admin, instances);
    for (let number = 0; number < instances; number++) this.#add(number);
  }

  /** Everybody admitted and holding the record. */
  form(): this {
    for (const instance of this.instances) this.#begin(instance);
    this.#link(this.instances);
    this.runUntil(
      () => this.instances.every(({ machine }) => machine.view({ atMs: this.nowMs }).state === 'admitted'),
      FORMING_MS,
    );
    this.feed(this.at(0), { kind: 'offer-record', sealed: recordOf(this.admin), ticket: this.#ask(() => undefined) });
    const holdsRecord = ({ machine }: Instance): boolean => machine.records.find(RECORD_ID).length === 1;
    this.runUntil(() => this.instances.every(holdsRecord), FORMING_MS);
    return this;
  }

  /** The instance with this number. */
  at(number: number): Instance {
    const instance = this.instances[number];
    if (instance === undefined) throw new Error(`no instance ${number}`);
    return instance;
  }

  /** The instance with this id. */
  withId(id: InstanceId): Instance {
    const instance = this.instances.find(({ key }) => key.id === id);
    if (instance === undefined) throw new Error(`no instance ${id}`);
    return instance;
  }

  /** A signed request for the entry as it runs now. */
  request(
    entry: Instance,
    changes: Partial<JobRequest> = {},
    signer = this.admin,
  ): { readonly jobId: string; readonly sealed: Uint8Array } {
    this.#job += 1;
    const request: JobRequest = {
      gatewayUid: GATEWAY_UID,
      jobId: String(this.#job).padStart(22, '0'),
      kind: 'tunnel',
      recordId: RECORD_ID,
      parent: null,
      parameters: [],
      entry: entry.key.id,
      entryStartId: entry.startId,
      caller: signer.id,
      deadlineUnixMs: EPOCH_UNIX_MS + this.nowMs + 30_000,
      grant: null,
      ...changes,
    };
    return { jobId: request.jobId, sealed: seal(jobRequestSeal, request, [signer]) };
  }

  /** Hands a request in; the answers gather in the list, and `onAnswer` is told of each. */
  submit(to: Instance, sealed: Uint8Array, onAnswer: (answer: Reply) => void = () => undefined): Reply[] {
    return this.offer(to, (ticket) => ({ kind: 'submit', request: sealed, source: CLIENT_ADDRESS, ticket }), onAnswer);
  }

  /** Hands in whatever else is answered; the answers gather in the list, and `onAnswer` is told of each. */
  offer(to: Instance, event: (ticket: number) => Event, onAnswer: (answer: Reply) => void = () => undefined): Reply[] {
    const answers: Reply[] = [];
    const ticket = this.#ask((answer) => {
      if (answer === 'run') return;
      answers.push(answer);
      onAnswer(answer);
    });
    this.feed(to, event(ticket));
    return answers;
  }

  /** Opens a session; `run` or a refusal gathers in the list. */
  openSession(worker: Instance, jobId: string, caller: string = this.admin.id): (Reply | 'run')[] {
    const answers: (Reply | 'run')[] = [];
    const ticket = this.#ask((answer) => answers.push(answer));
    this.feed(worker, { kind: 'open-session', jobId, caller, source: CLIENT_ADDRESS, ticket });
    return answers;
  }

  /** Asks an instance for a job and waits for the answer. */
  query(asked: Instance, jobId: string): JobNotice | null {
    const answers = this.offer(asked, (ticket) => ({ kind: 'query-job', jobId, wantTrace: false, ticket }));
    this.runUntil(() => answers.length > 0, 5000);
    const [answer] = answers;
    if (answer?.kind !== 'job') throw new Error('no job was answered');
    return answer.notice;
  }

  /** Tells an instance to end a job; the answer gathers in the list. */
  cancel(asked: Instance, jobId: string, caller: string): Reply[] {
    return this.offer(asked, (ticket) => ({ kind: 'cancel-job', jobId, caller, reason: 'no longer wanted', ticket }));
  }

  /** Asks an instance for a page of a job's output; the answer gathers in the list. */
  output(asked: Instance, jobId: string, offset = 0): Reply[] {
    return this.offer(asked, (ticket) => ({ kind: 'query-output', jobId, offset, ticket }));
  }

  /** An admin removes the record. */
  removeRecord(): void {
    const sealed = recordOf(this.admin, { revision: 2, deleted: true });
    this.offer(this.at(0), (ticket) => ({ kind: 'offer-record', sealed, ticket }));
  }

  /** The carried-out job ends. */
  end(worker: Instance, jobId: string, result?: JobResult): void {
    const end = { state: 'succeeded', error: null, bytesIn: 1, bytesOut: 2, ...(result && { result }) } as const;
    this.feed(worker, { kind: 'job-ended', jobId, ...end });
  }

  /** Something happens to an instance at this moment. */
  feed(instance: Instance, event: Event): void {
    if (!instance.running) return;
    const now = { atMs: this.nowMs, unixMs: EPOCH_UNIX_MS + this.nowMs };
    for (const effect of instance.machine.step({ ...event, ...now })) this.#carryOut(instance, effect);
    this.#planWakeup(instance);
  }

  /** Does something later. */
  after(ms: number, act: () => void): void {
    this.#queue.push(this.nowMs + ms, act);
  }

  /** Lets time pass. */
  run(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.#queue.nextAtMs <= untilMs) this.#next();
    this.nowMs = untilMs;
  }

  /** Lets time pass until something holds; throws if it never does. */
  runUntil(holds: () => boolean, withinMs: number): void {
    const untilMs = this.nowMs + withinMs;
    while (!holds()) {
      if (this.#queue.nextAtMs > untilMs) throw new Error(`not within ${withinMs} simulated ms: ${holds}`);
      this.#next();
    }
  }

  /** The process is gone; links close at once, as they do when a host is up. */
  kill(instance: Instance): void {
    instance.running = false;
    for (const other of this.instances)
      if (other !== instance) this.feed(other, { kind: 'link-down', peer: instance.key.id });
  }

  /** A new process on the same disk. */
  restart(instance: Instance): void {
    instance.starts += 1;
    instance.startId = this.#startId();
    instance.machine = this.#machine(instance);
    instance.wakeupAtMs = Number.POSITIVE_INFINITY;
    this.#begin(instance);
    for (const other of this.instances) if (other.running && other !== instance) this.#link([instance, other]);
  }

  #add(number: number): void {
    const key = this.#keyring.make(this.#random);
    const start = { number, key, disk: [], startId: this.#startId(), starts: 1 };
    const done = { runs: [], begun: [], cancels: [], notes: [], disconnects: [] };
    const state = { running: false, diskFails: false, wakeupAtMs: Number.POSITIVE_INFINITY };
    this.instances.push({ ...start, ...done, ...state, machine: this.#machine(start) });
  }

  #machine({ number, key, disk, startId, starts }: Omit<Instance, 'machine' | keyof Doings>): PoolMachine {
    const facts = {
      version: '0.0.0',
      platform: 'test',
      capabilities: ['tunnel', 'discovery', 'rotation', ...this.#capabilities],
      labels: [],
      drainMs: 5000,
    };
    const budgetKib = this.#budgets[number] ?? this.#budgets.at(-1) ?? 1024;
    return createPoolMachine(
      {
        identity: key,
        verify: this.#keyring.verify,
        random: this.#random.fork(number).uint32,
        startId,
        incarnation: starts,
        gateway: this.#gateway,
        self: { name: `instance-${number}`, budgetKib, ...facts },
        standby: false,
        replaces: null,
        remembered: remember(disk),
        cron: { latest: () => null, next: () => null },
      },
      { atMs: this.nowMs, unixMs: EPOCH_UNIX_MS + this.nowMs },
    );
  }

  #begin(instance: Instance): void {
    instance.running = true;
    this.feed(instance, { kind: 'start', search: 'addresses-known' });
  }

  #link(among: readonly Instance[]): void {
    for (const one of among) {
      for (const other of among) if (one !== other) this.feed(one, { kind: 'link-up', peer: other.key.id });
    }
  }

  #carryOut(from: Instance, effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        return this.#send(from, this.withId(effect.to), effect.bytes);
      case 'publish':
        for (const to of this.instances) {
          if (to !== from && this.gossip && this.gossipFate(effect.bytes, to) !== 'drop')
            this.after(DELAY_MS, () => this.feed(to, { kind: 'gossip', bytes: effect.bytes }));
        }
        return;
      case 'store':
        return this.#write(from, effect.write, effect.what);
      case 'reply':
        return this.#answers.get(effect.ticket)?.(effect.reply);
      case 'run':
        from.runs.push(effect.request.jobId);
        return this.#answers.get(effect.ticket)?.('run');
      case 'begin':
        from.begun.push(`${effect.resumed ? 'again ' : ''}${effect.notice.jobId}`);
        return;
      case 'load-output':
        return this.feed(from, { kind: 'output-loaded', number: effect.number, page: outputPage(from.disk, effect) });
      case 'cancel':
        from.cancels.push(effect.jobId);
        return;
      case 'note':
        from.notes.push(effect.note.event);
        return;
      case 'exit':
        from.running = false;
        return;
      case 'disconnect':
        from.disconnects.push(effect.peer);
        return;
    }
  }

  #send(from: Instance, to: Instance, bytes: Uint8Array): void {
    const fate = this.fate(decode(directCodec, bytes, DIRECT_BYTES_MAX), from, to);
    const copies = { deliver: 1, drop: 0, twice: 2 }[fate];
    const { startId } = to;
    for (let copy = 1; copy <= copies; copy++) {
      this.after(DELAY_MS * copy, () => {
        // A link ends with the process at its end.
        if (to.startId === startId) this.feed(to, { kind: 'direct', from: from.key.id, bytes });
      });
    }
  }

  #write(instance: Instance, write: number, what: Stored): void {
    const { startId, diskFails } = instance;
    this.after(WRITE_MS, () => {
      if (instance.startId !== startId || !instance.running) return;
      if (diskFails) return this.feed(instance, { kind: 'store-failed', write, reason: 'no space left on device' });
      instance.disk.push(what);
      this.feed(instance, { kind: 'stored', write });
    });
  }

  #planWakeup(instance: Instance): void {
    const wantedAtMs = instance.machine.nextWakeupAtMs();
    if (wantedAtMs === undefined) return;
    const atMs = Math.max(this.nowMs + 1, wantedAtMs);
    if (instance.wakeupAtMs > this.nowMs && instance.wakeupAtMs <= atMs) return;
    instance.wakeupAtMs = atMs;
    this.#queue.push(atMs, () => {
      if (instance.wakeupAtMs !== atMs) return;
      instance.wakeupAtMs = Number.POSITIVE_INFINITY;
      this.feed(instance, { kind: 'wakeup' });
    });
  }

  #next(): void {
    const entry = this.#queue.pop();
    if (entry === undefined) throw new Error('nothing happens any more');
    this.nowMs = Math.max(this.nowMs, entry.atMs);
    entry.run();
  }

  #ask(answered: (answer: Reply | 'run') => void): number {
    this.#ticket += 1;
    this.#answers.set(this.#ticket, answered);
    return this.#ticket;
  }
}
