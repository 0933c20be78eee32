import { assertNever } from '../../base/assert.ts';
import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import type { Reply } from '../../core/index.ts';
import type { PoolPort } from '../../pool-port.ts';
import type { AccessAnswer, AccessRequest } from '../../wire/access-message.ts';
import type { Caller } from './caller.ts';
import { accessAddressesOf, poolPage, recordPage } from './pages.ts';

/** Requests of a client that has shown who it is. */
export type KnownRequest = Exclude<AccessRequest, { readonly kind: 'hello' }>;

/** Answers one request. Throws typed errors for what is refused. */
export async function answerRequest(
  port: PoolPort,
  caller: Caller,
  request: KnownRequest,
  signal: AbortSignal,
): Promise<AccessAnswer> {
  switch (request.kind) {
    case 'submit':
      return answerOf(port, await port.submit(request.request, signal));
    case 'job-info':
      return queryJob(port, caller, { jobId: request.jobId, wantTrace: false }, signal);
    case 'job-trace':
      return queryJob(port, caller, { jobId: request.jobId, wantTrace: true }, signal);
    case 'job-cancel':
      await queryJob(port, caller, { jobId: request.jobId, wantTrace: false }, signal);
      return answerOf(port, await port.cancelJob(request.jobId, caller.id, request.reason, signal));
    case 'pool-view':
      return poolPage(port, request.after);
    case 'offer-limit':
      assertAdmin(caller, 'set the limit');
      return answerOf(port, await port.offerLimit(request.sealed, signal));
    case 'offer-record':
      assertAdmin(caller, 'change records');
      return answerOf(port, await port.offerRecord(request.sealed, signal));
    case 'list-records':
      return recordPage(port, caller, request);
    case 'drain-member':
      assertAdmin(caller, 'drain an instance');
      return answerOf(port, await port.drainMember(request.command, signal));
    default:
      return assertNever(request);
  }
}

/** A job that is the caller's own, or any for an admin. */
async function queryJob(
  port: PoolPort,
  caller: Caller,
  asked: { readonly jobId: string; readonly wantTrace: boolean },
  signal: AbortSignal,
): Promise<AccessAnswer> {
  const reply = await port.queryJob(asked.jobId, asked.wantTrace, signal);
  const answer = answerOf(port, reply);
  if (answer.kind !== 'job') return answer;
  // Who may not see a job learns nothing about it, not even that it exists.
  const isOwn = answer.notice !== null && (caller.grant === null || answer.notice.caller === caller.id);
  if (!isOwn) throw new GatewayError('not-found', `job ${asked.jobId} is not known to this gateway`);
  return answer;
}

function assertAdmin(caller: Caller, what: string): void {
  if (caller.grant === null) return;
  throw new GatewayError('not-allowed', `only an admin may ${what}; key ${caller.id} is a user's`);
}

function answerOf(port: PoolPort, reply: Reply): AccessAnswer {
  if (reply.kind !== 'accepted') return reply;
  const worker: InstanceId = reply.worker;
  return { kind: 'accepted', notice: reply.notice, worker, addresses: accessAddressesOf(port, worker) };
}
