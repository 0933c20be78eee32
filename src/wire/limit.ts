import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { MAX_INSTANCES_MAX, NAME_LENGTH_MAX, POLICY_BYTES_MAX } from './bounds.ts';
import { type Codec, nullable, struct, text, uint } from './codec.ts';
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
}

/** Wire form of a limit. */
export const limitCodec: Codec<Limit> = struct<Limit>({
  gatewayUid: text(NAME_LENGTH_MAX),
  maxInstances: uint(MAX_INSTANCES_MAX, 1),
  version: uint(Number.MAX_SAFE_INTEGER, 1),
  issuedUnixMs: uint(STAMP_UNIX_MS_MAX),
  expiresUnixMs: nullable(uint(STAMP_UNIX_MS_MAX)),
});

/** The envelope of a limit, signed by admins. */
export const limitSeal: Seal<Limit> = {
  domain: 'pam-mesh/1/limit',
  codec: limitCodec,
  payloadBytesMax: POLICY_BYTES_MAX,
};
