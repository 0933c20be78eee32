import type { InstanceId, PeerKeyId } from '../base/ids.ts';
import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { NAME_LENGTH_MAX } from './bounds.ts';
import { type Codec, keyId, list, nullable, struct, text, uint } from './codec.ts';
import type { Grant } from './grant.ts';
import { type Seal, SIGNATURES_MAX } from './sealed.ts';

/**
 * The signed policy of a gateway beside its limit: who its admins are, which grants are revoked, which instances are evicted. One document that is
 * replaced as a whole; the higher version wins and a lower one is never accepted again (TUF 1.0.34, section 5.3: the root role). It is signed by
 * `threshold` of the admins of the version before; one that changes the admins also by `threshold` of the new ones. Version 0 is the configuration.
 * Fields: append only.
 */
export interface Policy {
  readonly gatewayUid: string;
  readonly version: number;
  readonly issuedUnixMs: number;
  readonly adminKeys: readonly PeerKeyId[];
  readonly threshold: number;
  /** Where the admins change: limits up to this version may still be signed by those before. */
  readonly limitVersion: number;
  readonly revocations: readonly Revocation[];
  readonly evictions: readonly Eviction[];
}

/** A grant that does not count any more, or all that one key was given so far. */
export interface Revocation {
  /** Id of a grant, or the key of a user: then every grant for it that was issued until `revokedUnixMs`. */
  readonly subject: string;
  readonly revokedUnixMs: number;
  /** From then on no grant that is meant counts anyway, and the revocation may be left out; null: never. */
  readonly untilUnixMs: number | null;
}

/** An instance that never takes part again. */
export interface Eviction {
  readonly instanceId: InstanceId;
  readonly evictedUnixMs: number;
}

/** Revocations in force at once: those of grants that have expired are left out, so this bounds a busy month. */
export const REVOCATIONS_MAX = 400;
/** Instances evicted since the pool secret was last replaced. */
export const EVICTIONS_MAX = 200;
/** A policy: revocations and evictions dominate. "Size before parse" (TUF 1.0.34). */
export const POLICY_DOCUMENT_BYTES_MAX = 36 * 1024;
/** Changes of the admins that a pool can follow from its configuration: each is kept and passed on for ever. */
export const ROTATIONS_MAX = 16;
/** Policies of one version that are kept, where admins have signed several. */
export const POLICY_SIBLINGS_MAX = 4;

const time = uint(STAMP_UNIX_MS_MAX);

/** Wire form of a policy. */
export const policyCodec: Codec<Policy> = struct<Policy>({
  gatewayUid: text(NAME_LENGTH_MAX),
  version: uint(Number.MAX_SAFE_INTEGER, 1),
  issuedUnixMs: time,
  adminKeys: list(keyId, SIGNATURES_MAX),
  threshold: uint(SIGNATURES_MAX, 1),
  limitVersion: uint(),
  revocations: list(
    struct<Revocation>({ subject: text(NAME_LENGTH_MAX), revokedUnixMs: time, untilUnixMs: nullable(time) }),
    REVOCATIONS_MAX,
  ),
  evictions: list(struct<Eviction>({ instanceId: keyId, evictedUnixMs: time }), EVICTIONS_MAX),
});

/** The envelope of a policy, signed by admins. */
export const policySeal: Seal<Policy> = {
  domain: 'pam-mesh/1/policy',
  codec: policyCodec,
  payloadBytesMax: POLICY_DOCUMENT_BYTES_MAX,
};

/** True when the revocation is about this grant. */
export function isRevokedBy(
  { grantId, userKey, issuedUnixMs }: Pick<Grant, 'grantId' | 'userKey' | 'issuedUnixMs'>,
  { subject, revokedUnixMs }: Revocation,
): boolean {
  return subject === grantId || (subject === userKey && issuedUnixMs <= revokedUnixMs);
}
