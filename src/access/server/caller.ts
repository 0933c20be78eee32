import { GatewayError } from '../../base/errors.ts';
import type { PeerKeyId } from '../../base/ids.ts';
import type { Verify } from '../../base/signing.ts';
import type { PoolPort } from '../../pool-port.ts';
import { type Grant, grantSeal } from '../../wire/grant.ts';
import { namesRecord, type PermissionKind, permits } from '../../wire/permission.ts';
import type { TargetRecord } from '../../wire/record.ts';
import { open } from '../../wire/sealed.ts';

/**
 * Pure: who a client is. Trust: the transport has proved that the client holds the key of `peer`; the grant is the client's word until its
 * signatures are checked here. Nobody without an admin key or a grant gets any answer but a refusal.
 */
export interface Caller {
  readonly id: PeerKeyId;
  /** Null: an admin, who may do everything. */
  readonly grant: Grant | null;
}

/** The kind of a permission to be shown a record's secrets. */
const REVEAL_PERMISSION: PermissionKind = 'reveal';
/** The kind of a permission to read the audit; its record is `*`. */
const AUDIT_PERMISSION: PermissionKind = 'audit';

/** What a client showed and what it is judged by. */
export interface CallerInit {
  readonly peer: PeerKeyId;
  readonly grant: Uint8Array | null;
  readonly gateway: { readonly uid: string; readonly adminKeys: readonly string[]; readonly threshold: number };
  readonly unixMs: number;
  readonly verify: Verify;
}

/** The caller; throws `not-allowed` that names what is missing. */
export function recogniseCaller(init: CallerInit): Caller {
  const { peer, gateway } = init;
  if (init.grant === null) {
    if (gateway.adminKeys.includes(peer)) return { id: peer, grant: null };
    throw refusal(`key ${peer} is no admin key of this gateway and showed no grant`);
  }
  const grant = openGrant(init.grant, init);
  if (grant.userKey !== peer) throw refusal(`the grant is for key ${grant.userKey}, but key ${peer} showed it`);
  if (grant.gatewayUid !== gateway.uid) {
    throw refusal(`the grant is for gateway ${grant.gatewayUid}; this is ${gateway.uid}`);
  }
  if (grant.expiresUnixMs !== null && grant.expiresUnixMs <= init.unixMs) {
    throw refusal(`the grant expired at ${new Date(grant.expiresUnixMs).toISOString()}`);
  }
  return { id: peer, grant };
}

/**
 * Whoever has been let in on a connection, as long as it may: a grant ends or is revoked while its user is connected, an admin's key may have been
 * replaced. Throws `not-allowed`.
 */
export function knownCaller(caller: Caller | undefined, port: Pick<PoolPort, 'gateway' | 'grantProblem'>): Caller {
  if (caller === undefined) throw new GatewayError('not-allowed', 'show an admin key or a grant first');
  const { id, grant } = caller;
  if (grant === null && port.gateway.adminKeys.includes(id)) return caller;
  const problem = grant === null ? `key ${id} is no admin key of this gateway any more` : port.grantProblem(grant);
  if (problem === null) return caller;
  throw refusal(problem);
}

/** True if the caller may see the record. */
export function maySee(caller: Caller, record: TargetRecord): boolean {
  return caller.grant === null || caller.grant.allow.some((permission) => namesRecord(permission, record));
}

/** True if the caller may see the record's secrets: an admin, or a user whose grant says so by name. What allows every kind of job does not allow this. */
export function mayReveal({ grant }: Caller, record: TargetRecord): boolean {
  return grant === null || grant.allow.some((permission) => permits(permission, REVEAL_PERMISSION, record));
}

/** True if the caller may read the audit: an admin, or a user whose grant says so by name. What allows every kind of job does not allow this. */
export function mayReadAudit({ grant }: Caller): boolean {
  return grant === null || grant.allow.some(({ kind, record }) => kind === AUDIT_PERMISSION && record === '*');
}

function openGrant(sealed: Uint8Array, { gateway, verify }: CallerInit): Grant {
  try {
    const { value, signers } = open(grantSeal, sealed, verify);
    const admins = signers.filter((signer) => gateway.adminKeys.includes(signer)).length;
    if (admins >= gateway.threshold) return value;
    throw refusal(`the grant carries ${admins} admin signatures of this gateway; ${gateway.threshold} are needed`);
  } catch (cause) {
    if (cause instanceof GatewayError && cause.code === 'not-allowed') throw cause;
    throw refusal('the grant is damaged or forged', cause);
  }
}

function refusal(message: string, cause?: unknown): GatewayError {
  return new GatewayError('not-allowed', message, { remedy: 'Ask an admin of the gateway for a grant.', cause });
}
