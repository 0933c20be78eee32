import type { Stream } from '@libp2p/interface';
import type { Audit } from '../../audit/index.ts';
import { GatewayError } from '../../base/errors.ts';
import type { PeerKeyId } from '../../base/ids.ts';
import type { PoolPort, SessionAnswer } from '../../pool-port.ts';
import type { Vault } from '../../vault/index.ts';
import type { Outcome, Session, SessionChannel, WorkloadTable } from '../../workloads/index.ts';
import { PROGRESS_MS, STOP_MS } from '../bounds.ts';
import type { BufferReclaim } from '../buffer-reclaim.ts';
import { carrySocket } from '../carry-socket.ts';
import { Deadline } from '../deadline.ts';
import type { AccessLog } from '../log.ts';
import { sendAnswer, sendRefusal } from '../session-answer.ts';
import { StreamDuplex } from '../stream-duplex.ts';

/** What carrying out jobs needs. */
export interface WorkerComponents {
  readonly port: PoolPort;
  readonly workloads: WorkloadTable;
  readonly vault: Vault;
  readonly audit: Audit;
  readonly reclaim: BufferReclaim;
  readonly log: AccessLog;
}

/** A session that somebody wants: its job, and who has proved to be asking. */
export interface SessionRequest {
  readonly jobId: string;
  readonly caller: PeerKeyId;
  /** The client's address; null where another instance relays for it. */
  readonly source: string | null;
}

type Accepted = Extract<SessionAnswer, { readonly kind: 'run' }>;

/** A session under way and how much it has carried. */
interface Running {
  readonly jobId: string;
  bytesIn: number;
  bytesOut: number;
  changed: boolean;
  readonly ended: PromiseWithResolvers<void>;
}

/** Made once: an exception for each session that ends, with its stack, would cost more than the rest of its end. */
const GONE = new GatewayError('cancelled', 'the client is gone');

/** Runs the sessions of the jobs that this instance has accepted. */
export class Worker {
  readonly #components: WorkerComponents;
  readonly #running = new Set<Running>();
  readonly #stopping = new AbortController();
  readonly #draining = new AbortController();
  readonly #progress: NodeJS.Timeout;

  constructor(components: WorkerComponents) {
    this.#components = components;
    this.#progress = setInterval(() => this.#look(), PROGRESS_MS).unref();
  }

  /** Sessions under way. */
  get sessions(): number {
    return this.#running.size;
  }

  /** Asks the core whether the session may begin, and carries it out; ends when it has ended. */
  async run(stream: Stream, { jobId, caller, source }: SessionRequest): Promise<void> {
    const gone = new AbortController();
    stream.addEventListener('close', () => gone.abort(GONE));
    const signal = AbortSignal.any([gone.signal, this.#stopping.signal]);
    const answer = await this.#components.port.openSession({ jobId, caller, source }, signal);
    if (answer.kind === 'refused') return sendRefusal(stream, answer.failure);
    const running: Running = {
      jobId,
      bytesIn: 0,
      bytesOut: 0,
      changed: false,
      ended: Promise.withResolvers(),
    };
    this.#running.add(running);
    // From here on the core waits for exactly one end.
    const outcome = await this.#carryOut(stream, answer, running);
    this.#running.delete(running);
    this.#components.port.jobEnded({ jobId, ...outcome });
    running.ended.resolve();
  }

  /** Cancels all sessions, and waits until they have ended; two seconds at most. */
  async stop(): Promise<void> {
    clearInterval(this.#progress);
    this.#stopping.abort();
    using deadline = new Deadline(STOP_MS);
    const late = new Promise((resolve) => deadline.signal.addEventListener('abort', resolve));
    await Promise.race([Promise.all([...this.#running].map(({ ended }) => ended.promise)), late]);
  }

  async #carryOut(stream: Stream, { request, record, grant, cancelled }: Accepted, running: Running): Promise<Outcome> {
    const { workloads, vault, audit } = this.#components;
    const workload = workloads[request.kind];
    if (workload === undefined) {
      return this.#fail(stream, 'not-supported', `jobs of kind ${request.kind} are not supported by this version`);
    }
    let accepted = false;
    const signal = AbortSignal.any([cancelled, this.#stopping.signal]);
    const session: Session = {
      request,
      record,
      vault: audit.vaultFor(vault, { purpose: request.kind, jobId: request.jobId, caller: request.caller }),
      grant,
      cancelled: signal,
      draining: this.#draining.signal,
      accept: () => {
        accepted = true;
        sendAnswer(stream, { kind: 'ready' });
        return this.#channel(stream, signal, running);
      },
    };
    try {
      const outcome = await workload.run(session);
      if (!accepted && outcome.error !== null) await sendRefusal(stream, outcome.error);
      else if (!accepted) await sendRefusal(stream, { code: 'cancelled', message: 'the job was cancelled' });
      return outcome;
    } catch (error) {
      this.#components.log.warn({ jobId: running.jobId, error }, 'a workload failed unexpectedly');
      stream.abort(error instanceof Error ? error : new Error(String(error)));
      const failure = { code: 'bad-message', message: 'the workload failed unexpectedly' } as const;
      return { state: 'failed', error: failure, bytesIn: running.bytesIn, bytesOut: running.bytesOut };
    }
  }

  async #fail(stream: Stream, code: 'not-supported', message: string): Promise<Outcome> {
    await sendRefusal(stream, { code, message });
    return { state: 'failed', error: { code, message }, bytesIn: 0, bytesOut: 0 };
  }

  #channel(stream: Stream, signal: AbortSignal, running: Running): SessionChannel {
    const { reclaim } = this.#components;
    const onBytes = (bytesIn: number, bytesOut: number): void => {
      running.bytesIn = bytesIn;
      running.bytesOut = bytesOut;
      running.changed = true;
    };
    return {
      stream,
      duplex: () => new StreamDuplex(stream, onBytes),
      joinSocket: (socket) => carrySocket({ stream, socket, signal, reclaim, onBytes }),
    };
  }

  #look(): void {
    this.#report();
    if (this.#components.port.view().state === 'draining') this.#draining.abort();
  }

  #report(): void {
    for (const running of this.#running) {
      if (!running.changed) continue;
      running.changed = false;
      this.#components.port.jobProgress(running.jobId, running.bytesIn, running.bytesOut);
    }
  }
}
