/** A client without manners: it hands the same signed request to whom it likes, as often as it likes, and claims what it is given again and again. */

import type { Stream } from '@libp2p/interface';
import { BufferReclaim } from '../../../src/access/buffer-reclaim.ts';
import { type Entry, findEntry } from '../../../src/access/client/entry.ts';
import { newJobId } from '../../../src/access/client/index.ts';
import { claimSession } from '../../../src/access/client/session.ts';
import { createAccessNode } from '../../../src/access/node.ts';
import { createEd25519Verify, type KeyPair, keyPairFromSeed } from '../../../src/base/ed25519.ts';
import type { InstanceId } from '../../../src/base/ids.ts';
import type { AccessAnswer } from '../../../src/wire/access-message.ts';
import { type JobNotice, jobRequestSeal } from '../../../src/wire/job.ts';
import { seal } from '../../../src/wire/sealed.ts';
import type { Pool } from './pool.ts';

type Node = Awaited<ReturnType<typeof createAccessNode>>;

/** A request as it goes over the wire. */
export interface SignedJob {
  readonly jobId: string;
  readonly sealed: Uint8Array;
}

/** How long one step may take: shorter than a person waits, longer than a live instance takes on a busy machine. */
const STEP_MS = 4000;
const DEADLINE_MS = 60_000;

/** Connections of one admin to every instance of a pool. */
export class InsistentClient {
  readonly #pool: Pool;
  readonly #node: Node;
  readonly #key: KeyPair;
  readonly #verify = createEd25519Verify();
  readonly #entries = new Map<string, Promise<Entry>>();

  private constructor(pool: Pool, node: Node) {
    this.#pool = pool;
    this.#node = node;
    this.#key = keyPairFromSeed(pool.profile().key.reveal());
  }

  /** A client that is connected to nobody yet. */
  static async start(pool: Pool): Promise<InsistentClient> {
    const keySeed = pool.profile().key.reveal();
    const node = await createAccessNode({ keySeed, listen: [], announce: [], reclaim: new BufferReclaim() });
    await node.start();
    return new InsistentClient(pool, node);
  }

  /** A request that names this instance, as it runs now, as its entry. */
  async sign(entryName: string, recordId: string): Promise<SignedJob> {
    const { welcome, welcomedAtMs } = await this.#entry(entryName);
    const jobId = newJobId();
    const request = {
      gatewayUid: welcome.gatewayUid,
      jobId,
      kind: 'tunnel',
      recordId,
      parent: null,
      parameters: [],
      entry: welcome.instanceId,
      entryStartId: welcome.startId,
      caller: this.#key.id,
      deadlineUnixMs: welcome.unixMs + Math.round(performance.now() - welcomedAtMs) + DEADLINE_MS,
      grant: null,
    } as const;
    return { jobId, sealed: seal(jobRequestSeal, request, [this.#key]) };
  }

  /** Hands a request to an instance, whether it names that one or not. Rejects if there is no answer. */
  async submit(to: string, { sealed }: SignedJob): Promise<AccessAnswer> {
    const { control } = await this.#entry(to);
    return control.request({ kind: 'submit', request: sealed }, AbortSignal.timeout(STEP_MS));
  }

  /** Opens the session of a job over the connection to the instance of this name, which relays where it is not the worker. Rejects where there is none. */
  async claim(over: string, jobId: string, worker: InstanceId): Promise<Stream> {
    const { connection } = await this.#entry(over);
    return claimSession({ connection, key: this.#key, jobId, worker, signal: AbortSignal.timeout(STEP_MS) });
  }

  /** What an instance says of a job; null: nobody it could ask knows of it. */
  async ask(name: string, jobId: string): Promise<JobNotice | null> {
    const { control } = await this.#entry(name);
    const answer = await control.request({ kind: 'job-info', jobId }, AbortSignal.timeout(STEP_MS));
    if (answer.kind === 'job') return answer.notice;
    if (answer.kind === 'refused' && answer.failure.code === 'not-found') return null;
    throw new Error(`${name} answers ${JSON.stringify(answer)}`);
  }

  /** Closes everything. */
  async stop(): Promise<void> {
    await this.#node.stop();
  }

  /** One at a time: an instance takes only a few control streams from one client, and has no use for more. */
  async #entry(name: string): Promise<Entry> {
    const finding = this.#entries.get(name);
    const known = await finding?.catch(() => undefined);
    if (known?.control.isOpen === true) return known;
    if (this.#entries.get(name) !== finding) return this.#entry(name);
    const components = {
      node: this.#node,
      verify: this.#verify,
      grant: null,
      poolKey: this.#pool.profile().poolKey,
      gatewayUid: this.#pool.uid,
    };
    const found = findEntry(components, [this.#pool.site(name).access], AbortSignal.timeout(STEP_MS));
    this.#entries.set(name, found);
    return found;
  }
}
