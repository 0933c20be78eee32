/** Rotations without a pool: records, a vault in memory, and tasks that are run one by one. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { Secret } from '../../../src/base/secret.ts';
import type { Credential, CredentialVersion, Vault } from '../../../src/vault/index.ts';
import type { JobNotice, JobState } from '../../../src/wire/job.ts';
import type { TargetRecord } from '../../../src/wire/record.ts';
import { createRotation, DRY_RUN_PARAMETER } from '../../../src/workloads/rotation/index.ts';
import type { TaskOutcome } from '../../../src/workloads/task.ts';
import { MemoryVault, NO_CREDENTIAL } from '../memory-vault.ts';

const worker = keyPairFromSeed(new Uint8Array(32).fill(7)).id;

/** Nobody gives up. */
export const NEVER: AbortSignal = new AbortController().signal;

/** A credential with a password only. */
export function passwordCredential(user: string | null, password: string): Credential {
  return { ...NO_CREDENTIAL, user, password: new Secret(password) };
}

/** How a rotation is asked for. */
export interface Ask {
  readonly dryRun?: boolean;
  readonly jobId?: string;
  readonly resumed?: boolean;
  readonly cancelled?: AbortSignal;
}

/** The records, the vault and the jobs of a test. */
export class RotationBench {
  readonly vault = new MemoryVault();
  readonly scripts = mkdtempSync(join(tmpdir(), 'pam-scripts-'));
  readonly records: TargetRecord[] = [];
  readonly jobs = new Map<string, JobNotice>();
  /** What the workload sees in the vault's place. */
  seen: Vault = this.vault;
  unixMs: () => number = () => Date.now();

  readonly #staged = new Map<string, number>();

  /** A job has staged a credential. */
  noteStaged(jobId: string): void {
    this.#staged.set(jobId, this.stagedBy(jobId) + 1);
  }

  /** How many credentials a job has staged. */
  stagedBy(jobId: string): number {
    return this.#staged.get(jobId) ?? 0;
  }

  /** A record with its credential. */
  add(record: Partial<TargetRecord>, credential: Credential): TargetRecord {
    const added: TargetRecord = {
      gatewayUid: 'gateway',
      recordId: randomBytes(16).toString('base64url'),
      revision: 1,
      deleted: false,
      type: 'machine',
      title: `record-${this.records.length}`,
      host: '127.0.0.1',
      port: 1,
      protocol: 'ssh',
      user: credential.user,
      labels: [],
      changedUnixMs: 1,
      parentId: null,
      ...record,
    };
    this.records.push(added);
    this.vault.set(added.recordId, credential);
    return added;
  }

  /** Runs one rotation to its end. */
  async rotate(record: TargetRecord, ask: Ask = {}): Promise<TaskOutcome> {
    const jobId = ask.jobId ?? newJobId();
    this.setJob(jobId, record, 'running');
    const workload = createRotation({
      vault: this.seen,
      records: { find: (id) => this.records.filter(({ recordId }) => recordId === id) },
      findJob: async (id) => this.jobs.get(id) ?? null,
      scripts: this.scripts,
      unixMs: () => this.unixMs(),
      atMs: () => performance.now(),
    });
    const outcome = await workload.run({
      notice: this.setJob(jobId, record, 'running'),
      parameters: ask.dryRun === true ? [{ name: DRY_RUN_PARAMETER, value: 'yes' }] : [],
      record,
      resumed: ask.resumed ?? false,
      cancelled: ask.cancelled ?? new AbortController().signal,
      report: () => undefined,
    });
    this.setJob(jobId, record, outcome.state);
    return outcome;
  }

  /** What the pool knows of a job from now on. */
  setJob(jobId: string, { recordId }: TargetRecord, state: JobState): JobNotice {
    const notice: JobNotice = {
      jobId,
      kind: 'rotation',
      recordId,
      parent: null,
      caller: worker,
      state,
      entry: worker,
      worker,
      submittedUnixMs: 1,
      startedUnixMs: 1,
      endedUnixMs: null,
      error: null,
      bytesIn: 0,
      bytesOut: 0,
      progress: null,
    };
    this.jobs.set(jobId, notice);
    return notice;
  }

  /** Versions in a state. */
  async versions(record: TargetRecord, state: CredentialVersion['state']): Promise<readonly CredentialVersion[]> {
    return (await this.vault.read(record.recordId, NEVER)).versions.filter((version) => version.state === state);
  }

  /** The one active credential; throws if there is not exactly one. */
  async active(record: TargetRecord): Promise<Credential> {
    const [only, ...more] = await this.versions(record, 'active');
    if (only === undefined || more.length > 0) throw new Error(`${more.length + (only ? 1 : 0)} active credentials`);
    return only.credential;
  }
}

/** 16 random bytes in base64url. */
export function newJobId(): string {
  return randomBytes(16).toString('base64url');
}
