import type { PeerKeyId } from '../base/ids.ts';
import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { NAME_LENGTH_MAX } from './bounds.ts';
import { type Codec, keyId, list, struct, text, uint } from './codec.ts';
import { type Seal, sealedBytesMax } from './sealed.ts';

/**
 * The admins' word that a gateway's pool secret was replaced. By it a client takes the new pool key for that of its profile, and an instance that was left
 * with the former configuration learns that it is out. Holds no secret. Fields: append only.
 */
export interface Succession {
  readonly gatewayUid: string;
  /** Public key by which instances prove from now on that they belong to the pool. */
  readonly poolKey: PeerKeyId;
  /** Those before, newest first. Only whoever trusts one of them follows: nothing leads back from a later key to an earlier one. */
  readonly replaced: readonly PeerKeyId[];
  readonly issuedUnixMs: number;
  /** Until then the newest of those before counts as well. */
  readonly untilUnixMs: number;
}

/** Most keys that one statement replaces; older profiles have to be made anew. */
export const REPLACED_KEYS_MAX = 16;

const successionCodec: Codec<Succession> = struct<Succession>({
  gatewayUid: text(NAME_LENGTH_MAX),
  poolKey: keyId,
  replaced: list(keyId, REPLACED_KEYS_MAX),
  issuedUnixMs: uint(STAMP_UNIX_MS_MAX),
  untilUnixMs: uint(STAMP_UNIX_MS_MAX),
});

/** The envelope of a succession, signed by `threshold` admins. */
export const successionSeal: Seal<Succession> = {
  domain: 'pam-mesh/1/succession',
  codec: successionCodec,
  payloadBytesMax: 2048,
};

/** Most characters of a sealed succession in base64url. */
export const SUCCESSION_LENGTH_MAX = Math.ceil((sealedBytesMax(successionSeal) * 4) / 3);
