import type { Connection, Stream } from '@libp2p/interface';
import { GatewayError } from '../../base/errors.ts';
import type { PeerKeyId } from '../../base/ids.ts';
import type { Verify } from '../../base/signing.ts';
import type { PoolPort } from '../../pool-port.ts';
import { SESSION_CLAIM_BYTES_MAX, type SessionClaim, sessionClaimSeal } from '../../wire/access-session.ts';
import { DESK } from '../../wire/desk-message.ts';
import { open } from '../../wire/sealed.ts';
import { hostOf } from '../address.ts';
import { CLAIM_TIMEOUT_MS, SESSIONS_OPENING_MAX } from '../bounds.ts';
import { Deadline } from '../deadline.ts';
import { takeFrame } from '../frame.ts';
import type { AccessLog } from '../log.ts';
import { sendRefusal } from '../session-answer.ts';
import type { DeskServer } from './desk.ts';
import type { Ledger } from './ledger.ts';
import type { Relay } from './relay.ts';
import type { Visitors } from './visitors.ts';
import type { Worker } from './worker.ts';

/** What opening sessions needs. */
export interface SessionComponents {
  readonly port: PoolPort;
  readonly verify: Verify;
  readonly visitors: Visitors;
  readonly worker: Worker;
  readonly relay: Relay;
  readonly ledger: Ledger;
  readonly desk: DeskServer;
  readonly log: AccessLog;
}

/** A claim whose signature was checked. */
export interface VerifiedClaim {
  readonly claim: SessionClaim;
  readonly caller: PeerKeyId;
  /** The client's address; null where another instance relays for it. */
  readonly source: string | null;
  readonly sealed: Uint8Array;
}

/** Takes session streams in: reads the claim, then runs the session here or carries it to its worker. */
export class SessionServer {
  readonly #components: SessionComponents;
  #opening = 0;

  constructor(components: SessionComponents) {
    this.#components = components;
  }

  /** Serves one stream to its end. Never throws. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    if (this.#opening >= SESSIONS_OPENING_MAX) return stream.abort(new Error('too many sessions are being opened'));
    this.#opening += 1;
    const opened = this.#open(stream, connection).finally(() => {
      this.#opening -= 1;
    });
    try {
      const verified = await opened;
      if (verified.claim.worker !== this.#components.port.instanceId) {
        await this.#components.relay.carry(stream, verified);
      } else if (verified.claim.jobId === DESK) {
        await this.#components.desk.serve(stream, verified.caller);
      } else {
        await this.#components.worker.run(stream, { ...verified, jobId: verified.claim.jobId });
      }
    } catch (error) {
      this.#components.log.debug({ peer: connection.remotePeer.toString(), error }, 'session refused');
      if (error instanceof GatewayError) this.#components.ledger.denied(connection, 'session', error);
      await refuse(stream, error);
    }
  }

  async #open(stream: Stream, connection: Connection): Promise<VerifiedClaim> {
    const { port, verify, visitors } = this.#components;
    using deadline = new Deadline(CLAIM_TIMEOUT_MS);
    const { signal } = deadline;
    const sealed = await takeFrame(stream, { payloadBytesMax: SESSION_CLAIM_BYTES_MAX, signal });
    const { value: claim, signers } = open(sessionClaimSeal, sealed, verify);
    const [caller] = signers;
    if (caller === undefined || signers.length > 1) throw new GatewayError('not-allowed', 'a claim has one signature');
    if (claim.worker !== port.instanceId) assertRelayable(visitors, connection, caller);
    visitors.prove(connection);
    const isDirect = connection.remotePeer.toString() === caller;
    return { claim, caller, source: isDirect ? hostOf(connection.remoteAddr) : null, sealed };
  }
}

/** Only for clients that have shown who they are here, and for their own sessions: this instance is nobody's open proxy. */
function assertRelayable(visitors: Visitors, connection: Connection, caller: PeerKeyId): void {
  if (visitors.callerOn(connection)?.id === caller) return;
  throw new GatewayError(
    'not-allowed',
    'sessions are relayed only for clients that have shown an admin key or a grant here',
  );
}

/** Tells the client why there is no session. */
export async function refuse(stream: Stream, error: unknown): Promise<void> {
  if (stream.status !== 'open') return;
  if (!(error instanceof GatewayError)) return stream.abort(error instanceof Error ? error : new Error(String(error)));
  await sendRefusal(stream, { code: error.code, message: error.message });
}
