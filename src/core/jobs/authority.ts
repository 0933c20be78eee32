import type { PeerKeyId } from '../../base/ids.ts';
import type { Verify } from '../../base/signing.ts';
import { type Grant, grantSeal } from '../../wire/grant.ts';
import { type Failure, type JobNotice, type JobRequest, jobRequestSeal } from '../../wire/job.ts';
import { type Permitted, permits } from '../../wire/permission.ts';
import { open } from '../../wire/sealed.ts';
import { failure } from '../effect.ts';
import type { GatewayFacts } from '../index.ts';
import type { Outbox } from '../outbox.ts';
import { isOwnOrder } from '../schedules/order.ts';
import { conditionProblem, type Source, timeProblem } from './conditions.ts';

/** What decides whether a caller may have a job done. */
export interface AuthorityQuestion {
  readonly gateway: GatewayFacts;
  readonly verify: Verify;
  readonly request: JobRequest;
  readonly record: Permitted;
  readonly poolUnixMs: number;
  readonly source: Source;
  /** Why a grant does not count although its time has not come, or null. */
  readonly revocation: (grant: Grant) => string | null;
  /** Why an instance may not have this done by itself, or null; a discovery that goes on is judged by the request that began it. */
  readonly orderProblem: (request: JobRequest, origin: JobRequest | null) => string | null;
}

/** What a caller may: everything as an admin (null), or what the grant says. */
export type Allowed = { readonly kind: 'allowed'; readonly grant: Grant | null };
/** Whether the caller may, and if not, why. */
export type Verdict = Allowed | { readonly kind: 'denied'; readonly failure: Failure; readonly grant: Grant | null };

/** Whether the caller may have the job done. Every instance on the way asks this for itself. */
export function judge(question: AuthorityQuestion): Verdict {
  const { gateway, verify, request } = question;
  if (gateway.adminKeys.includes(request.caller)) return { kind: 'allowed', grant: null };
  if (isOwnOrder(request)) return judgeOrder(question);
  if (request.grant === null) return denied('the caller is no admin of this gateway and shows no grant', null);
  const grant = readGrant(request.grant, gateway, verify);
  if ('code' in grant) return { kind: 'denied', failure: grant, grant: null };
  const problem = grantProblem(grant, question);
  return problem === null ? { kind: 'allowed', grant } : denied(problem, grant);
}

/** What an instance asks for by itself: what a record demands, or a discovery that goes on as far as its caller may. */
function judgeOrder(question: AuthorityQuestion): Verdict {
  const { verify, gateway, request, orderProblem } = question;
  if (request.grant === null) {
    const problem = orderProblem(request, null);
    return problem === null ? { kind: 'allowed', grant: null } : denied(problem, null);
  }
  const { value: origin, signers } = open(jobRequestSeal, request.grant, verify);
  if (!signers.includes(origin.caller))
    return denied(`job ${request.jobId} shows a request without its signature`, null);
  const problem = orderProblem(request, origin);
  if (problem !== null) return denied(problem, null);
  if (gateway.adminKeys.includes(origin.caller)) return { kind: 'allowed', grant: null };
  if (origin.grant === null)
    return denied('who began the discovery is no admin of this gateway and showed no grant', null);
  const grant = readGrant(origin.grant, gateway, verify);
  if ('code' in grant) return { kind: 'denied', failure: grant, grant: null };
  // Where its caller was when it began has been judged then.
  const lacks = lastingProblem(grant, { ...question, request: { ...request, caller: origin.caller } });
  return lacks === null ? { kind: 'allowed', grant } : denied(lacks, grant);
}

/** Who a job is done for: of a discovery that an instance goes on with, whoever began it. */
export function beneficiary(request: JobRequest, verify: Verify): PeerKeyId {
  if (!isOwnOrder(request) || request.grant === null) return request.caller;
  return open(jobRequestSeal, request.grant, verify).value.caller;
}

/** Writes a denial down for the audit: who, what, under which grant, and what is missing. */
export function noteDenial(
  outbox: Outbox,
  { request, record }: Pick<AuthorityQuestion, 'request' | 'record'>,
  denial: Extract<Verdict, { kind: 'denied' }>,
): void {
  const { jobId, kind, recordId, caller } = request;
  const who = { caller, user: denial.grant?.name ?? null, grantId: denial.grant?.grantId ?? null };
  outbox.note('warn', 'job-denied', {
    jobId,
    kind,
    recordId,
    title: record.title,
    ...who,
    reason: denial.failure.message,
  });
}

/** The same where the worker refuses the session of a job it had accepted. */
export function noteSessionDenial(
  outbox: Outbox,
  { jobId, kind, recordId, caller }: JobNotice,
  { grant, reason }: { readonly grant: Grant; readonly reason: string },
): void {
  outbox.note('warn', 'job-denied', {
    jobId,
    kind,
    recordId,
    caller,
    user: grant.name,
    grantId: grant.grantId,
    reason,
  });
}

function grantProblem(grant: Grant, question: AuthorityQuestion): string | null {
  return lastingProblem(grant, question) ?? conditionProblem(grant, question.request, question.source);
}

/** What does not depend on where the caller is and what it says. */
function lastingProblem(
  grant: Grant,
  { request, record, poolUnixMs, revocation }: Omit<AuthorityQuestion, 'source'>,
): string | null {
  if (grant.userKey !== request.caller) return 'the grant is for another key';
  const over = timeProblem(grant, poolUnixMs) ?? revocation(grant);
  if (over !== null) return over;
  if (!grant.allow.some((permission) => permits(permission, request.kind, record)))
    return `the grant of ${grant.name} lacks ${request.kind}:${record.title}`;
  return null;
}

function denied(message: string, grant: Grant | null): Verdict {
  return { kind: 'denied', failure: failure('not-allowed', message), grant };
}

/** The grant in an envelope, if an admin of this gateway signed it. */
export function readGrant(sealed: Uint8Array, gateway: GatewayFacts, verify: Verify): Grant | Failure {
  try {
    const { value, signers } = open(grantSeal, sealed, verify);
    if (value.gatewayUid !== gateway.uid) return failure('not-allowed', 'the grant is for another gateway');
    const admins = signers.filter((signer) => gateway.adminKeys.includes(signer));
    if (admins.length < gateway.threshold) {
      return failure(
        'not-allowed',
        `the grant has ${admins.length} of the ${gateway.threshold} admin signature(s) it needs`,
      );
    }
    return value;
  } catch (cause) {
    return failure('not-allowed', `the grant cannot be read: ${cause instanceof Error ? cause.message : 'unknown'}`);
  }
}
