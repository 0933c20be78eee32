/**
 * Where the credentials of records live. This file is the contract; each provider is one folder beside it. A vault is *not* concerned with who may
 * read: whoever calls has been authorised by the core and the grant, and writes the audit event.
 *
 * Invariants: a credential is only ever replaced by one that was staged before; what a caller was told is stored is not lost by a crash; two
 * credentials that were written without knowing of each other are both kept until a login has settled which is true.
 */
import type { Secret } from '../base/secret.ts';

export { createEmbeddedVault, type EmbeddedVault, type EmbeddedVaultInit } from './embedded/index.ts';
export { loadVaultProvider, type PoolVault, type VaultProviderChoice, type VaultSurroundings } from './provider.ts';
export { createReveal, type Reveal } from './reveal.ts';

/** What a person or a program logs in with. Any part may be missing; the protocol decides which parts it needs. */
export interface Credential {
  readonly user: string | null;
  readonly password: Secret<string> | null;
  /** Private key in OpenSSH or PEM form. */
  readonly privateKey: Secret<string> | null;
  /** Passphrase of the private key. */
  readonly passphrase: Secret<string> | null;
  /** OpenSSH user certificate that belongs to the private key; public. */
  readonly certificate: string | null;
}

/**
 * Where a version of a credential is in its life. `active`: used by default. `pending`: staged by a rotation, the target may or may not know it.
 * `previous`: replaced, kept for a set time. Two `active` versions are a conflict.
 */
export type CredentialState = 'active' | 'pending' | 'previous';

/** One version of a record's credential. */
export interface CredentialVersion {
  /** Names the version: 16 random bytes in base64url. */
  readonly versionId: string;
  readonly state: CredentialState;
  readonly credential: Credential;
  readonly changedUnixMs: number;
  /** The job that staged it; null where a person wrote it. */
  readonly jobId: string | null;
}

/** All versions of a record's credential, and the revision they have together. */
export interface CredentialSet {
  readonly recordId: string;
  /** Compare-and-set: every change names the revision it was made from. Opaque. */
  readonly revision: string;
  /** Active first, newest first within a state. Empty: the record has no credential. */
  readonly versions: readonly CredentialVersion[];
}

/** The changes a rotation makes. */
export type CredentialChange =
  | { readonly kind: 'stage'; readonly credential: Credential; readonly jobId: string }
  /** The version has been seen to work: it becomes the one active version, the former active ones become previous. */
  | { readonly kind: 'commit'; readonly versionId: string }
  /** The version has been seen not to work (or was never set at the target): it is removed. */
  | { readonly kind: 'discard'; readonly versionId: string };

/** A provider of credentials. All methods throw typed errors: `not-found`, `vault-conflict`, `vault-unavailable`, `cancelled`. */
export interface Vault {
  readonly name: string;
  /** The versions of a record's credential. */
  read(recordId: string, signal: AbortSignal): Promise<CredentialSet>;
  /**
   * Applies one change to the set of this revision and answers the new set once it is safe: with the embedded vault, once this instance and a majority
   * of the live instances have it on disk. `vault-conflict` where the set has changed meanwhile: read again.
   */
  change(
    at: { readonly recordId: string; readonly revision: string },
    change: CredentialChange,
    signal: AbortSignal,
  ): Promise<CredentialSet>;
}
