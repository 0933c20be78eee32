import type { PeerKeyId } from '../base/ids.ts';
import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { NAME_LENGTH_MAX, POLICY_BYTES_MAX } from './bounds.ts';
import { type Codec, keyId, list, nullable, struct, text, uint } from './codec.ts';
import type { Seal } from './sealed.ts';

/** What an admin signed that the holder of a key may do. Fields: append only. */
export interface Grant {
  readonly gatewayUid: string;
  readonly grantId: string;
  /** Who it is for, as the admin calls them. */
  readonly name: string;
  /** The user's key: who shows the grant proves it by signing with it. */
  readonly userKey: PeerKeyId;
  readonly allow: readonly Permission[];
  readonly issuedUnixMs: number;
  readonly expiresUnixMs: number | null;
}

/** One kind of job on the records that match. */
export interface Permission {
  /** A kind of job, or `*`. */
  readonly kind: string;
  /** A record's id or title; `*` stands for any characters. */
  readonly record: string;
}

/** Most permissions in one grant. */
export const PERMISSIONS_MAX = 64;

/** Wire form of a grant. */
export const grantCodec: Codec<Grant> = struct<Grant>({
  gatewayUid: text(NAME_LENGTH_MAX),
  grantId: text(NAME_LENGTH_MAX),
  name: text(NAME_LENGTH_MAX),
  userKey: keyId,
  allow: list(struct<Permission>({ kind: text(NAME_LENGTH_MAX), record: text(NAME_LENGTH_MAX) }), PERMISSIONS_MAX),
  issuedUnixMs: uint(STAMP_UNIX_MS_MAX),
  expiresUnixMs: nullable(uint(STAMP_UNIX_MS_MAX)),
});

/** The envelope of a grant, signed by admins. */
export const grantSeal: Seal<Grant> = {
  domain: 'pam-mesh/1/grant',
  codec: grantCodec,
  payloadBytesMax: POLICY_BYTES_MAX,
};
