import type { InstanceId } from '../base/ids.ts';
import { type Codec, keyId, struct, uint } from './codec.ts';
import type { Seal } from './sealed.ts';

/**
 * One member's signed word that it cannot reach another (SWIM's suspicion, Das et al. 2002). It kills nobody: every instance runs its own
 * suspicion time, which independent accusers shorten (Lifeguard), and the accused refutes with a newer record.
 */
export interface Suspicion {
  readonly accuser: InstanceId;
  readonly accused: InstanceId;
  /** The accused as the accuser last knew it: a newer record or pulse refutes. */
  readonly incarnation: number;
  readonly recordSequence: number;
  readonly pulseSequence: number;
}

const suspicionCodec: Codec<Suspicion> = struct<Suspicion>({
  accuser: keyId,
  accused: keyId,
  incarnation: uint(),
  recordSequence: uint(),
  pulseSequence: uint(),
});

/** The envelope of a suspicion, signed by the accuser. */
export const suspicionSeal: Seal<Suspicion> = {
  domain: 'pam-mesh/1/suspicion',
  codec: suspicionCodec,
  payloadBytesMax: 512,
};
