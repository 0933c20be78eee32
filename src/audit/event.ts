/**
 * Pure: everything that is recorded, in one closed list. A field's class says who may care: `public` values name things of the pool, `personal`
 * ones a person or where they are, `secret` ones are never written. What is not in this list is not written either: it counts as secret.
 *
 * Rules for changing: kinds and fields are added, never renamed, removed or given another class downwards.
 */

/** How careful a reader has to be with a field. */
export type FieldClass = 'public' | 'personal' | 'secret';

interface Field<T extends 'text' | 'number' | 'flag' = 'text' | 'number' | 'flag'> {
  readonly class: FieldClass;
  readonly type: T;
}

const text: Field<'text'> = { class: 'public', type: 'text' };
const number: Field<'number'> = { class: 'public', type: 'number' };
const flag: Field<'flag'> = { class: 'public', type: 'flag' };
const person: Field<'text'> = { class: 'personal', type: 'text' };
const secret: Field<'text'> = { class: 'secret', type: 'text' };

const job = { jobId: text, jobKind: text, recordId: text, parent: text, caller: person, entry: text };
const ended = { state: text, code: text, error: text, bytesIn: number, bytesOut: number, durationMs: number };

/** Kinds of event with their fields. */
export const AUDIT_EVENTS = {
  'instance-started': { name: text, version: text, platform: text, processId: number, incarnation: number },
  'instance-stopped': { exitCode: number, reason: text },
  'configuration-loaded': {
    gatewayUid: text,
    gatewayName: text,
    poolId: text,
    adminKeys: text,
    threshold: number,
  },
  'store-damaged': { what: text },

  'seat-taken': { limitVersion: number, maxInstances: number, handedOverBy: text },
  'seat-refused': { reason: text },
  'seat-yielded': { maxInstances: number },
  draining: { reason: text, sessions: number },
  'handover-given-up': { reason: text },

  'member-met': { instance: text, state: text, version: text },
  'member-left': { instance: text },
  'member-suspected': { instance: text, accuser: text },
  'member-dead': { instance: text },
  'member-alive': { instance: text },
  'member-refused': { instance: text, reason: text },
  'member-equivocated': { instance: text },
  'identity-copied': { name: text },
  'clock-refused': { instance: text, aheadMs: number },
  'message-refused': { instance: text, reason: text },

  'limit-applied': { maxInstances: number, version: number },
  'limit-refused': { reason: text },
  'limit-equivocated': { version: number },
  'limit-not-stored': { version: number, reason: text },
  'policy-applied': { version: number, revocations: number, evictions: number, signedBy: text },
  'policy-equivocated': { version: number },
  'policy-not-stored': { version: number, reason: text },
  'admins-changed': { version: number, admins: text },
  'instance-evicted': { instance: text, version: number },
  'policy-refused': { reason: text },
  'grant-revoked': { grantId: text, version: number, signedBy: text, sessionsEnded: number },
  'session-revoked': { jobId: text, caller: person, grantId: text, grantName: person },

  'client-welcomed': { caller: person, role: text, grantId: text, grantName: person, address: person },
  denied: { caller: person, address: person, what: text, code: text, reason: text },
  requested: { caller: person, what: text, subject: text, outcome: text, reason: text },

  'job-accepted': job,
  'session-started': job,
  'session-ended': { ...job, ...ended },
  'job-ended': { ...job, ...ended },
  'job-lost': { jobId: text, worker: text },

  'credential-read': {
    recordId: text,
    revision: text,
    purpose: text,
    jobId: text,
    caller: person,
    outcome: text,
    value: secret,
  },
  'credential-revealed': { recordId: text, revision: text, caller: person, outcome: text, value: secret },
  'credential-conflicted': { recordId: text, versions: number },
  'credential-unconfirmed': { recordId: text, missing: number },
  'rotation-step': { jobId: text, recordId: text, revision: text, step: text, outcome: text, reason: text },
  /** A schedule's due time was granted to this instance, and its job asked for. */
  'rotation-due': { jobId: text, recordId: text, dueUnixMs: number },
  /** This instance is to carry it out, and cannot know whether another side has. */
  'rotation-waits': { recordId: text, dueUnixMs: number, reason: text },
  'rotation-not-placed': { jobId: text, recordId: text, reason: text },
  /** A discovery was gone on with by this instance: the next part, or the same one again. */
  'discovery-goes-on': { jobId: text, after: text, how: text },
  'discovery-not-placed': { jobId: text, recordId: text, reason: text },
  'council-changed': { version: number, members: number },
  'recording-kept': { recordingId: text, jobId: text, sizeBytes: number, digest: text },
  'session-controlled': { jobId: text, caller: person, what: text },

  /** An event of the protocol that nobody has classed yet: that it happened is told, its values are not. */
  noted: { event: text, level: text, detail: secret },
  /** Events that strangers can cause, beyond what is written of them. */
  'more-of': { event: text, count: number },
  /** The process was killed in the middle of a line: these bytes stand before this entry. */
  'audit-torn': { sizeBytes: number, digest: text },
  /** Entries that were signed are gone or changed. */
  'audit-damaged': { reason: text, complete: flag },
  /** The log could not be written for a while; so many events are not in it. */
  'audit-resumed': { missed: number, reason: text },
  /** Older files were removed to stay within the bound. */
  'audit-pruned': { throughSequence: number },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Field>>>>;

type Events = typeof AUDIT_EVENTS;
type ValueOf<F> = F extends Field<'number'> ? number | null : F extends Field<'flag'> ? boolean | null : string | null;

/** The name of a kind of event. */
export type AuditKind = keyof Events;
/** One event. Any value may be null: not known. */
export type AuditEvent = {
  readonly [K in AuditKind]: { readonly kind: K } & { readonly [F in keyof Events[K]]: ValueOf<Events[K][F]> };
}[AuditKind];

/** Kinds that somebody without any right can cause as often as they like. */
export const PROVOKED: ReadonlySet<AuditKind> = new Set<AuditKind>([
  'denied',
  'member-refused',
  'message-refused',
  'noted',
]);

/** True for the name of a kind. */
export function isAuditKind(name: string): name is AuditKind {
  return Object.hasOwn(AUDIT_EVENTS, name);
}

/** The class of a field; what is not in the list counts as secret. */
export function classOf(kind: string, field: string): FieldClass {
  const fields: Readonly<Record<string, Field>> = isAuditKind(kind) ? AUDIT_EVENTS[kind] : {};
  return (Object.hasOwn(fields, field) ? fields[field]?.class : undefined) ?? 'secret';
}
