import type { CredentialEntry } from '../wire/credential.ts';
import type { Vault } from './index.ts';
import { sealCredential } from './sealed-credential.ts';

/** The versions of a record's credential, each sealed to the X25519 key of whoever may see them. Throws what `read` of a vault throws. */
export type Reveal = (
  asked: { readonly recordId: string; readonly recipient: Uint8Array },
  signal: AbortSignal,
) => Promise<readonly CredentialEntry[]>;

/** Reads from any vault. Who may ask, and that it is recorded, is the caller's business. */
export function createReveal(vault: Vault, gatewayUid: string): Reveal {
  return async ({ recordId, recipient }, signal) => {
    const { versions } = await vault.read(recordId, signal);
    return versions.map(({ versionId, state, credential, changedUnixMs, jobId }) => {
      const box = sealCredential(credential, recipient, { gatewayUid, recordId, versionId });
      return { versionId, state, box, changedUnixMs, jobId };
    });
  };
}
