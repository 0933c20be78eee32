/** What an instance may not have done in the name of a discovery: one that lies is refused by everybody else. */

import { describe, expect, it } from 'vitest';
import { onwardProblem } from '../../../src/core/jobs/discovery-order.ts';
import { type DiscoveryJob, OnwardParameter, onwardJob } from '../../../src/wire/discovery-onward.ts';
import { readScope, ScopeParameter, scopeId, scopeOfPart } from '../../../src/wire/discovery-scope.ts';
import type { JobNotice, JobRequest, JobState, Parameter } from '../../../src/wire/job.ts';
import { idOf } from '../../api/pool.ts';

const NOW = 1_800_000_000_000;
const UID = 'gateway';
const RUN = 'r'.repeat(22);

const parameters: readonly Parameter[] = [
  { name: ScopeParameter.target, value: '10.0.0.0/18' },
  { name: ScopeParameter.ports, value: '22' },
  { name: ScopeParameter.rate, value: '250' },
  { name: OnwardParameter.lanes, value: '2' },
  { name: ScopeParameter.part, value: '0/4' },
];
const origin = {
  ...{ gatewayUid: UID, jobId: 'o'.repeat(22), kind: 'discovery', parent: RUN, parameters },
  ...{ recordId: scopeId(scopeOfPart(readScope(parameters))), entry: idOf('gw-a'), entryStartId: 's' },
  ...{ caller: idOf('gw-z'), deadlineUnixMs: NOW + 10_000, grant: null },
} as const satisfies JobRequest;

function onward(how: 'again' | 'next'): DiscoveryJob {
  const job = onwardJob(UID, origin, how);
  if (job === null) throw new Error('nothing follows');
  return job;
}

function problem(
  changes: Partial<JobRequest>,
  known: { readonly state?: JobState; readonly origin?: JobRequest; readonly atUnixMs?: number } = {},
): string | null {
  const request: JobRequest = { ...origin, ...onward('next'), caller: origin.entry, ...changes };
  const before = known.state === undefined ? undefined : ({ state: known.state } as JobNotice);
  const { origin: shown = origin, atUnixMs: poolUnixMs = NOW } = known;
  return onwardProblem({ request, gatewayUid: UID, origin: shown, before, poolUnixMs });
}

function replaced(job: DiscoveryJob, name: string, value: string): Partial<JobRequest> {
  const changed = job.parameters.map((parameter) => (parameter.name === name ? { name, value } : parameter));
  return { ...job, parameters: changed };
}

/** Named after what it really looks at. */
function renamed(changes: Partial<JobRequest>): Partial<JobRequest> {
  return { ...changes, recordId: scopeId(scopeOfPart(readScope(changes.parameters ?? []))) };
}

describe('an instance that goes on with a discovery', () => {
  it('may begin a part again whose worker was lost, and the next part of its lane', () => {
    expect(problem(onward('again'), { state: 'lost' })).toBeNull();
    expect(problem(onward('again'), { state: 'running' })).toBeNull();
    expect(problem(onward('next'), { state: 'succeeded' })).toBeNull();
    expect(problem(onward('next'))).toBeNull();
  });

  it.each<[string, Partial<JobRequest>, string]>([
    ['names no job before it', { parameters }, 'does not say from which job'],
    [
      'looks at another range',
      renamed(replaced(onward('next'), ScopeParameter.target, '10.9.0.0/18')),
      'another discovery',
    ],
    ['looks faster than was asked for', replaced(onward('next'), ScopeParameter.rate, '2000'), 'another discovery'],
    [
      'looks at a part of another lane',
      renamed(replaced(onward('next'), ScopeParameter.part, '1/4')),
      'another discovery',
    ],
    ['is named after another part', { ...onward('next'), recordId: origin.recordId }, 'another discovery'],
    ['is of another run', { parent: 'x'.repeat(22) }, 'another discovery'],
    ['has an id of its own', { jobId: 'x'.repeat(22) }, 'does not follow from'],
    ['was begun too often', replaced(onward('again'), OnwardParameter.tries, '5'), 'does not follow from'],
  ])('is refused where the job %s', (_, changes, why) => expect(problem(changes)).toContain(why));

  it.each<[string, Parameters<typeof problem>[1], string]>([
    ['was cancelled', { state: 'cancelled' }, 'is cancelled'],
    ['has failed', { state: 'failed' }, 'is failed'],
    ['is lost, and something else is to follow it', { state: 'lost' }, 'is lost'],
    ['was asked for more than a week ago', { atUnixMs: NOW + 8 * 24 * 3_600_000 }, 'too old'],
    ['is none', { origin: { ...origin, kind: 'rotation' } }, 'no discovery of this gateway'],
    ['is of another gateway', { origin: { ...origin, gatewayUid: 'other' } }, 'no discovery of this gateway'],
  ])('is refused where what it goes on with %s', (_, known, why) => expect(problem({}, known)).toContain(why));

  it('is refused where a part that has succeeded would begin again', () => {
    expect(problem(onward('again'), { state: 'succeeded' })).toContain('is succeeded');
  });
});
