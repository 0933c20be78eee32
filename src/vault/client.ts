/** The part of the embedded vault that runs on an admin's machine: a credential is sealed to the pool before it leaves it. */
import { randomBytes } from 'node:crypto';
import { createEd25519Verify } from '../base/ed25519.ts';
import { formatRandomId, RANDOM_ID_BYTES } from '../base/ids.ts';
import { AGREEMENT_KEY_BYTES, agreementKeysFromSeed } from '../base/x25519.ts';
import { type EditionAuthority, mergeEditions, nextEdition, verifyEdition } from '../core/index.ts';
import type { CredentialEdition, CredentialEntry } from '../wire/credential.ts';
import type { Credential, CredentialVersion } from './index.ts';
import { openCredential, sealCredential } from './sealed-credential.ts';

export {
  CERTIFICATE_BYTES_MAX,
  PASSWORD_BYTES_MAX,
  PRIVATE_KEY_BYTES_MAX,
} from './sealed-credential.ts';

/** What an admin writes. */
export interface WrittenCredential {
  readonly authority: EditionAuthority;
  readonly recordId: string;
  /** The editions that stand, as an instance told them: each is checked. */
  readonly from: readonly Uint8Array[];
  /** X25519 key of the pool, 32 bytes. */
  readonly vaultKey: Uint8Array;
  readonly unixMs: number;
  /** Null: the record has no credential from now on. */
  readonly credential: Credential | null;
}

/** The edition with which the credential becomes the active one, for admins to sign. Throws `bad-message`, `not-allowed` for editions that do not verify. */
export function writeCredential(written: WrittenCredential): CredentialEdition {
  const { authority, recordId, vaultKey, unixMs, credential } = written;
  const verify = createEd25519Verify();
  const from = mergeEditions(
    [],
    written.from.map((sealed) => verifyEdition(sealed, authority, verify)),
  );
  const at = { gatewayUid: authority.uid, recordId, editionId: newId(), unixMs, from };
  if (credential === null) return nextEdition({ ...at, change: { kind: 'clear' } });
  const versionId = newId();
  const box = sealCredential(credential, vaultKey, { gatewayUid: authority.uid, recordId, versionId });
  const entry = { versionId, state: 'active', box, changedUnixMs: unixMs, jobId: null } as const;
  return nextEdition({ ...at, change: { kind: 'write', entry } });
}

/** A request for a record's secrets: the key it is answered to, made for it alone, and what opens the answer. */
export function askReveal(gatewayUid: string): {
  readonly recipient: string;
  open(recordId: string, entries: readonly CredentialEntry[]): readonly CredentialVersion[];
} {
  const seed = new Uint8Array(randomBytes(AGREEMENT_KEY_BYTES));
  const keys = agreementKeysFromSeed(seed);
  seed.fill(0);
  return {
    recipient: Buffer.from(keys.publicKey).toString('base64url'),
    open: (recordId, entries) =>
      entries.map(({ box, ...entry }) => ({
        ...entry,
        credential: openCredential(box, [keys], { gatewayUid, recordId, versionId: entry.versionId }),
      })),
  };
}

function newId(): string {
  return formatRandomId(randomBytes(RANDOM_ID_BYTES));
}
