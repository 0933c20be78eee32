import type { Audit } from '../../audit/index.ts';
import { assertNever } from '../../base/assert.ts';
import { GatewayError } from '../../base/errors.ts';
import type { Reply } from '../../core/index.ts';
import type { PoolPort } from '../../pool-port.ts';
import type { Reveal } from '../../vault/index.ts';
import type { AccessAnswer, AccessRequest } from '../../wire/access-message.ts';
import { type Caller, mayReadAudit, mayReveal, maySee } from './caller.ts';
import type { Directory } from './directory.ts';
import type { Ledger } from './ledger.ts';
import { jobPage, poolPage, recordPage, schedulePage } from './pages.ts';

/** What answering needs. */
export interface RequestComponents {
  readonly port: PoolPort;
  readonly directory: Directory;
  readonly audit: Audit;
  readonly ledger: Ledger;
  /** The client's address. */
  readonly source: string;
  /** Null: nothing is revealed. */
  readonly reveal: Reveal | null;
}

/** Requests of a client that has shown who it is. */
export type KnownRequest = Exclude<AccessRequest, { readonly kind: 'hello' }>;

/** Answers one request. Throws typed errors for what is refused. */
export async function answerRequest(
  components: RequestComponents,
  caller: Caller,
  request: KnownRequest,
  signal: AbortSignal,
): Promise<AccessAnswer> {
  const { port } = components;
  switch (request.kind) {
    case 'submit':
      components.ledger.assertWritable();
      return answerOf(components, await port.submit({ request: request.request, source: components.source }, signal));
    case 'job-info':
      return queryJob(components, caller, { jobId: request.jobId, wantTrace: false }, signal);
    case 'job-trace':
      return queryJob(components, caller, { jobId: request.jobId, wantTrace: true }, signal);
    case 'job-output':
      await queryJob(components, caller, { jobId: request.jobId, wantTrace: false }, signal);
      return answerOf(components, await port.queryOutput(request.jobId, request.offset, signal));
    case 'job-cancel':
      await queryJob(components, caller, { jobId: request.jobId, wantTrace: false }, signal);
      return answerOf(components, await port.cancelJob(request.jobId, caller.id, request.reason, signal));
    case 'pool-view':
      return poolPage(port, request.after);
    case 'offer-limit':
      assertAdmin(caller, 'set the limit');
      return answerOf(components, await port.offerLimit(request.sealed, signal));
    case 'policies':
      assertAdmin(caller, 'read the policy');
      return { kind: 'policies', sealed: port.policies };
    case 'offer-policy':
      assertAdmin(caller, 'change admins, revoke grants or evict instances');
      return answerOf(components, await port.offerPolicy(request.sealed, signal));
    case 'offer-record':
      assertAdmin(caller, 'change records');
      return answerOf(components, await port.offerRecord(request.sealed, signal));
    case 'list-records':
      return recordPage(port, caller, request);
    case 'list-jobs':
      return jobPage(port, caller, request);
    case 'schedules':
      return schedulePage(port, caller, request);
    case 'drain-member':
      assertAdmin(caller, 'drain an instance');
      return answerOf(components, await port.drainMember(request.command, signal));
    case 'reveal':
      return reveal(components, caller, request, signal);
    case 'list-editions':
      assertAdmin(caller, 'write credentials');
      return { kind: 'editions', sealed: port.credentials.editions(request.recordId).map(({ sealed }) => sealed) };
    case 'offer-edition':
      assertAdmin(caller, 'write credentials');
      return answerOf(components, await port.offerEdition(request.sealed, signal));
    case 'audit-page':
      return auditPage(components, caller, request);
    default:
      return assertNever(request);
  }
}

/** A job that is the caller's own, or any for an admin. */
async function queryJob(
  components: RequestComponents,
  caller: Caller,
  asked: { readonly jobId: string; readonly wantTrace: boolean },
  signal: AbortSignal,
): Promise<AccessAnswer> {
  const reply = await components.port.queryJob(asked.jobId, asked.wantTrace, signal);
  const answer = answerOf(components, reply);
  if (answer.kind !== 'job') return answer;
  // Who may not see a job learns nothing about it, not even that it exists.
  const isOwn = answer.notice !== null && (caller.grant === null || answer.notice.caller === caller.id);
  if (!isOwn) throw new GatewayError('not-found', `job ${asked.jobId} is not known to this gateway`);
  return answer;
}

async function auditPage(
  { audit, port }: RequestComponents,
  caller: Caller,
  query: Extract<KnownRequest, { kind: 'audit-page' }>,
): Promise<AccessAnswer> {
  if (!mayReadAudit(caller)) {
    throw new GatewayError(
      'not-allowed',
      `only an admin or a grant with audit:* may read the audit; key ${caller.id} has neither`,
    );
  }
  const page = await audit.page(query);
  return { kind: 'audit', instanceId: port.view().self, ...page };
}

/** Shows secrets to whoever may see them, once that is in the audit. */
async function reveal(
  { port, audit, reveal: sealed }: RequestComponents,
  caller: Caller,
  { recordId, recipient }: Extract<KnownRequest, { readonly kind: 'reveal' }>,
  signal: AbortSignal,
): Promise<AccessAnswer> {
  const record = port.records.find(recordId).find((one) => one.recordId === recordId);
  if (record === undefined || !maySee(caller, record))
    throw new GatewayError('not-found', `there is no record ${recordId}`);
  if (!mayReveal(caller, record))
    throw new GatewayError('not-allowed', `the grant lacks reveal:${record.title}; only it shows secrets`);
  const key = Buffer.from(recipient, 'base64url');
  if (sealed === null || key.length !== 32) throw new GatewayError('not-supported', 'nothing can be revealed this way');
  const entries = await sealed({ recordId, recipient: new Uint8Array(key) }, signal);
  const told = {
    recordId,
    revision: String(record.revision),
    caller: caller.id,
    outcome: `${entries.length} shown`,
    value: null,
  };
  await audit.appendNow({ kind: 'credential-revealed', ...told });
  return { kind: 'revealed', entries };
}

function assertAdmin(caller: Caller, what: string): void {
  if (caller.grant === null) return;
  throw new GatewayError('not-allowed', `only an admin may ${what}; key ${caller.id} is a user's`);
}

function answerOf({ directory }: Pick<RequestComponents, 'directory'>, reply: Reply): AccessAnswer {
  if (reply.kind !== 'accepted') return reply;
  const { notice, worker } = reply;
  return { kind: 'accepted', notice, worker, addresses: directory.addressesOf(worker) };
}
