import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Libp2p, Stream, StreamHandler } from '@libp2p/interface';
import { createEd25519Verify, keyPairFromSeed } from '../../base/ed25519.ts';
import { GatewayError } from '../../base/errors.ts';
import { formatRandomId, type InstanceId, type PeerKeyId, RANDOM_ID_BYTES } from '../../base/ids.ts';
import type { Signer } from '../../config/index.ts';
import type { AccessAnswer, AccessRequest, Welcome } from '../../wire/access-message.ts';
import { type JobKind, type JobNotice, type JobRequest, jobRequestSeal, type Parameter } from '../../wire/job.ts';
import { Protocol } from '../../wire/protocols.ts';
import type { Succession } from '../../wire/succession.ts';
import {
  FIND_MS,
  JOB_DEADLINE_MS,
  MEMBERS_REFRESH_MS,
  REQUEST_TIMEOUT_MS,
  SESSION_CHECK_MS,
  SESSION_CHECKS,
  STREAMS_MAX,
} from '../bounds.ts';
import { BufferReclaim } from '../buffer-reclaim.ts';
import { type Carried, carrySocket } from '../carry-socket.ts';
import { Deadline } from '../deadline.ts';
import { LivenessWatch } from '../liveness.ts';
import { createAccessNode } from '../node.ts';
import { StreamDuplex } from '../stream-duplex.ts';
import type { SuccessionAuthority } from '../succession.ts';
import { expectAnswer } from './control.ts';
import { type Entry, findEntry } from './entry.ts';
import { sealFor } from './seal-for.ts';
import { claimSession, type OpenedJob, type OpenJobInit, openJob, WorkerSilentError } from './session.ts';
import { Workers } from './workers.ts';

/** Bytes of an Ed25519 seed. */
const SEED_BYTES = 32;

/** Who the client is and where it begins to look. */
export type AccessClientInit = ClientSeed & ClientFacts;

/** The key of the admin or user: its Ed25519 seed, 32 bytes, or who signs with it. */
type ClientSeed =
  | { readonly keySeed: Uint8Array; readonly signer?: undefined }
  | { readonly signer: Signer; readonly keySeed?: undefined };

interface ClientFacts {
  /** The user's sealed grant; null for an admin. */
  readonly grant: Uint8Array | null;
  /** `host:port` or multiaddr. */
  readonly addresses: readonly string[];
  /** Public key of the pool's access key; null: instances need not prove that they belong to the pool. */
  readonly poolKey: string | null;
  /** Whose statement leads from that key to a later one, after the pool secret was replaced; left out: nobody's does. */
  readonly admins?: SuccessionAuthority | undefined;
  /** Undefined: whatever gateway is there. */
  readonly gatewayUid?: string | undefined;
}

/** A job to be submitted. */
export interface JobInit {
  readonly kind: JobKind;
  readonly recordId: string;
  readonly parent?: string | null;
  readonly parameters?: readonly Parameter[];
  /** Made anew if it is left out. */
  readonly jobId?: string;
  /** How long the job may wait to begin. */
  readonly deadlineMs?: number;
}

/** A job that a worker has accepted: its session can be opened. */
export interface AcceptedJob {
  readonly jobId: string;
  readonly notice: JobNotice;
  readonly worker: InstanceId;
  readonly addresses: readonly string[];
}

/** A session that runs. */
export interface Placed {
  readonly jobId: string;
  readonly worker: InstanceId;
  /** Raw bytes, paused. */
  readonly stream: Stream;
}

/** One client of a gateway: it talks to one instance, its entry, and changes to another when that is gone. */
export class AccessClient {
  readonly #init: AccessClientInit;
  readonly #node: Libp2p;
  readonly #signer: Signer;
  readonly #workers: Workers;
  readonly #reclaim: BufferReclaim;
  readonly #verify = createEd25519Verify();
  readonly #addresses = new Map<string, readonly string[]>();
  /** Starts of instances that did not know how to take a job and its session in one. */
  readonly #elders = new Set<string>();
  #entry: Entry | undefined;
  #finding: Promise<Entry> | undefined;
  #refresh: NodeJS.Timeout | undefined;
  readonly #stopping = new AbortController();

  constructor(init: AccessClientInit, node: Libp2p, reclaim: BufferReclaim) {
    this.#init = init;
    this.#node = node;
    this.#signer = init.signer ?? keyPairFromSeed(init.keySeed);
    this.#workers = new Workers(node);
    this.#reclaim = reclaim;
  }

  /** The client's own key. */
  get caller(): PeerKeyId {
    return this.#signer.id;
  }

  /** The statement by which the entry's key took the place of the one this client began with; null: it did not. */
  get succession(): Succession | null {
    return this.#entry?.succession ?? null;
  }

  /** What the entry said when it let this client in. Connects if there is none. Throws `unreachable`, `not-allowed`. */
  async welcome(signal: AbortSignal): Promise<Welcome> {
    return (await this.#enter(signal)).welcome;
  }

  /**
   * Asks any instance: whoever is the entry, or the next one if that is lost before it answers. Not for submitting. Throws what a
   * refusal says, `unreachable`, `timeout`.
   */
  async request<K extends AccessAnswer['kind']>(
    request: Exclude<AccessRequest, { readonly kind: 'submit' }>,
    kind: K,
    signal: AbortSignal,
  ): Promise<Extract<AccessAnswer, { kind: K }>> {
    using deadline = new Deadline(REQUEST_TIMEOUT_MS, [signal]);
    const bounded = deadline.signal;
    for (;;) {
      const entry = await this.#enter(bounded);
      try {
        return expectAnswer(await entry.control.request(request, bounded), kind);
      } catch (error) {
        if (entry.control.isOpen || bounded.aborted) throw error;
      }
    }
  }

  /**
   * Signs a job request for the entry and hands it in, once. Throws what a refusal says, or `outcome-unknown` if the entry is lost before it
   * answers: the job may or may not have been accepted, and the same id is never submitted anywhere else.
   */
  async submit(job: JobInit, signal: AbortSignal): Promise<AcceptedJob> {
    const entry = await this.#enter(signal);
    const jobId = job.jobId ?? newJobId();
    const request = await this.#sealRequest({ ...job, jobId }, entry);
    const answer = expectAnswer(await entry.control.request({ kind: 'submit', request }, signal), 'accepted');
    return { jobId, notice: answer.notice, worker: answer.worker, addresses: answer.addresses };
  }

  /**
   * Submits a job and opens its session, in one round trip where the entry does the job itself. Throws what `submit` and `openSession` throw; whatever it
   * throws, the same id is not used again. `patience`: how many times as long as usual silence is borne.
   */
  async place(job: Omit<JobInit, 'jobId'>, signal: AbortSignal, patience = 1): Promise<Placed> {
    const entry = await this.#enter(signal);
    if (this.#elders.has(entry.welcome.startId)) return this.#placeInTwoSteps(job, signal);
    const jobId = newJobId();
    const request = await this.#sealRequest({ ...job, jobId }, entry);
    const opened = await this.#openAt(entry, { request, signal, patience });
    if ('stream' in opened) return { jobId, worker: entry.welcome.instanceId, stream: opened.stream };
    return { jobId, worker: opened.worker, stream: await this.openSession({ jobId, ...opened }, signal, patience) };
  }

  async #placeInTwoSteps(job: Omit<JobInit, 'jobId'>, signal: AbortSignal): Promise<Placed> {
    const accepted = await this.submit(job, signal);
    return { jobId: accepted.jobId, worker: accepted.worker, stream: await this.openSession(accepted, signal) };
  }

  async #openAt(entry: Entry, opening: Omit<OpenJobInit, 'connection'>): Promise<OpenedJob> {
    try {
      return await openJob({ connection: entry.connection, ...opening });
    } catch (error) {
      if (!(error instanceof WorkerSilentError)) throw error;
      // Reset at once it may be of an older version, which is asked the old way from now on; silent it is no entry any more.
      if (error.isReset) this.#elders.add(entry.welcome.startId);
      else if (!opening.signal.aborted) entry.control.stop();
      throw error;
    }
  }

  #sealRequest(job: JobInit & { readonly jobId: string }, { welcome, welcomedAtMs }: Entry): Promise<Uint8Array> {
    const entryUnixMs = welcome.unixMs + Math.round(performance.now() - welcomedAtMs);
    const request: JobRequest = {
      gatewayUid: welcome.gatewayUid,
      jobId: job.jobId,
      kind: job.kind,
      recordId: job.recordId,
      parent: job.parent ?? null,
      parameters: job.parameters ?? [],
      entry: welcome.instanceId,
      entryStartId: welcome.startId,
      caller: this.#signer.id,
      deadlineUnixMs: entryUnixMs + (job.deadlineMs ?? JOB_DEADLINE_MS),
      grant: this.#init.grant,
    };
    return sealFor(jobRequestSeal, request, this.#signer);
  }

  /**
   * Opens the session of an accepted job: a paused stream of raw bytes. Straight to the worker where it can be reached, else through
   * the entry. Throws what the worker says, or `outcome-unknown` if it is silent.
   */
  async openSession(job: Omit<AcceptedJob, 'notice'>, signal: AbortSignal, patience = 1): Promise<Stream> {
    const { jobId, worker, addresses } = job;
    const entry = await this.#enter(signal);
    const direct =
      worker === entry.welcome.instanceId ? entry.connection : await this.#workers.connect(worker, addresses);
    try {
      const connection = direct ?? entry.connection;
      return await claimSession({ connection, key: this.#signer, jobId, worker, signal, patience });
    } catch (error) {
      if (error instanceof WorkerSilentError && direct !== undefined) this.#workers.distrust(worker);
      throw error;
    }
  }

  /** Joins a session to a connected TCP socket (made with `allowHalfOpen`), faithfully, until both directions are closed. */
  joinSocket(stream: Stream, socket: Socket, signal: AbortSignal): Promise<Carried> {
    return carrySocket({ stream, socket, signal, reclaim: this.#reclaim });
  }

  /** A session's stream as a Node stream, which breaks when its worker gives no sign of life for ten seconds. */
  duplex(stream: Stream): Duplex {
    const duplex = new StreamDuplex(stream);
    const onSilent = (): void => void duplex.destroy(new Error('the worker gives no sign of life'));
    const watch = new LivenessWatch(stream, onSilent, { checkMs: SESSION_CHECK_MS, checks: SESSION_CHECKS });
    duplex.once('close', () => watch[Symbol.dispose]());
    return duplex;
  }

  /** Closes everything; sessions are reset. */
  async stop(): Promise<void> {
    this.#stopping.abort(stopped());
    clearInterval(this.#refresh);
    this.#entry?.control.stop();
    await this.#node.stop();
  }

  /** The living entry, or the next one that is found. */
  async #enter(signal: AbortSignal): Promise<Entry> {
    if (this.#stopping.signal.aborted) throw stopped();
    if (this.#entry?.control.isOpen === true) return this.#entry;
    this.#finding ??= this.#find().finally(() => {
      this.#finding = undefined;
    });
    const { promise: given, reject } = Promise.withResolvers<never>();
    const onAbort = (): void =>
      reject(new GatewayError('cancelled', 'given up before an instance was found', { cause: signal.reason }));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal.aborted) onAbort();
      return await Promise.race([this.#finding, given]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Whoever asks first must not end it for the others: it has a time of its own. */
  async #find(): Promise<Entry> {
    using deadline = new Deadline(FIND_MS, [this.#stopping.signal]);
    const { signal } = deadline;
    const { grant, poolKey, admins, gatewayUid } = this.#init;
    const components = { node: this.#node, verify: this.#verify, grant, poolKey, admins, gatewayUid };
    const entry = await findEntry(components, this.#candidates(), signal);
    this.#entry = entry;
    this.#learn(entry.welcome);
    this.#refresh ??= setInterval(() => void this.#learnAgain(), MEMBERS_REFRESH_MS).unref();
    return entry;
  }

  /** Addresses to try: those of the profile, then those of members, without the ones of the instance that was just lost. */
  #candidates(): readonly string[] {
    const lost = this.#entry;
    const known = [...this.#addresses].filter(([id]) => id !== lost?.welcome.instanceId).map(([, list]) => list);
    const given = this.#init.addresses.filter((address) => address !== lost?.address);
    // One address of each member before the second of any.
    const most = Math.max(0, ...known.map((list) => list.length));
    const members = Array.from({ length: most }, (_, place) => known.flatMap((list) => list.slice(place, place + 1)));
    const last = lost === undefined ? [] : [lost.address];
    return [...new Set([...given, ...members.flat(), ...last])];
  }

  #learn({ members }: Welcome): void {
    this.#addresses.clear();
    for (const { instanceId, addresses } of members) this.#addresses.set(instanceId, addresses);
  }

  async #learnAgain(): Promise<void> {
    const entry = this.#entry;
    if (entry?.control.isOpen !== true) return;
    try {
      using deadline = new Deadline(MEMBERS_REFRESH_MS);
      const { signal } = deadline;
      this.#learn(
        expectAnswer(await entry.control.request({ kind: 'hello', grant: this.#init.grant }, signal), 'welcome'),
      );
    } catch {
      // Silent for a whole interval: another entry is found with the next request.
      entry.control.stop();
    }
  }
}

function stopped(): GatewayError {
  return new GatewayError('cancelled', 'the client was stopped');
}

/** A fresh job id: 16 random bytes in base64url. */
export function newJobId(): string {
  return formatRandomId(randomBytes(RANDOM_ID_BYTES));
}

/** A client that is connected to an instance. Throws `unreachable`, `not-allowed`, `bad-usage`. */
export async function connectAccess(init: AccessClientInit, signal: AbortSignal): Promise<AccessClient> {
  const reclaim = new BufferReclaim();
  const { keySeed = new Uint8Array(randomBytes(SEED_BYTES)), signer } = init;
  const node = await createAccessNode({ keySeed, signer, listen: [], announce: [], reclaim, protocols: [] });
  // Nobody opens streams to a client. But libp2p looks up the limits of a protocol in its handler, also for streams that go out.
  const refuse: StreamHandler = (stream) => stream.abort(new Error('a client has no sessions'));
  await node.handle([Protocol.accessControl, Protocol.accessSession, Protocol.accessOpen], refuse, {
    maxOutboundStreams: STREAMS_MAX,
  });
  await node.start();
  const client = new AccessClient(init, node, reclaim);
  try {
    await client.welcome(signal);
    return client;
  } catch (error) {
    await client.stop();
    throw error;
  }
}
