/**
 * The audit: who did what through this instance, in an order that nobody can change afterwards. Append-only files in the data directory, each
 * entry chained to the one before, signed by the instance every second and at its end. It is *not* the log for operators: nothing here is meant
 * to explain why something is slow.
 *
 * Invariants: an event that `appendNow` has acknowledged survives the end of the process and of the machine. The log has no gap that is not
 * written in it. Only fields of the list in `event.ts` are ever written, secret ones never. An instance that cannot write its audit takes no jobs.
 */
export type { Audit } from './audit.ts';
export type { AuditEvent, AuditKind } from './event.ts';
export { InstanceAudit, type InstanceAuditInit, type StartFacts } from './instance-audit.ts';
export { type AuditLog, type AuditLogInit, openAuditLog } from './log.ts';
export type { AuditPage, AuditQuery } from './page.ts';
export { type VerifyInit, verifyDirectory, verifyFile } from './verify-files.ts';
export type { Reading } from './watched-vault.ts';
