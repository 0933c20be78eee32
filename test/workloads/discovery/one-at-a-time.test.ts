/** One discovery of a range at a time, decided by every worker for itself from what all of them know. */

import { describe, expect, it } from 'vitest';
import { keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { formatPart, readScope, scopeId, scopeOfPart } from '../../../src/wire/discovery-scope.ts';
import type { JobNotice, Parameter } from '../../../src/wire/job.ts';
import { createDiscovery } from '../../../src/workloads/discovery/index.ts';
import { MemoryVault } from '../memory-vault.ts';

const worker = keyPairFromSeed(new Uint8Array(32).fill(7)).id;
const OF = 4;
const GOES_ON = 'cancelled after 0 of';

interface Init {
  readonly jobId: string;
  readonly parent?: string;
  readonly part?: number;
  readonly submitted: number;
  readonly state?: JobNotice['state'];
}

function parametersOf(part: number | undefined): readonly Parameter[] {
  const whole = [
    { name: 'target', value: '127.66.0.0/18' },
    { name: 'ports', value: '9' },
  ];
  return part === undefined ? whole : [...whole, { name: 'part', value: formatPart({ index: part, of: OF }) }];
}

function job({ jobId, parent, part, submitted, state = 'running' }: Init): JobNotice {
  return {
    jobId,
    kind: 'discovery',
    recordId: scopeId(scopeOfPart(readScope(parametersOf(part)))),
    parent: parent ?? null,
    caller: worker,
    state,
    entry: worker,
    worker,
    submittedUnixMs: submitted,
    startedUnixMs: 1,
    endedUnixMs: null,
    error: null,
    bytesIn: 0,
    bytesOut: 0,
    progress: null,
  };
}

/** Runs the first job where everybody knows of all of them, and cancels it at once: `GOES_ON` is what it says when it was let go on until then. */
async function run(own: Init, others: readonly Init[]): Promise<string> {
  const jobs = [own, ...others].map(job);
  const workload = createDiscovery({
    allowed: [{ first: 0, last: 2 ** 32 - 1 }],
    jobsOf: (scope) => jobs.filter(({ recordId }) => recordId === scope),
    readOutput: async () => null,
    vaultOf: () => new MemoryVault(),
    atMs: () => performance.now(),
  });
  const task = { record: null, resumed: false, cancelled: AbortSignal.abort(), report: () => undefined };
  const outcome = await workload
    .run({ ...task, notice: job(own), parameters: parametersOf(own.part) })
    .catch((error: unknown) => (error instanceof Error ? { state: error.message } : { state: 'odd' }));
  return outcome.state;
}

describe('a discovery', () => {
  it('gives way to one of the same range that was asked for earlier, however either is cut', async () => {
    const whole = { jobId: 'whole', submitted: 1 };
    expect(await run({ jobId: 'later', submitted: 2 }, [whole])).toContain('discovery whole of the same range runs');
    expect(await run({ jobId: 'part', parent: 'run', part: 3, submitted: 2 }, [whole])).toContain('discovery whole');
    const first = { jobId: 'p0', parent: 'run', part: 0, submitted: 1 };
    expect(await run({ jobId: 'later', submitted: 2 }, [first])).toContain('discovery run of the same range');
    const elsewhere = { jobId: 'q3', parent: 'other', part: 3, submitted: 2 };
    expect(await run(elsewhere, [first])).toContain('discovery run of the same range');
  });

  it('goes on beside its own parts, and before others', async () => {
    const first = { jobId: 'p0', parent: 'run', part: 0, submitted: 1 };
    expect(await run({ jobId: 'p1', parent: 'run', part: 1, submitted: 5 }, [first])).toContain(GOES_ON);
    // It began with its first part, although that has ended and this one was asked for later than the other's.
    const ended = { ...first, state: 'succeeded' } as const;
    const other = { jobId: 'q0', parent: 'other', part: 0, submitted: 3 };
    expect(await run({ jobId: 'p1', parent: 'run', part: 1, submitted: 5 }, [ended, other])).toContain(GOES_ON);
    expect(await run(other, [ended, { jobId: 'p1', parent: 'run', part: 1, submitted: 5 }])).toContain('discovery run');
  });

  it('of two of the same moment exactly one goes on', async () => {
    const [one, two] = [
      { jobId: 'a', submitted: 1 },
      { jobId: 'b', submitted: 1 },
    ];
    expect([await run(one, [two]), await run(two, [one])]).toEqual([
      expect.stringContaining(GOES_ON),
      expect.stringContaining('runs on'),
    ]);
  });

  it('is kept from nothing by what has ended or was lost', async () => {
    const over = (['succeeded', 'failed', 'cancelled', 'lost'] as const).map((state, index) => ({
      jobId: `over-${index}`,
      submitted: 1,
      state,
    }));
    expect(await run({ jobId: 'own', submitted: 2 }, over)).toContain(GOES_ON);
  });
});
