/** A vault that keeps everything in memory, for tests of what uses one. It keeps the contract: the suite of all providers runs against it too. */

import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../src/base/errors.ts';
import type {
  Credential,
  CredentialChange,
  CredentialSet,
  CredentialState,
  CredentialVersion,
  Vault,
} from '../../src/vault/index.ts';

const ORDER: readonly CredentialState[] = ['active', 'pending', 'previous'];

/** Nothing of a credential, to be spread into one. */
export const NO_CREDENTIAL: Credential = {
  user: null,
  password: null,
  privateKey: null,
  passphrase: null,
  certificate: null,
};

/** Credentials by record id. */
export class MemoryVault implements Vault {
  readonly name: string = 'memory';
  readonly #sets = new Map<string, CredentialSet>();
  #revision = 0;

  /** A person writes a credential: it becomes the active one beside nothing else. Null: the record exists and has none. */
  set(recordId: string, credential: Credential | null): void {
    const versions = credential === null ? [] : [newVersion(credential, 'active', null)];
    this.#keep(recordId, versions);
  }

  /** Another one that claims to be the one, as after a partition. */
  setBeside(recordId: string, credential: Credential): void {
    this.#keep(recordId, [newVersion(credential, 'active', null), ...(this.#sets.get(recordId)?.versions ?? [])]);
  }

  async read(recordId: string, signal: AbortSignal): Promise<CredentialSet> {
    return this.#find(recordId, signal);
  }

  #find(recordId: string, signal: AbortSignal): CredentialSet {
    if (signal.aborted) throw new GatewayError('cancelled', 'given up', { cause: signal.reason });
    const found = this.#sets.get(recordId);
    if (found !== undefined) return found;
    throw new GatewayError('not-found', `there is no record ${recordId}`);
  }

  async change(
    { recordId, revision }: { readonly recordId: string; readonly revision: string },
    change: CredentialChange,
    signal: AbortSignal,
  ): Promise<CredentialSet> {
    const set = this.#find(recordId, signal);
    if (set.revision !== revision)
      throw new GatewayError('vault-conflict', `the credential of record ${recordId} has changed meanwhile`);
    return this.#keep(recordId, changed(set.versions, change));
  }

  #keep(recordId: string, versions: readonly CredentialVersion[]): CredentialSet {
    this.#revision += 1;
    const sorted = [...versions].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
    const set = { recordId, revision: String(this.#revision), versions: sorted };
    this.#sets.set(recordId, set);
    return set;
  }
}

function changed(versions: readonly CredentialVersion[], change: CredentialChange): readonly CredentialVersion[] {
  if (change.kind === 'stage') return [...versions, newVersion(change.credential, 'pending', change.jobId)];
  const named = versions.find(({ versionId }) => versionId === change.versionId);
  if (named === undefined) throw new GatewayError('not-found', `there is no version ${change.versionId}`);
  const others = versions.filter((version) => version !== named);
  if (change.kind === 'discard') {
    if (named.state === 'active' && !others.some(({ state }) => state === 'active'))
      throw new GatewayError('vault-conflict', `version ${change.versionId} is the only active one`);
    return others;
  }
  const retired = others.map((version) =>
    version.state === 'active' ? { ...version, state: 'previous' as const } : version,
  );
  return [{ ...named, state: 'active', changedUnixMs: Date.now() }, ...retired];
}

function newVersion(credential: Credential, state: CredentialState, jobId: string | null): CredentialVersion {
  return { versionId: randomBytes(16).toString('base64url'), state, credential, changedUnixMs: Date.now(), jobId };
}
