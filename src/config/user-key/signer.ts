import type { PeerKeyId } from '../../base/ids.ts';
import { completeSeal, type Draft, draftSeal, reopenSeal, type Seal } from '../../wire/sealed.ts';

/** Whoever signs for a person: a key pair in memory, or an agent that has the key and takes its time. */
export interface Signer {
  readonly id: PeerKeyId;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The 64 bytes of an Ed25519 signature over exactly these bytes. */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** The envelope of `value` signed by each of them. Throws what a signer throws. */
export function sealWith<T>(kind: Seal<T>, value: T, signers: readonly Signer[]): Promise<Uint8Array> {
  return complete(draftSeal(kind, value), signers);
}

/** The envelope with further signatures over the same payload. Throws `bad-message`, and what a signer throws. */
export async function addSignatures(
  kind: Draft['kind'],
  sealed: Uint8Array,
  signers: readonly Signer[],
): Promise<Uint8Array> {
  return complete(reopenSeal(kind, sealed), signers);
}

async function complete(draft: Draft, signers: readonly Signer[]): Promise<Uint8Array> {
  const signatures = [];
  // One after the other: each may ask its owner.
  for (const signer of signers) signatures.push({ signer: signer.id, signature: await signer.sign(draft.message) });
  return completeSeal(draft, signatures);
}
