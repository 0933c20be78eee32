import type { Connection } from '@libp2p/interface';
import type { Audit } from '../../audit/index.ts';
import { GatewayError } from '../../base/errors.ts';
import type { AccessAnswer, AccessRequest } from '../../wire/access-message.ts';
import type { DeskRequest } from '../../wire/desk-message.ts';
import type { Failure, JobNotice } from '../../wire/job.ts';
import type { Caller } from './caller.ts';

/** Requests that change nothing and disclose nothing that a caller could not see anyhow. Everything else is recorded, new requests too. */
const UNRECORDED: ReadonlySet<AccessRequest['kind']> = new Set<AccessRequest['kind']>([
  'hello',
  'submit',
  'job-info',
  'job-trace',
  'job-output',
  'pool-view',
  'list-records',
  'list-jobs',
  'schedules',
]);

/** What clients asked for and what became of it, told to the audit. A job has its own entries, from its worker. */
export class Ledger {
  readonly #audit: Audit;

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  /** What cannot be recorded is not begun. Throws `storage-failed`. */
  assertWritable(): void {
    const { failure } = this.#audit;
    if (failure === null) return;
    throw new GatewayError(
      'storage-failed',
      `this instance takes no jobs: its audit log cannot be written (${failure})`,
    );
  }

  /** A client has shown who it is. */
  welcomed(connection: Connection, { id, grant }: Caller): void {
    this.#audit.append({
      kind: 'client-welcomed',
      caller: id,
      role: grant === null ? 'admin' : 'user',
      grantId: grant?.grantId ?? null,
      grantName: grant?.name ?? null,
      address: addressOf(connection),
    });
  }

  /** A request was answered. */
  answered(connection: Connection, caller: Caller | undefined, request: AccessRequest, answer: AccessAnswer): void {
    if (request.kind === 'job-cancel' && answer.kind === 'job') this.#ended(caller, answer.notice);
    const failure = answer.kind === 'refused' ? answer.failure : null;
    if (failure?.code === 'not-allowed') return this.denied(connection, request.kind, failure);
    // A reader who follows the log would fill it by reading.
    const goesOn = request.kind === 'audit-page' && (request.after ?? 0) > 0;
    if (UNRECORDED.has(request.kind) || goesOn) return;
    this.#audit.append({
      kind: 'requested',
      caller: caller?.id ?? null,
      what: request.kind,
      subject: 'jobId' in request ? request.jobId : null,
      outcome: failure?.code ?? 'done',
      reason: failure?.message ?? null,
    });
  }

  /** Somebody looks at what others did: at a recording, or at a session while it goes on. Lists show nothing of it. */
  looked(caller: string, request: DeskRequest): void {
    const { kind } = request;
    if (kind !== 'read-recording' && kind !== 'watch-session') return;
    const subject = kind === 'read-recording' ? request.id : request.jobId;
    this.#audit.append({ kind: 'requested', caller, what: kind, subject, outcome: 'asked', reason: null });
  }

  /** Somebody sees what a session shows, from now on. */
  watched(caller: string, jobId: string): void {
    this.#audit.append({ kind: 'session-controlled', jobId, caller, what: 'watched' });
  }

  /** Somebody ended a session of somebody else. Jobs without a person in them, and one's own sessions, have their other entries. */
  #ended(caller: Caller | undefined, notice: JobNotice | null): void {
    if (caller === undefined || notice === null || notice.caller === caller.id) return;
    if (notice.state !== 'cancelled' || (notice.kind !== 'connection' && notice.kind !== 'tunnel')) return;
    this.#audit.append({ kind: 'session-controlled', jobId: notice.jobId, caller: caller.id, what: 'ended' });
  }

  /** Somebody wanted something that they may not. */
  denied(connection: Connection, what: string, { code, message }: Pick<Failure, 'code' | 'message'>): void {
    if (code !== 'not-allowed') return;
    const caller = connection.remotePeer.toString();
    this.#audit.append({ kind: 'denied', caller, address: addressOf(connection), what, code, reason: message });
  }
}

function addressOf({ remoteAddr }: Connection): string {
  return remoteAddr.toString();
}
