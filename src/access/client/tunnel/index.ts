/** A tunnel on the client's side: a local port, a lease at the gateway, and one job for every TCP connection that is made to the port. */
import type { Server, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { GatewayError } from '../../../base/errors.ts';
import { PROTOCOL_PARAMETER, REASON_PARAMETER, ROLE_CONTROL, ROLE_PARAMETER } from '../../../wire/access-job.ts';
import type { Failure, Parameter } from '../../../wire/job.ts';
import { resumeReading } from '../../stream-state.ts';
import type { AccessClient, Placed } from '../access-client.ts';
import type { TunnelEvent } from './events.ts';
import { listenLocally } from './listener.ts';
import { placeSession } from './place.ts';

export type { TunnelEvent } from './events.ts';

/** What to tunnel to, and where to listen for it. */
export interface TunnelInit {
  readonly client: AccessClient;
  readonly recordId: string;
  /** `tunnel` (default): the bytes of whoever connects. `connection`: sessions into which the gateway puts the credential. */
  readonly kind?: 'tunnel' | 'connection';
  /** The record's, for a connection: what it costs depends on it. */
  readonly protocol?: string;
  /** Why it is wanted, where the record or the grant asks. */
  readonly reason?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0: the first free one of the dynamic range. */
  readonly port: number;
  /** A Unix socket to listen on instead of a port. */
  readonly path?: string;
  /** Why this local connection is not let in; undefined: it is. Anybody's is unless said. */
  readonly refuse?: (socket: Socket) => Promise<string | undefined>;
  readonly onEvent?: (event: TunnelEvent) => void;
}

/** A running tunnel. */
export interface Tunnel {
  /** The lease's; it changes when the lease is renewed. */
  jobId(): string;
  readonly listening: string;
  readonly recordId: string;
  /** The instance that holds the lease. */
  worker(): string;
  /** Connections under way. */
  connections(): number;
  /** Stops listening, resets connections, ends the lease. */
  stop(): Promise<void>;
}

const RENEW_PAUSE_MS_FIRST = 200;
const RENEW_PAUSE_MS_MAX = 5_000;

/** Registers and listens. Throws `address-in-use`, `unreachable`, and what the gateway says to the lease. */
export async function startTunnel(init: TunnelInit, signal: AbortSignal): Promise<Tunnel> {
  const tunnel = new TunnelService(init);
  await tunnel.start(signal);
  return tunnel;
}

class TunnelService implements Tunnel {
  readonly #init: TunnelInit;
  readonly #stopping = new AbortController();
  /** Each with a signal of its own: a shared one would get slower with every listener. */
  readonly #sockets = new Map<Socket, AbortController>();
  #server: Server | undefined;
  #lease: Placed | undefined;

  constructor(init: TunnelInit) {
    this.#init = init;
  }

  get listening(): string {
    const address = this.#server?.address();
    if (typeof address === 'string') return address;
    if (address === null || address === undefined) return '';
    return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
  }

  get recordId(): string {
    return this.#init.recordId;
  }

  jobId(): string {
    return this.#lease?.jobId ?? '';
  }

  worker(): string {
    return this.#lease?.worker ?? '';
  }

  connections(): number {
    return this.#sockets.size;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { host = '127.0.0.1', port, path } = this.#init;
    // The port first: what is wrong with it costs nobody a job.
    this.#server = await listenLocally({ host, port, path, onConnection: (socket) => void this.#serve(socket) });
    try {
      this.#hold(await this.#register(signal));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const [socket, connection] of this.#sockets) {
      connection.abort();
      socket.resetAndDestroy();
    }
    await this.#lease?.stream.close().catch(() => undefined);
    const closed = Promise.withResolvers<void>();
    if (this.#server === undefined) closed.resolve();
    else this.#server.close(() => closed.resolve());
    await closed.promise;
  }

  #register(signal: AbortSignal): Promise<Placed> {
    const { client, recordId, kind = 'tunnel' } = this.#init;
    const parameters = [...this.#parameters(), { name: ROLE_PARAMETER, value: ROLE_CONTROL }];
    return placeSession(client, { kind, recordId, parameters }, signal);
  }

  #parameters(): readonly Parameter[] {
    const { protocol, reason } = this.#init;
    return [
      ...(protocol === undefined ? [] : [{ name: PROTOCOL_PARAMETER, value: protocol }]),
      ...(reason === undefined ? [] : [{ name: REASON_PARAMETER, value: reason }]),
    ];
  }

  /** Keeps the lease until its stream closes, then registers anew. */
  #hold(lease: Placed): void {
    this.#lease = lease;
    const { stream } = lease;
    let lost = false;
    const onLost = (): void => {
      if (lost || this.#stopping.signal.aborted) return;
      lost = true;
      stream.abort(new Error('the lease has ended'));
      this.#emit({ kind: 'lease-lost' });
      void this.#renew();
    };
    stream.addEventListener('end', onLost);
    stream.addEventListener('close', onLost);
    stream.addEventListener('message', () => undefined);
    if (stream.status === 'open') resumeReading(stream);
    else onLost();
  }

  async #renew(): Promise<void> {
    const { signal } = this.#stopping;
    for (let pauseMs = RENEW_PAUSE_MS_FIRST; !signal.aborted; pauseMs = Math.min(2 * pauseMs, RENEW_PAUSE_MS_MAX)) {
      try {
        const lease = await this.#register(signal);
        this.#hold(lease);
        return this.#emit({ kind: 'lease-renewed', jobId: lease.jobId, worker: lease.worker });
      } catch (error) {
        // The gateway may be back later; connections report what is wrong meanwhile.
        if (!(error instanceof GatewayError)) throw error;
      }
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #serve(socket: Socket): Promise<void> {
    const connection = new AbortController();
    const { signal } = connection;
    this.#sockets.set(socket, connection);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    try {
      const { client, recordId, kind = 'tunnel', refuse } = this.#init;
      const refused = await refuse?.(socket);
      if (refused !== undefined) throw new GatewayError('not-allowed', refused);
      const job = { kind, recordId, parent: this.jobId(), parameters: this.#parameters() };
      const { jobId, worker, stream } = await placeSession(client, job, signal);
      this.#emit({ kind: 'connection-opened', jobId, worker });
      const { bytesIn, bytesOut } = await client.joinSocket(stream, socket, signal);
      // Seen from the client, what goes in comes out of the socket.
      this.#emit({ kind: 'connection-closed', jobId, worker, bytesIn: bytesOut, bytesOut: bytesIn });
    } catch (error) {
      socket.resetAndDestroy();
      if (!signal.aborted) this.#emit({ kind: 'connection-failed', failure: failureOf(error) });
    }
  }

  #emit(event: TunnelEvent): void {
    this.#init.onEvent?.(event);
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof GatewayError) return { code: error.code, message: error.message };
  return { code: 'unreachable', message: error instanceof Error ? error.message : String(error) };
}
