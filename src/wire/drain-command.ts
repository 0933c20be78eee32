import type { InstanceId } from '../base/ids.ts';
import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { NAME_LENGTH_MAX } from './bounds.ts';
import { type Codec, keyId, struct, text, uint } from './codec.ts';
import type { Seal } from './sealed.ts';

/** An admin's order to one instance to drain; it expires, so that a copy kept by somebody drains nobody later. */
export interface DrainCommand {
  readonly gatewayUid: string;
  readonly instanceId: InstanceId;
  readonly expiresUnixMs: number;
}

const drainCommandCodec: Codec<DrainCommand> = struct<DrainCommand>({
  gatewayUid: text(NAME_LENGTH_MAX),
  instanceId: keyId,
  expiresUnixMs: uint(STAMP_UNIX_MS_MAX),
});

/** The envelope of a drain command, signed by admins. */
export const drainCommandSeal: Seal<DrainCommand> = {
  domain: 'pam-mesh/1/drain',
  codec: drainCommandCodec,
  payloadBytesMax: 256,
};
