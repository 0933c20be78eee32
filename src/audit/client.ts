/** What a client needs of the audit: reading, checking and showing entries; nothing that writes. */
export { type AuditHead, ChainCheck, type ChainReport } from './chain-check.ts';
export { type AuditEntry, parseEntry } from './entry.ts';
export { AUDIT_EVENTS, isAuditKind } from './event.ts';
export { formatSyslog } from './syslog.ts';
