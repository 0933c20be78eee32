import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { MAX_INSTANCES_MAX, NAME_LENGTH_MAX, POLICY_BYTES_MAX } from './bounds.ts';
import { appended, type Codec, nullable, struct, text, uint } from './codec.ts';
import type { Seal } from './sealed.ts';

/**
 * The signed limit: how many instances of a gateway may hold a seat. Follows TUF's rules: versioned, never rolled back, bounded in size
 * before it is parsed. Fields: append only.
 */
export interface Limit {
  readonly gatewayUid: string;
  /** 1 or more. */
  readonly maxInstances: number;
  /** 1 for the limit in the configuration; the higher version wins. */
  readonly version: number;
  readonly issuedUnixMs: number;
  /** From then on nobody new is admitted under it; who serves goes on. Null: never. */
  readonly expiresUnixMs: number | null;
  /**
   * How long after its issue it may first be offered, where several admins sign it on machines of their own; null: a minute. A seat is judged by it
   * only when it was granted later than that.
   */
  readonly offerMs?: number | null;
}

/** Longest time that a limit may go round to be signed: a week. */
export const LIMIT_OFFER_MS_MAX = 7 * 24 * 3_600_000;

/** Wire form of a limit. */
export const limitCodec: Codec<Limit> = struct<Limit>({
  gatewayUid: text(NAME_LENGTH_MAX),
  maxInstances: uint(MAX_INSTANCES_MAX, 1),
  version: uint(Number.MAX_SAFE_INTEGER, 1),
  issuedUnixMs: uint(STAMP_UNIX_MS_MAX),
  expiresUnixMs: nullable(uint(STAMP_UNIX_MS_MAX)),
  offerMs: appended(nullable(uint(LIMIT_OFFER_MS_MAX)), null),
});

/** The envelope of a limit, signed by admins. */
export const limitSeal: Seal<Limit> = {
  domain: 'pam-mesh/1/limit',
  codec: limitCodec,
  payloadBytesMax: POLICY_BYTES_MAX,
};
