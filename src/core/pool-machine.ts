import { ExitCode, GatewayError } from '../base/errors.ts';
import { type InstanceId, parseKeyId } from '../base/ids.ts';
import { DIRECT_BYTES_MAX, GOSSIP_BYTES_MAX } from '../wire/bounds.ts';
import { decode } from '../wire/codec.ts';
import { type Direct, directCodec, gossipCodec } from '../wire/mesh-message.ts';
import { DrainOrders } from './admission/drain-orders.ts';
import { SeatKeeper } from './admission/seat-keeper.ts';
import type { CoreContext } from './core-context.ts';
import { CredentialShelf } from './credentials/credential-shelf.ts';
import { earliest } from './earliest.ts';
import type { Effect } from './effect.ts';
import { OwnHeld } from './holdings/own-held.ts';
import type { PoolInit, PoolMachine } from './index.ts';
import type { Input, Now } from './input.ts';
import { Jobs } from './jobs/jobs.ts';
import { LimitKeeper, openLimitBook } from './limit/limit-keeper.ts';
import { OwnLoad } from './load/own-load.ts';
import { Detector } from './membership/detector.ts';
import { Exchange } from './membership/exchange.ts';
import { type Member, MemberTable } from './membership/member-table.ts';
import { OwnRecord } from './membership/own-record.ts';
import { Pulses } from './membership/pulses.ts';
import { Outbox } from './outbox.ts';
import { livingGateway } from './policy/living-gateway.ts';
import type { PolicyBook } from './policy/policy-book.ts';
import { evictedLines, openPolicyBook, PolicyKeeper } from './policy/policy-keeper.ts';
import { PoolClock } from './pool-clock.ts';
import { poolView } from './pool-view.ts';
import { RecordShelf } from './records/record-shelf.ts';
import { isShelfMessage, Shelves } from './records/shelves.ts';

/** Builds the machine of one instance. Throws `limit-refused` if the configuration's own limit does not verify. */
export function createPoolMachine(init: PoolInit, now: Now): PoolMachine {
  return new Machine(init, now);
}

/** Joins the parts: routes each input to the part it concerns, then lets every part carry on what is due. */
class Machine implements PoolMachine {
  readonly #context: CoreContext;
  readonly #load: OwnLoad;
  readonly #detector: Detector;
  readonly #exchange: Exchange;
  readonly #pulses: Pulses;
  readonly #limitKeeper: LimitKeeper;
  readonly #policyKeeper: PolicyKeeper;
  readonly #seats: SeatKeeper;
  readonly #drains: DrainOrders;
  readonly policy: PolicyBook;
  readonly jobs: Jobs['board'];
  readonly schedules: Jobs['schedules'];
  readonly records: RecordShelf;
  readonly credentials: CredentialShelf;
  readonly #shelves: Shelves;
  readonly #held: OwnHeld;
  readonly #jobs: Jobs;
  /** Parts that have something to do at a time of their own. */
  readonly #timed: readonly { dueAtMs(): number | undefined }[];
  #wakeupAtMs: number | undefined;
  #started = false;
  #ended = false;
  #forgetAtMs = 0;

  constructor(given: PoolInit, now: Now) {
    const outbox = new Outbox();
    const policies = openPolicyBook(given, outbox);
    const init = { ...given, gateway: livingGateway(given.gateway, policies) };
    this.policy = policies;
    const clock = new PoolClock();
    const table = new MemberTable();
    const own = new OwnRecord({ init, clock, table, outbox, now });
    this.#context = {
      init,
      self: init.identity.id,
      outbox,
      clock,
      table,
      limits: openLimitBook(init, policies, outbox),
      policies,
      own,
      seen: new WeakMap(),
      now,
    };
    this.#load = new OwnLoad(init.self.budgetKib);
    this.#detector = new Detector(this.#context);
    this.#exchange = new Exchange(this.#context, this.#detector);
    this.#pulses = new Pulses(this.#context, {
      load: () => this.#load.sample(),
      held: () => this.#held.current(),
      news: () => this.#jobs.board.news.number,
    });
    this.#limitKeeper = new LimitKeeper(this.#context);
    this.records = new RecordShelf(this.#context, init.remembered.records, (id) => this.credentials.removed(id));
    this.credentials = new CredentialShelf(this.#context, this.records);
    this.#shelves = new Shelves(outbox, this);
    this.#held = new OwnHeld(this.#context, { records: this.records, credentials: this.credentials });
    this.#jobs = new Jobs(this.#context, this.#load, this.records);
    this.jobs = this.#jobs.board;
    this.schedules = this.#jobs.schedules;
    this.#seats = new SeatKeeper(this.#context, this.#exchange, this.#jobs);
    this.#drains = new DrainOrders(this.#context, (reason) => this.#seats.drain(reason));
    this.#policyKeeper = new PolicyKeeper(this.#context, {
      revoked: () => this.#jobs.bench.endRevoked(),
      gone: (member) => this.#gone(member),
      evicted: () => this.#leaveEvicted(),
    });
    this.#timed = [
      this.#detector,
      this.#exchange,
      this.#pulses,
      this.#seats,
      this.#drains,
      this.records.replication,
      this.credentials.replication,
      this.credentials.acknowledgements,
      this.#policyKeeper,
      this.#jobs,
    ];
    table.evict(policies.evicted);
  }

  step(input: Input): readonly Effect[] {
    this.#context.now = { atMs: input.atMs, unixMs: input.unixMs };
    if (this.#ended) return [];
    if (this.#context.clock.tick(this.#context.now)) this.#exchange.clockSet();
    if (this.#wakeupAtMs !== undefined && this.#started) this.#detector.held(input.atMs - this.#wakeupAtMs);
    try {
      this.#take(input);
    } catch (cause) {
      this.#tolerate(cause, input);
    }
    if (this.#started) this.#carryOn();
    const effects = this.#context.outbox.take();
    this.#ended = effects.some(({ kind }) => kind === 'exit');
    this.#wakeupAtMs = this.#ended ? undefined : this.#nextDueAtMs();
    return effects;
  }

  nextWakeupAtMs(): number | undefined {
    return this.#wakeupAtMs;
  }

  poolUnixMs(wallUnixMs: number): number {
    return this.#context.clock.poolUnixMs(wallUnixMs);
  }

  view({ atMs }: { readonly atMs: number }): ReturnType<PoolMachine['view']> {
    return poolView(this.#context, { load: this.#load.sample(), held: this.#held.current() }, atMs);
  }

  #take(input: Input): void {
    switch (input.kind) {
      case 'wakeup':
        return;
      case 'start':
        this.#started = true;
        this.#seats.start(input.search);
        if (this.#context.policies.evicts(this.#context.self)) this.#leaveEvicted();
        return;
      case 'search-pending':
        return this.#seats.searching(input.pending);
      case 'link-up':
        if (this.#context.policies.evicts(input.peer)) return this.#policyKeeper.turnAway(input.peer);
        return this.#exchange.met(input.peer);
      case 'link-down':
        return this.#linkDown(input.peer);
      case 'direct':
        return this.#direct(input.from, decode(directCodec, input.bytes, DIRECT_BYTES_MAX));
      case 'gossip':
        return this.#gossip(input.bytes);
      case 'stored':
        this.#storing().some((part) => part.stored(input.write));
        return;
      case 'store-failed':
        for (const part of this.#storing()) part.storeFailed(input.write, input.reason);
        return;
      case 'busy':
        return this.#load.busy(input.perMille);
      case 'addresses':
        this.#context.own.revise({ meshAddresses: input.mesh, accessAddresses: input.access }, this.#context.now);
        return this.#exchange.spreadOwn();
      case 'offer-limit':
        return this.#limitKeeper.offered(input.sealed, input.ticket);
      case 'offer-policy':
        return this.#policyKeeper.offered(input.sealed, input.ticket);
      case 'offer-record':
        return this.records.offered(input.sealed, input.ticket);
      case 'offer-edition':
        return this.credentials.offered(input.sealed, input.ticket);
      case 'drain':
        return this.#seats.drain(input.reason);
      case 'leave':
        return this.#seats.leave(input.reason);
      case 'submit':
        return this.#jobs.submit(input);
      case 'open-session':
        return this.#jobs.bench.openSession(input);
      case 'job-progress':
        return this.#jobs.bench.progress(input.jobId, input.bytesIn, input.bytesOut);
      case 'job-report':
        return this.#jobs.bench.report(input);
      case 'job-ended':
        return this.#jobs.bench.ended(input);
      case 'query-output':
        return this.#jobs.outputs.ask(input);
      case 'output-loaded':
        return this.#jobs.outputs.loaded(input);
      case 'query-job':
        return this.#jobs.inquiries.ask(input);
      case 'cancel-job':
        return this.#jobs.inquiries.cancel(input);
      case 'drain-member':
        return this.#drains.asked(input.command, input.ticket);
    }
  }

  /** The parts that write; each knows its own writes. */
  #storing(): readonly { stored(write: number): boolean; storeFailed(write: number, reason: string): unknown }[] {
    return [this.#limitKeeper, this.#policyKeeper, this.records, this.credentials, this.#jobs];
  }

  #direct(from: InstanceId, message: Direct): void {
    if (this.#context.policies.evicts(from)) return this.#policyKeeper.turnAway(from);
    // Also from somebody not met yet: it may say why we are not greeted.
    if (message.kind === 'policies') return this.#policyKeeper.received(message.sealed);
    if (message.kind === 'hello') return this.#hello(from, message);
    const { table, outbox } = this.#context;
    const member = table.get(from);
    if (member === undefined) {
      // Not greeted yet: tell who we are, so that it greets back; what it said is repeated by its sender.
      if (message.kind !== 'clock-refused') this.#exchange.greet(from);
      else this.#seats.clockRefused(message.aheadMs, message.aheadMsMax);
      return;
    }
    member.linked = true;
    this.#detector.told(member);
    switch (message.kind) {
      case 'clock-refused':
        return this.#seats.clockRefused(message.aheadMs, message.aheadMsMax);
      case 'member-record':
        this.#exchange.takeRecord(message.sealed);
        return;
      case 'limit':
        return this.#limitKeeper.received(message.sealed);
      case 'suspicion':
        return this.#suspicion(message.sealed);
      case 'sync':
        return this.#exchange.compared(from, message.have);
      case 'sync-records':
        return this.#exchange.answered(from, message);
      case 'probe':
        return outbox.send(from, { kind: 'probe-ack', nonce: message.nonce });
      case 'probe-ack':
        return this.#detector.acked(message.nonce, from);
      case 'probe-request':
        return this.#detector.help(from, message.nonce, message.target);
      case 'claim':
        return this.#seats.claims.claimed(from, message);
      case 'claim-answer':
        return this.#seats.claimAnswered(from, message);
      case 'handover':
        return this.#seats.handoverAsked(from, message.record);
      case 'handover-refused':
        return this.#seats.handover.giveUp(message.reason);
      case 'drain':
        return this.#drains.ordered(message.command);
      case 'pulse':
        return this.#pulse(message.sealed);
      default:
        if (isShelfMessage(message)) return this.#shelves.message(from, message);
        return this.#jobs.message(from, message);
    }
  }

  #hello(from: InstanceId, hello: Extract<Direct, { kind: 'hello' }>): void {
    const { outbox } = this.#context;
    const greeting = this.#exchange.greeted(from, hello);
    // It was told how far its clock is off, and ends by itself: closing now could overtake that.
    if (greeting === 'clock-refused') return;
    if (greeting !== 'welcome') {
      outbox.note('warn', 'greeting-refused', { instance: from, reason: greeting });
      outbox.push({ kind: 'disconnect', peer: from });
      return;
    }
    this.#policyKeeper.tell(from);
    this.#limitKeeper.received(hello.limit);
  }

  #gossip(bytes: Uint8Array): void {
    const message = decode(gossipCodec, bytes, GOSSIP_BYTES_MAX);
    switch (message.kind) {
      case 'member-record':
        this.#exchange.takeRecord(message.sealed);
        return;
      case 'pulse':
        return this.#pulse(message.sealed);
      case 'suspicion':
        return this.#suspicion(message.sealed);
      case 'limit':
        return this.#limitKeeper.received(message.sealed);
      case 'policy':
        return this.#policyKeeper.received([message.sealed]);
      case 'record':
        return this.records.received(message.sealed);
      case 'credential':
        return this.credentials.received(message.sealed);
      case 'jobs':
        this.jobs.heardNews(message.sealed);
        return;
    }
  }

  #pulse(sealed: Uint8Array): void {
    const member = this.#pulses.take(sealed);
    if (member === undefined || member.evicted) return;
    this.#detector.refuted(member);
    this.#exchange.pulsed(member, this.#context.table.admissionDigest(this.#context.limits.digest));
    this.#limitKeeper.pulsed(member);
    this.#policyKeeper.pulsed(member);
    if (member.pulse === null) return;
    this.records.replication.pulsed(member.record.instanceId, member.pulse.held.recordsDigest);
    this.credentials.replication.pulsed(member.record.instanceId, member.pulse.held.credentialsDigest);
    this.#jobs.board.news.pulsed(member.record.instanceId, member.pulse.newsNumber);
  }

  #suspicion(sealed: Uint8Array): void {
    if (!this.#detector.accused(sealed)) return;
    this.#context.own.revise({}, this.#context.now);
    this.#exchange.spreadOwn();
  }

  #linkDown(peer: InstanceId): void {
    const member = this.#context.table.get(peer);
    if (member !== undefined) member.linked = false;
    this.#exchange.parted(peer);
    this.#policyKeeper.parted(peer);
    this.#jobs.desk.workerGone(peer);
    this.#detector.linkLost(peer);
  }

  #carryOn(): void {
    const { table, now, own } = this.#context;
    this.#exchange.run();
    if (this.#exchange.twin !== null) this.#stopTwin();
    for (const member of this.#detector.run()) this.#gone(member);
    for (const member of this.#exchange.takeLeavers()) this.#gone(member);
    this.#seats.run();
    this.#drains.run();
    this.records.replication.run();
    this.credentials.replication.run();
    this.credentials.acknowledgements.run();
    this.#policyKeeper.run();
    this.#jobs.run();
    if (own.record.state !== 'left') this.#pulses.run();
    if (now.atMs < this.#forgetAtMs) return;
    this.#forgetAtMs = now.atMs + 10_000;
    table.forget(now.atMs);
  }

  #gone({ record }: Member): void {
    this.#jobs.memberGone(record.instanceId);
    this.records.replication.forget(record.instanceId);
    this.credentials.replication.forget(record.instanceId);
  }

  /** An admin has decided that this identity never takes part again. */
  #leaveEvicted(): void {
    const { self, own, outbox } = this.#context;
    outbox.note('error', 'evicted', { instance: self });
    this.#seats.fail(ExitCode.notAllowed, evictedLines(own.record.name, self));
  }

  #stopTwin(): void {
    const twin = this.#exchange.twin;
    if (twin === null) return;
    this.#context.outbox.note('error', 'identity-copied', { name: twin.name });
    this.#seats.fail(ExitCode.usage, [
      `another process (${twin.name}) runs with this instance's identity ${twin.instanceId}: the data directory was copied; give this one an empty data directory`,
    ]);
  }

  #nextDueAtMs(): number | undefined {
    if (!this.#started) return undefined;
    let due: number | undefined;
    for (const part of this.#timed) due = earliest(due, part.dueAtMs());
    return Math.max(this.#context.now.atMs, due ?? Number.POSITIVE_INFINITY);
  }

  /** What arrives from outside never ends the process; a failure that is not about the input does. */
  #tolerate(cause: unknown, input: Input): void {
    if (!(cause instanceof GatewayError)) throw cause;
    const from = input.kind === 'direct' ? (parseKeyId(input.from) ?? 'unknown') : input.kind;
    this.#context.outbox.note('warn', 'message-refused', { from, reason: cause.message });
    if ('ticket' in input)
      this.#context.outbox.reply(input.ticket, {
        kind: 'refused',
        failure: { code: cause.code, message: cause.message },
      });
  }
}
