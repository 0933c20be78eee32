import type { InstanceId } from '../base/ids.ts';
import { bytes, type Codec, keyId, struct, text, union } from './codec.ts';
import { type Failure, failureCodec, JOB_ID_LENGTH } from './job.ts';
import { type Seal, sealedBytesMax } from './sealed.ts';

/**
 * The session protocol, `/pam-access/1/session`, one stream per session:
 *
 *     client → worker   uint32 BE length, sealed claim
 *     worker → client   uint32 BE length, answer
 *     both              raw bytes, each direction closed on its own, until both are closed or one side resets
 *
 * An instance that is not the named worker passes the claim on unchanged and then carries bytes both ways. Trust: the claim is believed because
 * the job's caller signed it for this job and this worker, never because of who carried it; a worker begins a job once, so
 * that a claim which is shown again opens nothing.
 */
export interface SessionClaim {
  readonly jobId: string;
  readonly worker: InstanceId;
  /** Random: no two claims are equal. */
  readonly nonce: Uint8Array;
}

const NONCE_BYTES = 16;

/** The envelope of a session claim, signed by the caller of the job. */
export const sessionClaimSeal: Seal<SessionClaim> = {
  domain: 'pam-access/1/session-claim',
  codec: struct<SessionClaim>({
    jobId: text(JOB_ID_LENGTH),
    worker: keyId,
    nonce: bytes({ min: NONCE_BYTES, max: NONCE_BYTES }),
  }),
  payloadBytesMax: 256,
};

/** Most bytes of a sealed claim. */
export const SESSION_CLAIM_BYTES_MAX = sealedBytesMax(sessionClaimSeal);

/** What the worker, or whoever relays to it, answers to a claim. Case numbers: append only. */
export type SessionAnswerMessage =
  /** Raw bytes follow. */
  | { readonly kind: 'ready' }
  /** No session; the stream ends here. */
  | { readonly kind: 'refused'; readonly failure: Failure };

/** Wire form of the answer to a claim. */
export const sessionAnswerCodec: Codec<SessionAnswerMessage> = union<SessionAnswerMessage>({
  ready: [0, struct({})],
  refused: [1, struct({ failure: failureCodec })],
});

/** Most bytes of an answer: the failure's text dominates. */
export const SESSION_ANSWER_BYTES_MAX = 8 * 1024;
