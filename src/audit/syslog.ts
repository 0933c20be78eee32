/**
 * Pure: an entry as a syslog message (RFC 5424): facility 13, log audit; the instance's name is the host name, the kind of event the message
 * id. Values are structured data under an element of our own, the private enterprise number is the one for examples (RFC 5612).
 */
import { formatUnixMs } from '../base/stamp.ts';
import type { AuditEntry } from './entry.ts';

const FACILITY_AUDIT = 13;
const WARNING = 4;
const INFORMATIONAL = 6;
const ELEMENT = 'event@32473';
const APP_NAME = 'pam-gateway';
/** Lengths of HOSTNAME and MSGID (section 6). */
const [HOST_LENGTH_MAX, MESSAGE_ID_LENGTH_MAX] = [255, 32];

/** Kinds that somebody should look at. */
const WARNINGS: ReadonlySet<string> = new Set([
  'seat-refused',
  'member-dead',
  'member-refused',
  'member-equivocated',
  'identity-copied',
  'message-refused',
  'limit-refused',
  'limit-equivocated',
  'limit-not-stored',
  'instance-evicted',
  'session-revoked',
  'policy-equivocated',
  'policy-not-stored',
  'admins-changed',
  'credential-conflicted',
  'credential-unconfirmed',
  'denied',
  'job-lost',
  'store-damaged',
  'audit-torn',
  'audit-damaged',
  'audit-resumed',
  'more-of',
]);

/** One message, without a frame around it. `host` is what people call the instance. */
export function formatSyslog(
  entry: AuditEntry,
  source: { readonly instanceId: string; readonly host: string },
): string {
  const kind = entry.event?.kind ?? 'checkpoint';
  const priority = FACILITY_AUDIT * 8 + (WARNINGS.has(kind) ? WARNING : INFORMATIONAL);
  const time = formatUnixMs(entry.unixMs);
  const host = headerText(source.host, HOST_LENGTH_MAX);
  const header = `<${priority}>1 ${time} ${host} ${APP_NAME} - ${headerText(kind, MESSAGE_ID_LENGTH_MAX)}`;
  const values: Readonly<Record<string, unknown>> = entry.event ?? { signature: entry.checkpoint?.signature };
  const shown = Object.entries(values).filter(([name, value]) => name !== 'kind' && value !== null);
  const parameters = [
    ['instance', source.instanceId],
    ['sequence', String(entry.sequence)],
    ['previous', entry.previous],
    ...shown.map(([name, value]) => [name, String(value)]),
  ].map(([name, value]) => `${name}="${escapeValue(value ?? '')}"`);
  return `${header} [${ELEMENT} ${parameters.join(' ')}] ${kind}`;
}

/** Section 6.3.3: the quote, the backslash and the closing bracket. */
function escapeValue(value: string): string {
  return value.replace(/["\\\]]/g, '\\$&');
}

/** Printable ASCII without spaces; `-` for nothing. */
function headerText(text: string, lengthMax: number): string {
  const kept = text.replace(/[^\x21-\x7e]/g, '_').slice(0, lengthMax);
  return kept === '' ? '-' : kept;
}
