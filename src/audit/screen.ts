/** Pure: what of an event may be written. The types of `AuditEvent` say it too; this says it again for whoever passes by the types. */
import { TEXT_LENGTH_MAX } from './bounds.ts';
import { AUDIT_EVENTS, type AuditEvent, classOf } from './event.ts';

/** Stands where a value was that is secret or that nobody has classed. */
export const REDACTED = '[redacted]';

/** A value as it is written. */
export type Written = string | number | boolean | null;
/** An event as it is written: only what the list of kinds knows. */
export type WrittenEvent = { readonly kind: string } & Readonly<Record<string, Written>>;

/** The event without what is secret, unknown, of the wrong type or too long. */
export function screen(event: AuditEvent): WrittenEvent {
  const values = Object.entries(event).filter(([name]) => name !== 'kind');
  return {
    kind: event.kind,
    ...Object.fromEntries(values.map(([name, value]) => [name, screenValue(event.kind, name, value)])),
  };
}

function screenValue(kind: AuditEvent['kind'], name: string, value: unknown): Written {
  if (value === null) return null;
  if (classOf(kind, name) === 'secret') return REDACTED;
  const fields: Readonly<Record<string, { readonly type: string }>> = AUDIT_EVENTS[kind];
  switch (fields[name]?.type) {
    case 'number':
      return typeof value === 'number' && Number.isSafeInteger(value) ? value : REDACTED;
    case 'flag':
      return typeof value === 'boolean' ? value : REDACTED;
    default:
      return typeof value === 'string' ? screenText(value) : REDACTED;
  }
}

/** One line of bounded length, and no half of a surrogate pair at its end. */
function screenText(value: string): string {
  return value.slice(0, TEXT_LENGTH_MAX).replace(CONTROL, ' ').toWellFormed();
}

const CONTROL = /\p{Cc}/gu;
