import type { Signer } from '../../config/index.ts';
import { completeSeal, draftSeal, type Seal } from '../../wire/sealed.ts';

/** The envelope of `value` signed by the caller, whose key may be in an agent. Throws what the signer throws. */
export async function sealFor<T>(kind: Seal<T>, value: T, signer: Signer): Promise<Uint8Array> {
  const draft = draftSeal(kind, value);
  return completeSeal(draft, [{ signer: signer.id, signature: await signer.sign(draft.message) }]);
}
