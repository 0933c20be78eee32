import type { Connection, Stream } from '@libp2p/interface';
import type { Audit } from '../../audit/index.ts';
import { GatewayError } from '../../base/errors.ts';
import { parseKeyId } from '../../base/ids.ts';
import type { Verify } from '../../base/signing.ts';
import type { PoolPort } from '../../pool-port.ts';
import type { Reveal } from '../../vault/index.ts';
import {
  ACCESS_REQUEST_BYTES_MAX,
  type AccessAnswer,
  type AccessRequest,
  accessAnswerCodec,
  accessRequestCodec,
} from '../../wire/access-message.ts';
import { ERROR_TEXT_MAX } from '../../wire/bounds.ts';
import { decode, encode } from '../../wire/codec.ts';
import type { Failure } from '../../wire/job.ts';
import { hostOf } from '../address.ts';
import { ANSWERS_BYTES_MAX, CONTROL_IDLE_MS, REQUEST_TIMEOUT_MS, REQUESTS_MAX } from '../bounds.ts';
import { Deadline } from '../deadline.ts';
import { encodeFrame, FrameCutter } from '../frame.ts';
import type { AccessLog } from '../log.ts';
import { pauseReading, resumeReading, trySend } from '../stream-state.ts';
import { knownCaller, recogniseCaller } from './caller.ts';
import type { Directory } from './directory.ts';
import type { Ledger } from './ledger.ts';
import { entryPoints } from './pages.ts';
import { answerRequest } from './requests.ts';
import type { Visitors } from './visitors.ts';

/** What answering needs. */
export interface ControlComponents {
  readonly port: PoolPort;
  readonly directory: Directory;
  readonly verify: Verify;
  readonly visitors: Visitors;
  /** This instance's proof that it belongs to the pool. */
  readonly proof: () => Uint8Array;
  /** The sealed statement by which its key took the place of others. */
  readonly succession: Uint8Array | undefined;
  readonly reveal: Reveal | null;
  /** What clients seal credentials to; null: they cannot. */
  readonly vaultKey: () => Uint8Array | null;
  readonly audit: Audit;
  readonly ledger: Ledger;
  readonly log: AccessLog;
}

/** Answers a client's requests on one stream, until it closes. */
export class ControlServer {
  readonly #components: ControlComponents;
  readonly #stream: Stream;
  readonly #connection: Connection;
  readonly #cutter = new FrameCutter(ACCESS_REQUEST_BYTES_MAX);
  readonly #gone = new AbortController();
  #answering = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(components: ControlComponents, stream: Stream, connection: Connection) {
    this.#components = components;
    this.#stream = stream;
    this.#connection = connection;
  }

  /** Begins to read. */
  start(): void {
    const stream = this.#stream;
    stream.addEventListener('close', () => this.#stop());
    stream.addEventListener('remoteCloseWrite', () => void stream.close().catch(() => undefined));
    stream.addEventListener('message', ({ data }) => {
      for (const chunk of data instanceof Uint8Array ? [data] : data) this.#cutter.push(chunk);
      this.#advance();
    });
    this.#idle = setTimeout(() => stream.abort(new Error('no request for too long')), CONTROL_IDLE_MS);
    if (stream.status !== 'open') this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#idle);
    this.#gone.abort(new GatewayError('unreachable', 'the client is gone'));
  }

  /** Takes up whole requests while there is room for them; the rest waits unread, which in the end stops the client. */
  #advance(): void {
    try {
      while (this.#answering < REQUESTS_MAX) {
        const frame = this.#cutter.next();
        if (frame === undefined) return resumeReading(this.#stream);
        const { number, body } = decode(accessRequestCodec, frame, ACCESS_REQUEST_BYTES_MAX);
        void this.#take(number, body);
      }
      pauseReading(this.#stream);
    } catch (error) {
      this.#components.log.debug({ peer: this.#connection.remotePeer.toString(), error }, 'request is not valid');
      this.#stream.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #take(number: number, request: AccessRequest): Promise<void> {
    this.#answering += 1;
    this.#idle?.refresh();
    using deadline = new Deadline(REQUEST_TIMEOUT_MS, [this.#gone.signal]);
    const { signal } = deadline;
    try {
      this.#settle(number, request, await this.#answer(request, signal));
    } catch (error) {
      if (!(error instanceof GatewayError))
        this.#components.log.warn({ request: request.kind, error }, 'request failed');
      this.#settle(number, request, { kind: 'refused', failure: failureOf(error, signal) });
    } finally {
      this.#answering -= 1;
      if (this.#answering === REQUESTS_MAX - 1) this.#advance();
    }
  }

  #settle(number: number, request: AccessRequest, answer: AccessAnswer): void {
    const { ledger, visitors } = this.#components;
    ledger.answered(this.#connection, visitors.callerOn(this.#connection), request, answer);
    this.#send(number, answer);
  }

  async #answer(request: AccessRequest, signal: AbortSignal): Promise<AccessAnswer> {
    if (request.kind === 'hello') return this.#welcome(request.grant);
    const { visitors, port } = this.#components;
    const caller = knownCaller(visitors.callerOn(this.#connection), port);
    const source = hostOf(this.#connection.remoteAddr);
    return answerRequest({ ...this.#components, source }, caller, request, signal);
  }

  #welcome(grant: Uint8Array | null): AccessAnswer {
    const { port, verify, visitors, proof, succession, ledger } = this.#components;
    const vaultKey = this.#components.vaultKey();
    const peer = parseKeyId(this.#connection.remotePeer.toString());
    if (peer === undefined) throw new GatewayError('not-allowed', 'the connection was not made with an Ed25519 key');
    const unixMs = port.unixMs();
    const caller = recogniseCaller({ peer, grant, gateway: port.gateway, unixMs, verify });
    knownCaller(caller, port);
    // A client greets again and again to learn of new members.
    if (visitors.callerOn(this.#connection) === undefined) ledger.welcomed(this.#connection, caller);
    visitors.welcome(this.#connection, caller);
    return {
      kind: 'welcome',
      instanceId: port.view().self,
      startId: port.startId,
      unixMs,
      gatewayUid: port.gateway.uid,
      gatewayName: port.gateway.name,
      proof: proof(),
      members: entryPoints(port),
      vaultKey: vaultKey === null ? '' : Buffer.from(vaultKey).toString('base64url'),
      succession: Buffer.from(succession ?? []).toString('base64url'),
    };
  }

  #send(number: number, body: AccessAnswer): void {
    if (this.#stream.writeBufferLength > ANSWERS_BYTES_MAX) this.#stream.abort(new Error('answers are not read'));
    trySend(this.#stream, encodeFrame(encode(accessAnswerCodec, { number, body })));
  }
}

function failureOf(error: unknown, signal: AbortSignal): Failure {
  if (error instanceof GatewayError) return { code: error.code, message: error.message.slice(0, ERROR_TEXT_MAX) };
  if (signal.aborted) return { code: 'timeout', message: `not answered within ${REQUEST_TIMEOUT_MS / 1000} s` };
  return { code: 'bad-message', message: 'the request could not be carried out' };
}
