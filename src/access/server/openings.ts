import type { Connection, Stream } from '@libp2p/interface';
import { GatewayError } from '../../base/errors.ts';
import type { PoolPort } from '../../pool-port.ts';
import { jobRequestSeal } from '../../wire/job.ts';
import { sealedBytesMax } from '../../wire/sealed.ts';
import { hostOf } from '../address.ts';
import { CLAIM_TIMEOUT_MS, OPENINGS_MAX, REQUEST_TIMEOUT_MS } from '../bounds.ts';
import { Deadline } from '../deadline.ts';
import { takeFrame } from '../frame.ts';
import type { AccessLog } from '../log.ts';
import { sendAnswer } from '../session-answer.ts';
import { knownCaller } from './caller.ts';
import type { Directory } from './directory.ts';
import type { Ledger } from './ledger.ts';
import { refuse } from './sessions.ts';
import { Turnstile } from './turnstile.ts';
import type { Visitors } from './visitors.ts';
import type { Worker } from './worker.ts';

/** What taking job requests with their sessions needs. */
export interface OpeningComponents {
  readonly port: PoolPort;
  readonly directory: Directory;
  readonly visitors: Visitors;
  readonly worker: Worker;
  readonly ledger: Ledger;
  readonly log: AccessLog;
}

const REQUEST_BYTES_MAX = sealedBytesMax(jobRequestSeal);

/** Takes job requests that bring the stream for their session along: a job that stays here needs no second round trip and no claim. */
export class OpeningServer {
  readonly #components: OpeningComponents;
  readonly #turnstiles = new WeakMap<Connection, Turnstile>();

  constructor(components: OpeningComponents) {
    this.#components = components;
  }

  /** Serves one stream to its end. Never throws. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const { visitors, worker, port, ledger, log } = this.#components;
    try {
      ledger.assertWritable();
      const caller = knownCaller(visitors.callerOn(connection), port);
      const source = hostOf(connection.remoteAddr);
      const jobId = await this.#place(stream, connection, source);
      if (jobId !== null) await worker.run(stream, { jobId, caller: caller.id, source });
    } catch (error) {
      log.debug({ peer: connection.remotePeer.toString(), error }, 'job refused');
      if (error instanceof GatewayError) ledger.denied(connection, 'submit', error);
      await refuse(stream, error);
    }
  }

  /** The job if it is to be done here; null if the client was sent elsewhere. */
  async #place(stream: Stream, connection: Connection, source: string): Promise<string | null> {
    const { port, directory } = this.#components;
    const turnstile = this.#turnstileOf(connection);
    await turnstile.enter();
    try {
      const reply = await this.#submit(stream, source);
      if (reply.kind === 'refused') throw new GatewayError(reply.failure.code, reply.failure.message);
      if (reply.kind !== 'accepted') throw new GatewayError('bad-message', `unexpected answer ${reply.kind} to a job`);
      const { worker, notice } = reply;
      if (worker === port.instanceId) return notice.jobId;
      sendAnswer(stream, { kind: 'elsewhere', worker, addresses: directory.addressesOf(worker) });
      await stream.close({ signal: AbortSignal.timeout(CLAIM_TIMEOUT_MS) });
      return null;
    } finally {
      turnstile.leave();
    }
  }

  async #submit(stream: Stream, source: string): ReturnType<PoolPort['submit']> {
    using patience = new Deadline(CLAIM_TIMEOUT_MS);
    const request = await takeFrame(stream, { payloadBytesMax: REQUEST_BYTES_MAX, signal: patience.signal });
    using deadline = new Deadline(REQUEST_TIMEOUT_MS);
    return await this.#components.port.submit({ request, source }, deadline.signal);
  }

  #turnstileOf(connection: Connection): Turnstile {
    const known = this.#turnstiles.get(connection);
    if (known !== undefined) return known;
    const turnstile = new Turnstile(OPENINGS_MAX);
    this.#turnstiles.set(connection, turnstile);
    return turnstile;
  }
}
