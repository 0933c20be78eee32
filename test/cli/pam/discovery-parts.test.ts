import { describe, expect, it } from 'vitest';
import { NOTHING_FOUND } from '../../../src/cli/pam/action/discover/findings.ts';
import { mergeFindings } from '../../../src/cli/pam/action/discover/parts/merge.ts';
import {
  GOES_ON_MS,
  joinNotices,
  latestOfParts,
  mayGoOn,
} from '../../../src/cli/pam/action/discover/parts/read-discovery.ts';
import type { JobNotice, JobState } from '../../../src/wire/job.ts';
import { idOf } from '../../api/pool.ts';

function part(recordId: string, state: JobState, changes: Partial<JobNotice> = {}): JobNotice {
  return {
    jobId: `${recordId}-${state}`,
    kind: 'discovery',
    recordId,
    parent: 'run',
    caller: idOf('gw-a'),
    state,
    entry: idOf('gw-a'),
    worker: idOf('gw-b'),
    submittedUnixMs: 10,
    startedUnixMs: 20,
    endedUnixMs: state === 'running' ? null : 90,
    error: null,
    bytesIn: 0,
    bytesOut: 0,
    progress: { message: '', donePerMille: state === 'running' ? 500 : 1000, outputBytes: 1 },
    ...changes,
  };
}

/** So long after the last part ended that nothing more comes. */
const LATER = 90 + GOES_ON_MS;

describe('a discovery in parts', () => {
  it('runs as long as one does, and has succeeded when all have', () => {
    const [one, two] = [part('a', 'succeeded'), part('b', 'running', { submittedUnixMs: 5 })];
    expect(joinNotices('run', [one, two], { of: 2, nowUnixMs: LATER })).toMatchObject({
      jobId: 'run',
      state: 'running',
      submittedUnixMs: 5,
      endedUnixMs: null,
      progress: { message: '1 of 2 parts done', donePerMille: 750 },
    });
    expect(joinNotices('run', [one, part('b', 'succeeded')], { of: 2, nowUnixMs: LATER })).toMatchObject({
      state: 'succeeded',
      endedUnixMs: 90,
    });
  });

  it('is judged by the last job of each part, and by what was never begun', () => {
    const newestFirst = [part('b', 'succeeded'), part('a', 'succeeded'), part('b', 'lost')];
    expect(latestOfParts(newestFirst).map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
    expect(joinNotices('run', latestOfParts(newestFirst), { of: 3, nowUnixMs: LATER })).toMatchObject({
      state: 'cancelled',
      error: { message: expect.stringContaining('1 of 3 parts were never begun') },
    });
    expect(joinNotices('run', [part('a', 'lost')], { of: 1, nowUnixMs: LATER }).state).toBe('lost');
    expect(() => joinNotices('run', [], { of: 1, nowUnixMs: LATER })).toThrow('Discovery "run" not found');
  });

  it('runs on where the next part, or the same elsewhere, is about to begin', () => {
    const soon = { of: 2, nowUnixMs: LATER - 1 };
    expect(joinNotices('run', [part('a', 'succeeded')], soon)).toMatchObject({ state: 'running', endedUnixMs: null });
    expect(joinNotices('run', [part('a', 'succeeded'), part('b', 'lost')], soon).state).toBe('running');
    expect(joinNotices('run', [part('a', 'succeeded'), part('b', 'failed')], soon).state).toBe('failed');
    const both = [part('a', 'succeeded'), part('b', 'succeeded')];
    expect(joinNotices('run', both, soon).state).toBe('succeeded');
    expect([mayGoOn(both, LATER - 1), mayGoOn(both, LATER)]).toEqual([true, false]);
    expect(mayGoOn([part('a', 'failed')], 90)).toBe(false);
  });

  it('has found what its parts have', () => {
    const service = (host: string) => ({
      host,
      port: 22,
      service: 'ssh',
      version: null,
      hostKey: null,
      account: null,
      banner: '',
      system: null,
      certificate: null,
      accounts: [],
      databases: [],
      machines: [],
    });
    const parts = [
      { ...NOTHING_FOUND, found: [service('10.0.10.1')], hostsUp: 2, tried: 100, seconds: 3, parts: 2 },
      { ...NOTHING_FOUND, found: [service('10.0.9.1')], hostsUp: 1, tried: 50, seconds: 5, cut: true, parts: 2 },
    ];
    const merged = mergeFindings(parts);
    expect(merged.found.map(({ host }) => host)).toEqual(['10.0.9.1', '10.0.10.1']);
    expect(merged).toMatchObject({ hostsUp: 3, tried: 150, seconds: 5, cut: true, since: null, parts: 2 });
    expect(mergeFindings([])).toEqual(NOTHING_FOUND);
  });
});
