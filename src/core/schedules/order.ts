/** Pure: whether an instance may ask for a job by itself. What allows it is the record, which an admin has signed; each instance on the way compares. */
import type { InstanceId } from '../../base/ids.ts';
import type { JobNotice, JobRequest } from '../../wire/job.ts';
import type { TargetRecord } from '../../wire/record.ts';
import { readSchedule, rotatesAfterSession } from '../../wire/rotation-schedule.ts';
import { isLive, type Member } from '../membership/member-table.ts';
import { afterSessionJobId, type CronTimes, delayOf, dueJobId, latestDue } from './due.ts';
import type { GrantedDue } from './due-book.ts';

/** Parameter of a job that a schedule asks for: the due time. */
export const DUE_PARAMETER = 'due';
/** Parameter of a rotation that follows a session, which is its parent. */
export const AFTER_SESSION_PARAMETER = 'after-session';
/** How far the pool's clock may be ahead of that of whoever judges. */
const AHEAD_MS_MAX = 10_000;

/** What an instance knows that judges. */
export interface OrderQuestion {
  readonly request: JobRequest;
  readonly gatewayUid: string;
  readonly record: TargetRecord | undefined;
  readonly caller: Member | undefined;
  readonly poolUnixMs: number;
  readonly cron: CronTimes;
  /** What it has granted of the record itself. */
  readonly last: GrantedDue | undefined;
  /** What it has heard of the session that the job is said to follow. */
  readonly session: JobNotice | undefined;
}

/** True for a job that an instance asks for by itself: nobody else can sign as its entry. */
export function isOwnOrder({ caller, entry }: JobRequest): boolean {
  return caller === entry;
}

/** Why the instance may not have the job done, or null. */
export function orderProblem(question: OrderQuestion): string | null {
  const { request, caller, record } = question;
  const [parameter, ...more] = request.parameters;
  if (request.kind !== 'rotation' || request.grant !== null || parameter === undefined || more.length > 0)
    return 'an instance asks for nothing by itself but rotations that their record demands';
  const stranger = callerProblem(request.caller, caller);
  if (stranger !== null) return stranger;
  if (record === undefined) return `no record ${request.recordId} is held here`;
  if (parameter.name === AFTER_SESSION_PARAMETER) return afterSessionProblem(question, record);
  return parameter.name === DUE_PARAMETER
    ? dueProblem(question, record, Number(parameter.value))
    : `an instance asks for no job with the parameter ${parameter.name}`;
}

/** Why nothing is done for an instance, whatever it asks for, or null. */
export function callerProblem(caller: string, member: Member | undefined): string | null {
  const state = member?.record.state;
  const isServing = member !== undefined && isLive(member) && (state === 'admitted' || state === 'draining');
  return isServing ? null : `instance ${caller} is not admitted here`;
}

function dueProblem(question: OrderQuestion, record: TargetRecord, dueUnixMs: number): string | null {
  const { request, gatewayUid, poolUnixMs, cron, last } = question;
  const schedule = readSchedule(record);
  if (schedule === null) return `record ${record.title} has no schedule`;
  const beginsUnixMs = dueUnixMs + delayOf(record, schedule);
  if (!Number.isSafeInteger(dueUnixMs) || latestDue(schedule, dueUnixMs, cron) !== dueUnixMs)
    return `record ${record.title} is not due at ${dueUnixMs}`;
  if (beginsUnixMs > poolUnixMs + AHEAD_MS_MAX) return `record ${record.title} is not due yet`;
  if (request.jobId !== dueJobId(gatewayUid, record.recordId, dueUnixMs) || request.parent !== null)
    return `job ${request.jobId} is not that of this due time`;
  return isPassed(last, request.caller, dueUnixMs)
    ? `this due time of ${record.title} was granted to another one`
    : null;
}

function isPassed(last: GrantedDue | undefined, caller: InstanceId, dueUnixMs: number): boolean {
  if (last === undefined || last.dueUnixMs < dueUnixMs) return false;
  return last.dueUnixMs > dueUnixMs || last.owner !== caller;
}

function afterSessionProblem({ request, gatewayUid, session }: OrderQuestion, record: TargetRecord): string | null {
  if (!rotatesAfterSession(record)) return `record ${record.title} is not rotated after sessions`;
  if (request.parent === null || request.jobId !== afterSessionJobId(gatewayUid, request.parent))
    return `job ${request.jobId} is not that of this session`;
  if (session === undefined) return null;
  const { kind, recordId, worker } = session;
  const isSession = kind === 'connection' && recordId === record.recordId && worker === request.caller;
  return isSession ? null : `job ${request.parent} was no session of ${record.title} on ${request.caller}`;
}
