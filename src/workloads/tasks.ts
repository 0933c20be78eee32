import type { Reading } from '../audit/index.ts';
import type { NetworkRange } from '../base/network-range.ts';
import type { PoolPort } from '../pool-port.ts';
import type { Vault } from '../vault/index.ts';
import type { JobNotice } from '../wire/job.ts';
import { createDiscovery } from './discovery/index.ts';
import { readOutput } from './read-output.ts';
import { createRotation, type RotationComponents } from './rotation/index.ts';
import type { TaskWorkload } from './task.ts';

/** Kinds of job that this program does without a client: they begin as soon as they are accepted. */
export const TASK_KINDS = ['discovery', 'rotation'] as const;

/** What they need of their instance. */
export interface TaskComponents {
  readonly port: PoolPort;
  /** The vault for one job: what it reads and changes stands in the audit. */
  readonly vaultFor: (reading: Reading) => Vault;
  /** Where discoveries may look. */
  readonly allowed: readonly NetworkRange[];
  /** Folder of the operator's scripts. */
  readonly scripts: string;
  /** A clock that only goes forward. */
  readonly atMs: () => number;
}

/** Jobs among which the last discovery of a range is looked for: all that an instance knows. */
const JOBS_LOOKED_THROUGH = 5000;

/** What carries them out, one line each. */
export function createTasks(components: TaskComponents): Readonly<Record<(typeof TASK_KINDS)[number], TaskWorkload>> {
  const { port, vaultFor, allowed, scripts, atMs } = components;
  const discoveriesOf = (scopeId: string): readonly JobNotice[] =>
    port.jobs.jobs(JOBS_LOOKED_THROUGH).filter(({ kind, recordId }) => kind === 'discovery' && recordId === scopeId);
  const rotation: Omit<RotationComponents, 'vault'> = {
    records: port.records,
    findJob: (jobId, signal) => findJob(port, jobId, signal),
    scripts,
    unixMs: () => port.unixMs(),
    atMs,
  };
  return {
    discovery: createDiscovery({
      allowed,
      jobsOf: discoveriesOf,
      readOutput: (jobId, signal) => readOutput(port, jobId, signal),
      vaultOf: ({ jobId, caller }) => vaultFor({ purpose: 'discovery', jobId, caller }),
      atMs,
    }),
    rotation: {
      kind: 'rotation',
      run: (task) => {
        const { jobId, caller } = task.notice;
        return createRotation({ ...rotation, vault: vaultFor({ purpose: 'rotation', jobId, caller }) }).run(task);
      },
    },
  };
}

/** What the pool knows of a job; null: nothing, or nobody can say. */
async function findJob(port: PoolPort, jobId: string, signal: AbortSignal): Promise<JobNotice | null> {
  const reply = await port.queryJob(jobId, false, signal);
  return reply.kind === 'job' ? reply.notice : null;
}
