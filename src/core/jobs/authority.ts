import type { Verify } from '../../base/signing.ts';
import { type Grant, grantSeal, type Permission } from '../../wire/grant.ts';
import type { Failure, JobRequest } from '../../wire/job.ts';
import type { TargetRecord } from '../../wire/record.ts';
import { open } from '../../wire/sealed.ts';
import { failure } from '../effect.ts';
import type { GatewayFacts } from '../index.ts';

/** What decides whether a caller may have a job done. */
export interface AuthorityQuestion {
  readonly gateway: GatewayFacts;
  readonly verify: Verify;
  readonly request: JobRequest;
  readonly record: Pick<TargetRecord, 'recordId' | 'title'>;
  readonly poolUnixMs: number;
}

/** Why the caller may not, or null. Every instance on the way asks this for itself. */
export function denial({ gateway, verify, request, record, poolUnixMs }: AuthorityQuestion): Failure | null {
  if (gateway.adminKeys.includes(request.caller)) return null;
  if (request.grant === null)
    return failure('not-allowed', 'the caller is no admin of this gateway and shows no grant');
  const grant = readGrant(request.grant, gateway, verify);
  if ('code' in grant) return grant;
  if (grant.userKey !== request.caller) return failure('not-allowed', 'the grant is for another key');
  if (grant.expiresUnixMs !== null && grant.expiresUnixMs <= poolUnixMs)
    return failure('not-allowed', `the grant of ${grant.name} has expired`);
  if (grant.allow.some((permission) => permits(permission, request.kind, record))) return null;
  return failure('not-allowed', `the grant of ${grant.name} lacks ${request.kind}:${record.title}`);
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

/** True when a permission covers this kind of job on this record. Pure. */
export function permits(
  permission: Permission,
  kind: string,
  record: Pick<TargetRecord, 'recordId' | 'title'>,
): boolean {
  if (permission.kind !== '*' && permission.kind !== kind) return false;
  return permission.record === record.recordId || matchesPattern(permission.record, record.title);
}

/** `*` stands for any characters, everything else for itself. Linear in both lengths. */
export function matchesPattern(pattern: string, title: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (parts.length === 1) return pattern === title;
  if (!title.startsWith(first) || !title.endsWith(last) || title.length < first.length + last.length) return false;
  let position = first.length;
  const end = title.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = title.indexOf(part, position);
    if (found < 0 || found + part.length > end) return false;
    position = found + part.length;
  }
  return true;
}
