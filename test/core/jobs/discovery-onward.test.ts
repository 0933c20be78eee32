/** A discovery of a range goes on by itself: part after part, and elsewhere when a worker is lost. */

import { describe, expect, it } from 'vitest';
import { OnwardParameter, onwardJob, TRIES_MAX } from '../../../src/wire/discovery-onward.ts';
import {
  formatPart,
  partsOf,
  readScope,
  ScopeParameter,
  scopeId,
  scopeOfPart,
} from '../../../src/wire/discovery-scope.ts';
import type { JobRequest, Parameter } from '../../../src/wire/job.ts';
import { GATEWAY_UID } from './small-gateway.ts';
import { type Instance, SmallPool } from './small-pool.ts';

const RUN = 'r'.repeat(22);
/** From the death of a worker until its part has begun elsewhere. */
const ELSEWHERE_MS = 6000;
const WHOLE: readonly Parameter[] = [
  { name: ScopeParameter.target, value: '10.0.0.0/18' },
  { name: ScopeParameter.ports, value: '22' },
  { name: ScopeParameter.rate, value: '250' },
];
const PARTS = partsOf(readScope(WHOLE));

/** A request for one part. */
function partOf(index: number, more: readonly Parameter[] = [{ name: OnwardParameter.lanes, value: '2' }]) {
  const part = { name: ScopeParameter.part, value: formatPart({ index, of: PARTS }) };
  const parameters = [...WHOLE, ...more, part];
  const recordId = scopeId(scopeOfPart(readScope(parameters)));
  return { kind: 'discovery', recordId, parent: RUN, parameters } as const;
}

/** A discovery of two lanes, the first part of the first one under way. */
function begun(changes: Partial<JobRequest> = partOf(0)): {
  readonly pool: SmallPool;
  readonly first: JobRequest;
  readonly worker: Instance;
} {
  const pool = new SmallPool({ instances: 3, capabilities: ['discovery'] }).form();
  const { jobId, sealed } = pool.request(pool.at(0), changes);
  const answers = pool.submit(pool.at(0), sealed);
  pool.run(1500);
  const [answer] = answers;
  if (answer?.kind !== 'accepted') throw new Error(JSON.stringify(answer));
  return { pool, first: { ...partOf(0), ...changes, jobId } as JobRequest, worker: pool.withId(answer.worker) };
}

function idOf(job: Pick<JobRequest, 'jobId' | 'recordId' | 'parent' | 'parameters'>, how: 'again' | 'next'): string {
  const onward = onwardJob(GATEWAY_UID, job, how);
  if (onward === null) throw new Error('nothing follows');
  return onward.jobId;
}

function jobsBegun(pool: SmallPool): readonly string[] {
  return pool.instances.flatMap((instance) => instance.begun);
}

describe('a discovery in parts', () => {
  it('is cut as these tests take it to be', () => expect(PARTS).toBe(4));

  it('goes on with the next part of its lane when one is done, and ends with the last', () => {
    const { pool, first, worker } = begun();
    pool.end(worker, first.jobId);
    pool.run(1000);
    const second = idOf(first, 'next');
    expect(jobsBegun(pool).toSorted()).toEqual([first.jobId, second].toSorted());
    expect(pool.query(pool.at(1), second)).toMatchObject({
      ...{ state: 'running', parent: RUN, recordId: partOf(2).recordId, caller: pool.admin.id, entry: worker.key.id },
    });
    const next = pool.instances.find((instance) => instance.begun.includes(second));
    if (next !== undefined) pool.end(next, second);
    pool.run(1000);
    expect(jobsBegun(pool)).toHaveLength(2);
  });

  it.each(['failed', 'cancelled'] as const)('does not go on from a part that has %s', (state) => {
    const { pool, first, worker } = begun();
    pool.feed(worker, { kind: 'job-ended', jobId: first.jobId, state, error: null, bytesIn: 0, bytesOut: 0 });
    pool.run(ELSEWHERE_MS);
    expect(jobsBegun(pool)).toEqual([first.jobId]);
  });

  it('begins a part again elsewhere when its worker is lost, and goes on from there', () => {
    const { pool, first, worker } = begun();
    pool.kill(worker);
    pool.run(ELSEWHERE_MS);
    const again = idOf(first, 'again');
    const elsewhere = pool.instances.find((instance) => instance !== worker && instance.begun.includes(again));
    expect(elsewhere).toBeDefined();
    expect(jobsBegun(pool)).toEqual(expect.arrayContaining([first.jobId, again]));
    if (elsewhere !== undefined) pool.end(elsewhere, again);
    pool.run(1000);
    const second = onwardJob(GATEWAY_UID, { ...first, jobId: again }, 'next')?.jobId;
    expect(jobsBegun(pool).toSorted()).toEqual([first.jobId, again, second].toSorted());
  });

  it('goes on with the next part where its worker was lost before it could ask for it', () => {
    const { pool, first, worker } = begun();
    // The end reaches the others, the request for the next part reaches nobody.
    pool.fate = ({ kind }) => (kind === 'forward' || kind === 'load-query' ? 'drop' : 'deliver');
    worker.diskFails = true;
    pool.end(worker, first.jobId);
    pool.run(700);
    pool.kill(worker);
    pool.fate = () => 'deliver';
    pool.run(ELSEWHERE_MS);
    const others = pool.instances.filter((instance) => instance !== worker);
    expect(others.flatMap((instance) => instance.begun)).toContain(idOf(first, 'next'));
  });

  it('is kept by another one when its keeper has gone, and begun again no more often than it may', () => {
    const { pool, first } = begun();
    let job: Pick<JobRequest, 'jobId' | 'recordId' | 'parent' | 'parameters'> = first;
    for (let tries = 2; tries <= TRIES_MAX + 1; tries++) {
      const worker = pool.instances.find((instance) => instance.running && instance.begun.includes(job.jobId));
      if (worker === undefined) throw new Error(`nobody has begun ${job.jobId}`);
      pool.kill(worker);
      pool.run(ELSEWHERE_MS);
      pool.restart(worker);
      pool.run(ELSEWHERE_MS);
      const again = onwardJob(GATEWAY_UID, job, 'again');
      expect(again === null).toBe(tries > TRIES_MAX);
      job = again ?? job;
    }
    expect(jobsBegun(pool)).toHaveLength(TRIES_MAX);
  });
});

describe('a discovery in one piece', () => {
  it('begins again elsewhere as a job of its own discovery', () => {
    const recordId = scopeId(readScope(WHOLE));
    const { pool, first, worker } = begun({ kind: 'discovery', recordId, parent: null, parameters: WHOLE });
    pool.kill(worker);
    pool.run(ELSEWHERE_MS);
    const again = idOf(first, 'again');
    const asked = pool.instances.find((instance) => instance !== worker);
    expect(asked && pool.query(asked, again)).toMatchObject({ state: 'running', parent: first.jobId, recordId });
  });
});
