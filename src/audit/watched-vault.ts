/** The vault as a job gets it: that it reads a credential or changes one is on disk before it has it. */
import type { CredentialSet, Vault } from '../vault/index.ts';
import type { Audit } from './audit.ts';

/** On whose behalf. */
export interface Reading {
  /** The kind of job. */
  readonly purpose: string;
  readonly jobId: string;
  readonly caller: string;
}

/** Where it is recorded. */
type Sink = Pick<Audit, 'append' | 'appendNow'>;

/** Wraps the vault. What cannot be recorded is neither read nor begun: `storage-failed`. */
export function watchVault(vault: Vault, reading: Reading, sink: Sink): Vault {
  const read = async (recordId: string, signal: AbortSignal): Promise<CredentialSet> => {
    const set = await vault.read(recordId, signal);
    const outcome = set.versions.length === 0 ? 'the record has none' : 'read';
    const event = { kind: 'credential-read', recordId, revision: set.revision, outcome, value: null } as const;
    await sink.appendNow({ ...event, ...reading });
    return set;
  };
  const change: Vault['change'] = async (at, wanted, signal) => {
    const step = { kind: 'rotation-step', recordId: at.recordId, jobId: reading.jobId, step: wanted.kind } as const;
    await sink.appendNow({ ...step, revision: at.revision, outcome: 'begun', reason: null });
    try {
      const set = await vault.change(at, wanted, signal);
      // From here on the change stands, whether or not the disk takes this entry.
      sink.append({ ...step, revision: set.revision, outcome: 'done', reason: null });
      return set;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      sink.append({ ...step, revision: at.revision, outcome: 'failed', reason });
      throw error;
    }
  };
  return { name: vault.name, read, change };
}
