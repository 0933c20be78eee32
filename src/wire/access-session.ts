import type { InstanceId } from '../base/ids.ts';
import { ADDRESS_LENGTH_MAX, ADDRESSES_MAX } from './bounds.ts';
import { bytes, type Codec, keyId, list, struct, text, union } from './codec.ts';
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
 *
 * The opening protocol, `/pam-access/1/open`, saves the claim where the entry does the job itself, and asks nothing twice:
 *
 *     client → entry    uint32 BE length, sealed job request (as in `submit`)
 *     entry → client    uint32 BE length, answer; `elsewhere` ends the stream: the session is opened at that worker, with a claim
 *     both              raw bytes, after `ready`
 *
 * Trust: who may have the session is whom the handshake of this very connection has proved, and it must be the job's caller.
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
  | { readonly kind: 'refused'; readonly failure: Failure }
  /** Only to a job request: another instance has accepted the job and waits for the claim. */
  | { readonly kind: 'elsewhere'; readonly worker: InstanceId; readonly addresses: readonly string[] };

/** Wire form of the answer to a claim. */
export const sessionAnswerCodec: Codec<SessionAnswerMessage> = union<SessionAnswerMessage>({
  ready: [0, struct({})],
  refused: [1, struct({ failure: failureCodec })],
  elsewhere: [2, struct({ worker: keyId, addresses: list(text(ADDRESS_LENGTH_MAX), ADDRESSES_MAX) })],
});

/** Most bytes of an answer: the addresses dominate, then the failure's text. */
export const SESSION_ANSWER_BYTES_MAX = 8 * 1024;
