/** What a permission of a grant covers: the same rule for whoever signs it, shows records by it, or decides by it. */
import type { Permission } from './grant.ts';
import { JOB_KINDS } from './job.ts';
import type { TargetRecord } from './record.ts';

/** What a permission may be for besides `*`. Showing a secret and reading the audit are no jobs: they have to be named, `*` does not cover them. */
export const PERMISSION_KINDS = [...JOB_KINDS, 'reveal', 'audit'] as const;
/** A kind of job, showing a secret, or reading the audit. */
export type PermissionKind = (typeof PERMISSION_KINDS)[number];

/** Begins a permission for all records with a label. */
export const LABEL_PREFIX = 'label:';

/** What of a record a permission looks at. */
export type Permitted = Pick<TargetRecord, 'recordId' | 'title' | 'labels'>;

/** True when a permission covers this kind on this record. */
export function permits(permission: Permission, kind: string, record: Permitted): boolean {
  const coversKind = permission.kind === kind || (permission.kind === '*' && JOB_KINDS.some((known) => known === kind));
  return coversKind && namesRecord(permission, record);
}

/** True when a permission is about this record, whatever for. */
export function namesRecord({ record: named }: Permission, { recordId, title, labels }: Permitted): boolean {
  if (!named.startsWith(LABEL_PREFIX)) return named === recordId || matchesPattern(named, title);
  const wanted = named.slice(LABEL_PREFIX.length);
  const at = wanted.indexOf('=');
  if (at < 1) return false;
  return labels.some(({ key, value }) => key === wanted.slice(0, at) && matchesPattern(wanted.slice(at + 1), value));
}

/** `*` stands for any characters, everything else for itself. Linear in both lengths. */
export function matchesPattern(pattern: string, text: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return pattern === text;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let position = first.length;
  const end = text.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, position);
    if (found < 0 || found + part.length > end) return false;
    position = found + part.length;
  }
  return true;
}
