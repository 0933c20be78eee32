/**
 * Pure: what the core says and writes, as events of the audit. One literal table for its notes, another for the states of a job; a note that stands in
 * neither list below is recorded as `noted`, without its values.
 */
import type { Note, Stored } from '../core/index.ts';
import type { JobNotice, JobState } from '../wire/job.ts';
import type { AuditEvent } from './event.ts';

type Detail = Note['detail'];

/** Notes that are recorded, with the event they become. */
const NOTES: Readonly<Record<string, (detail: Detail) => AuditEvent>> = {
  admitted: (detail) => ({
    kind: 'seat-taken',
    limitVersion: number(detail, 'limitVersion'),
    maxInstances: number(detail, 'maxInstances'),
    handedOverBy: text(detail, 'handedOverBy'),
  }),
  'seat-yielded': (detail) => ({ kind: 'seat-yielded', maxInstances: number(detail, 'maxInstances') }),
  draining: (detail) => ({ kind: 'draining', reason: text(detail, 'reason'), sessions: number(detail, 'sessions') }),
  'handover-given-up': (detail) => ({ kind: 'handover-given-up', reason: text(detail, 'reason') }),
  'member-met': (detail) => ({
    kind: 'member-met',
    instance: text(detail, 'instance'),
    state: text(detail, 'state'),
    version: text(detail, 'version'),
  }),
  'member-left': (detail) => ({ kind: 'member-left', instance: text(detail, 'instance') }),
  'member-suspect': (detail) => ({
    kind: 'member-suspected',
    instance: text(detail, 'instance'),
    accuser: text(detail, 'accuser'),
  }),
  'member-dead': (detail) => ({ kind: 'member-dead', instance: text(detail, 'instance') }),
  'member-alive': (detail) => ({ kind: 'member-alive', instance: text(detail, 'instance') }),
  'member-equivocates': (detail) => ({ kind: 'member-equivocated', instance: text(detail, 'instance') }),
  'greeting-refused': (detail) => ({
    kind: 'member-refused',
    instance: text(detail, 'instance'),
    reason: text(detail, 'reason'),
  }),
  'message-refused': (detail) => ({
    kind: 'message-refused',
    instance: text(detail, 'from'),
    reason: text(detail, 'reason'),
  }),
  'identity-copied': (detail) => ({ kind: 'identity-copied', name: text(detail, 'name') }),
  'clock-refused': (detail) => ({
    kind: 'clock-refused',
    instance: text(detail, 'instance'),
    aheadMs: number(detail, 'aheadMs'),
  }),
  'clock-ahead': (detail) => ({ kind: 'clock-refused', instance: null, aheadMs: number(detail, 'aheadMs') }),
  'limit-applied': (detail) => ({
    kind: 'limit-applied',
    maxInstances: number(detail, 'maxInstances'),
    version: number(detail, 'version'),
  }),
  'limit-refused': (detail) => ({ kind: 'limit-refused', reason: text(detail, 'reason') }),
  'limit-equivocation': (detail) => ({ kind: 'limit-equivocated', version: number(detail, 'version') }),
  'limit-not-stored': (detail) => ({
    kind: 'limit-not-stored',
    version: number(detail, 'version'),
    reason: text(detail, 'reason'),
  }),
  'limit-unreadable': (detail) => ({ kind: 'store-damaged', what: `a limit: ${text(detail, 'reason') ?? ''}` }),
  'record-unreadable': (detail) => ({ kind: 'store-damaged', what: `a record: ${text(detail, 'reason') ?? ''}` }),
  'policy-applied': (detail) => ({
    kind: 'policy-applied',
    version: number(detail, 'version'),
    revocations: number(detail, 'revocations'),
    evictions: number(detail, 'evictions'),
    signedBy: text(detail, 'signedBy'),
  }),
  'policy-equivocation': (detail) => ({ kind: 'policy-equivocated', version: number(detail, 'version') }),
  'policy-not-stored': (detail) => ({
    kind: 'policy-not-stored',
    version: number(detail, 'version'),
    reason: text(detail, 'reason'),
  }),
  'policy-unreadable': (detail) => ({ kind: 'store-damaged', what: `a policy: ${text(detail, 'reason') ?? ''}` }),
  'admins-changed': (detail) => ({
    kind: 'admins-changed',
    version: number(detail, 'version'),
    admins: text(detail, 'admins'),
  }),
  'instance-evicted': (detail) => ({
    kind: 'instance-evicted',
    instance: text(detail, 'instance'),
    version: number(detail, 'version'),
  }),
  evicted: (detail) => ({ kind: 'instance-evicted', instance: null, version: number(detail, 'version') }),
  'evicted-turned-away': (detail) => ({
    kind: 'member-refused',
    instance: text(detail, 'instance'),
    reason: 'it was evicted',
  }),
  'policy-refused': (detail) => ({ kind: 'policy-refused', reason: text(detail, 'reason') }),
  'grant-revoked': (detail) => ({
    kind: 'grant-revoked',
    grantId: text(detail, 'grantId'),
    version: number(detail, 'version'),
    signedBy: text(detail, 'signedBy'),
    sessionsEnded: number(detail, 'sessionsEnded'),
  }),
  'session-revoked': (detail) => ({
    kind: 'session-revoked',
    jobId: text(detail, 'jobId'),
    caller: text(detail, 'caller'),
    grantId: text(detail, 'grantId'),
    grantName: text(detail, 'user'),
  }),
  'job-denied': (detail) => ({
    kind: 'denied',
    caller: text(detail, 'caller'),
    address: text(detail, 'source'),
    what: `${text(detail, 'kind')} of record ${text(detail, 'recordId')}`,
    code: 'not-allowed',
    reason: text(detail, 'reason'),
  }),
  'credential-conflict': (detail) => ({
    kind: 'credential-conflicted',
    recordId: text(detail, 'record'),
    versions: number(detail, 'editions'),
  }),
  'credential-unconfirmed': (detail) => ({
    kind: 'credential-unconfirmed',
    recordId: text(detail, 'record'),
    missing: number(detail, 'missing'),
  }),
  'credential-unreadable': (detail) => ({
    kind: 'store-damaged',
    what: `a credential: ${text(detail, 'reason') ?? ''}`,
  }),
  'rotation-due': (detail) => ({
    kind: 'rotation-due',
    jobId: text(detail, 'jobId'),
    recordId: text(detail, 'recordId'),
    dueUnixMs: number(detail, 'dueUnixMs'),
  }),
  'rotation-waits': (detail) => ({
    kind: 'rotation-waits',
    recordId: text(detail, 'recordId'),
    dueUnixMs: number(detail, 'dueUnixMs'),
    reason: text(detail, 'reason'),
  }),
  'rotation-not-placed': (detail) => ({ kind: 'rotation-not-placed', ...notPlaced(detail) }),
  'discovery-goes-on': (detail) => ({
    kind: 'discovery-goes-on',
    jobId: text(detail, 'jobId'),
    after: text(detail, 'after'),
    how: text(detail, 'how'),
  }),
  'discovery-not-placed': (detail) => ({ kind: 'discovery-not-placed', ...notPlaced(detail) }),
  'council-changed': (detail) => ({
    kind: 'council-changed',
    version: number(detail, 'version'),
    members: number(detail, 'members'),
  }),
  'job-lost': (detail) => ({ kind: 'job-lost', jobId: text(detail, 'jobId'), worker: text(detail, 'worker') }),
};

/** Notes that concern nobody but the log: how the machine fares, not who did what. */
const NOT_RECORDED: ReadonlySet<string> = new Set(['process-paused', 'claim-unanswered']);

/** States of a job in a worker's journal, with the event they become. */
const JOB_EVENTS: Readonly<Record<JobState, (notice: JobNotice) => AuditEvent | null>> = {
  submitted: () => null,
  accepted: (notice) => ({ kind: 'job-accepted', ...describeJob(notice) }),
  running: (notice) => ({ kind: 'session-started', ...describeJob(notice) }),
  succeeded: describeEnd,
  failed: describeEnd,
  cancelled: describeEnd,
  lost: describeEnd,
};

/** The event of a note, or null if it is none of the audit's business. */
export function eventOfNote({ event, level, detail }: Note): AuditEvent | null {
  if (NOT_RECORDED.has(event)) return null;
  const known = Object.hasOwn(NOTES, event) ? NOTES[event] : undefined;
  return known?.(detail) ?? { kind: 'noted', event, level, detail: null };
}

/** True when somebody has decided what becomes of a note of this name. */
export function isNoteClassed(event: string): boolean {
  return Object.hasOwn(NOTES, event) || NOT_RECORDED.has(event);
}

/** The event of something that was written to disk: a worker's journal tells every change of its own jobs once. */
export function eventOfStored(stored: Stored): AuditEvent | null {
  return stored.kind === 'job' ? JOB_EVENTS[stored.notice.state](stored.notice) : null;
}

function describeJob({ jobId, kind, recordId, parent, caller, entry }: JobNotice) {
  return { jobId, jobKind: kind, recordId, parent, caller, entry };
}

function describeEnd(notice: JobNotice): AuditEvent {
  const { state, error, bytesIn, bytesOut, startedUnixMs, endedUnixMs } = notice;
  const began = startedUnixMs !== null;
  return {
    kind: began ? 'session-ended' : 'job-ended',
    ...describeJob(notice),
    state,
    code: error?.code ?? null,
    error: error?.message ?? null,
    bytesIn,
    bytesOut,
    durationMs: began && endedUnixMs !== null ? Math.max(0, endedUnixMs - startedUnixMs) : null,
  };
}

/** A job that an instance asked for by itself, and no worker took. */
function notPlaced(detail: Detail) {
  return { jobId: text(detail, 'jobId'), recordId: text(detail, 'recordId'), reason: text(detail, 'reason') };
}

function text(detail: Detail, name: string): string | null {
  const value = detail[name];
  return value === undefined || value === null ? null : String(value);
}

function number(detail: Detail, name: string): number | null {
  const value = detail[name];
  return typeof value === 'number' ? value : null;
}
