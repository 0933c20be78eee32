import { GatewayError } from '../base/errors.ts';
import type { PeerKeyId } from '../base/ids.ts';
import { SIGNATURE_BYTES, type Sign, type Verify } from '../base/signing.ts';
import { bytes, type Codec, decode, encode, keyId, list, struct } from './codec.ts';

/**
 * A signed envelope (after libp2p RFC 0002): the payload's bytes and who signed them. A signature covers the domain text, a zero
 * byte and the payload *as received*, so nothing is ever signed or checked in a re-encoded form, and a signature made for
 * one kind of message is worth nothing in another.
 */
export interface Sealed {
  readonly payload: Uint8Array;
  readonly signatures: readonly Signature[];
}

/** One signature of an envelope. */
export interface Signature {
  readonly signer: PeerKeyId;
  readonly signature: Uint8Array;
}

/** What a kind of envelope is called, carries and may weigh. */
export interface Seal<T> {
  /** Domain separation text; never reused for another kind. */
  readonly domain: string;
  readonly codec: Codec<T>;
  /** Most bytes of a payload. */
  readonly payloadBytesMax: number;
}

/** An envelope whose signatures were checked: the only way to get one is `open`. */
export interface Opened<T> {
  readonly value: T;
  /** Distinct keys whose signature is right, each counted once. */
  readonly signers: readonly PeerKeyId[];
  readonly sealed: Uint8Array;
  readonly payload: Uint8Array;
}

/** Most signatures of one envelope: more than any sensible number of admins. */
export const SIGNATURES_MAX = 16;
const SEALED_OVERHEAD_BYTES = 16 + SIGNATURES_MAX * 128;

const signaturesCodec = list(
  struct<Signature>({ signer: keyId, signature: bytes({ min: SIGNATURE_BYTES, max: SIGNATURE_BYTES }) }),
  SIGNATURES_MAX,
);
/** Kept by the payload's bound: there are as many as kinds of envelopes. */
const sealedCodecs = new Map<number, Codec<Sealed>>();

function sealedCodec(payloadBytesMax: number): Codec<Sealed> {
  const known = sealedCodecs.get(payloadBytesMax);
  if (known !== undefined) return known;
  const made = struct<Sealed>({ payload: bytes({ max: payloadBytesMax }), signatures: signaturesCodec });
  sealedCodecs.set(payloadBytesMax, made);
  return made;
}

/** Most bytes of a whole envelope of this kind. */
export function sealedBytesMax(seal: Seal<unknown> | { readonly payloadBytesMax: number }): number {
  return seal.payloadBytesMax + SEALED_OVERHEAD_BYTES;
}

const utf8 = new TextEncoder();

/** What is signed: domain, zero byte, payload. */
export function signedBytes(domain: string, payload: Uint8Array): Uint8Array {
  const prefix = utf8.encode(domain);
  const message = new Uint8Array(prefix.length + 1 + payload.length);
  message.set(prefix, 0);
  message.set(payload, prefix.length + 1);
  return message;
}

/** The envelope of `value` signed by each of the keys. */
export function seal<T>(
  kind: Seal<T>,
  value: T,
  signers: readonly { readonly id: PeerKeyId; readonly sign: Sign }[],
): Uint8Array {
  const draft = draftSeal(kind, value);
  return completeSeal(
    draft,
    signers.map(({ id, sign }) => ({ signer: id, signature: sign(draft.message) })),
  );
}

/** An envelope that waits for signatures, for keys that take their time: those of a person, kept by an agent. */
export interface Draft {
  readonly kind: Pick<Seal<unknown>, 'domain' | 'payloadBytesMax'>;
  readonly payload: Uint8Array;
  /** What a signature covers. */
  readonly message: Uint8Array;
  /** Those it has already. */
  readonly signatures: readonly Signature[];
}

/** The envelope of `value`, not signed yet. */
export function draftSeal<T>(kind: Seal<T>, value: T): Draft {
  const payload = encode(kind.codec, value);
  return { kind, payload, message: signedBytes(kind.domain, payload), signatures: [] };
}

/** An envelope that is to get further signatures over the same payload. Throws `bad-message`. */
export function reopenSeal(kind: Draft['kind'], sealed: Uint8Array): Draft {
  const { payload, signatures } = decode(sealedCodec(kind.payloadBytesMax), sealed, sealedBytesMax(kind));
  return { kind, payload, message: signedBytes(kind.domain, payload), signatures };
}

/** The envelope with its signatures; a key that has signed already signs once. */
export function completeSeal({ kind, payload, signatures }: Draft, added: readonly Signature[]): Uint8Array {
  const before = signatures.filter((earlier) => !added.some(({ signer }) => signer === earlier.signer));
  return encode(sealedCodec(kind.payloadBytesMax), { payload, signatures: [...before, ...added] });
}

/** The content and true signers of an envelope; throws `bad-message` for broken bytes or any wrong signature. */
export function open<T>(kind: Seal<T>, sealed: Uint8Array, verify: Verify): Opened<T> {
  const { payload, signatures } = decode(sealedCodec(kind.payloadBytesMax), sealed, sealedBytesMax(kind));
  const value = decode(kind.codec, payload, kind.payloadBytesMax);
  const message = signedBytes(kind.domain, payload);
  const signers = new Set<PeerKeyId>();
  for (const { signer, signature } of signatures) {
    if (!verify(signer, message, signature))
      throw new GatewayError('bad-message', `${kind.domain}: signature of ${signer} is wrong`);
    signers.add(signer);
  }
  return { value, signers: [...signers], sealed, payload };
}
