import { GatewayError } from '../../base/errors.ts';
import type { Credential, CredentialSet, CredentialVersion, Vault } from '../../vault/index.ts';

/** Tries of a change that only collides with others' changes of the same record. */
const TRIES_MAX = 5;

/** One record's credential versions, with the changes a rotation makes to them. */
export class CredentialChain {
  readonly #vault: Vault;
  #set: CredentialSet;

  private constructor(vault: Vault, set: CredentialSet) {
    this.#vault = vault;
    this.#set = set;
  }

  /** Reads them. Throws `vault-unavailable`. */
  static async read(vault: Vault, recordId: string, signal: AbortSignal): Promise<CredentialChain> {
    return new CredentialChain(vault, await vault.read(recordId, signal));
  }

  /** Newest first. */
  inState(state: CredentialVersion['state']): readonly CredentialVersion[] {
    return this.#set.versions
      .filter((version) => version.state === state)
      .sort((left, right) => right.changedUnixMs - left.changedUnixMs);
  }

  /** What a job has staged, wherever it is in its life now. */
  ofJob(jobId: string): CredentialVersion | undefined {
    return this.#set.versions.find((version) => version.jobId === jobId);
  }

  /** Stages a credential, safe before this returns. A change by others meanwhile is a conflict: what is true has to be looked at anew. */
  async stage(credential: Credential, jobId: string, signal: AbortSignal): Promise<CredentialVersion> {
    const { recordId, revision } = this.#set;
    this.#set = await this.#vault.change({ recordId, revision }, { kind: 'stage', credential, jobId }, signal);
    const staged = this.#set.versions.find((version) => version.jobId === jobId && version.state === 'pending');
    if (staged === undefined)
      throw new GatewayError('vault-conflict', 'the staged credential was taken away by another change');
    return staged;
  }

  /** The version has been seen to work. */
  commit(version: CredentialVersion, signal: AbortSignal): Promise<void> {
    return this.#settle('commit', version, signal);
  }

  /** The version has been seen not to work, or was never set. */
  discard(version: CredentialVersion, signal: AbortSignal): Promise<void> {
    return this.#settle('discard', version, signal);
  }

  /** What was seen stays true whatever else has changed in the set: so after a conflict it is read again. */
  async #settle(kind: 'commit' | 'discard', { versionId }: CredentialVersion, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      const { recordId, revision } = this.#set;
      if (this.#isSettled(kind, versionId)) return;
      try {
        this.#set = await this.#vault.change({ recordId, revision }, { kind, versionId }, signal);
        return;
      } catch (error) {
        const isConflict = error instanceof GatewayError && error.code === 'vault-conflict';
        if (!isConflict || tries >= TRIES_MAX) throw error;
        this.#set = await this.#vault.read(recordId, signal);
      }
    }
  }

  #isSettled(kind: 'commit' | 'discard', versionId: string): boolean {
    const active = this.inState('active');
    if (kind === 'commit') return active.length === 1 && active[0]?.versionId === versionId;
    return !this.#set.versions.some((version) => version.versionId === versionId);
  }
}
