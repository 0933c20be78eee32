import { describe, expect, it } from 'vitest';
import { type Grant, type GrantConditions, NO_CONDITIONS } from '../../../src/wire/grant.ts';
import { EPOCH_UNIX_MS } from './small-gateway.ts';
import { begin, grantIn } from './small-grants.ts';
import { SmallPool } from './small-pool.ts';

function under(conditions: Partial<GrantConditions>): Partial<Grant> {
  return { conditions: { ...NO_CONDITIONS, ...conditions } };
}

describe('a session under a grant', () => {
  it('is ended by its worker when the grant expires', () => {
    const pool = new SmallPool({ instances: 2 }).form();
    const { jobId, worker } = begin(pool, grantIn(pool, { expiresUnixMs: EPOCH_UNIX_MS + pool.nowMs + 5000 }));
    pool.run(4000);
    expect(worker.cancels).toEqual([]);
    pool.run(2500);
    expect(worker.cancels).toEqual([jobId]);
  });

  it('is ended when it has lasted as long as the grant lets it', () => {
    const pool = new SmallPool({ instances: 2 }).form();
    const { jobId, worker } = begin(pool, grantIn(pool, under({ sessionMsMax: 10_000 })));
    pool.run(9_500);
    expect(worker.cancels).toEqual([]);
    pool.run(2000);
    expect(worker.cancels).toEqual([jobId]);
    pool.run(5000);
    expect(worker.cancels).toEqual([jobId]);
  });

  it('is not opened from an address outside of its ranges, which the worker sees for itself', () => {
    const pool = new SmallPool({ instances: 1 }).form();
    const grant = grantIn(pool, under({ sources: ['192.0.2.0/24'] }));
    const { jobId, sealed } = pool.request(pool.at(0), { caller: pool.user.id, grant }, pool.user);
    pool.submit(pool.at(0), sealed);
    pool.run(500);
    const opening = { kind: 'open-session', jobId, caller: pool.user.id, source: '198.51.100.7' } as const;
    const answers = pool.offer(pool.at(0), (ticket) => ({ ...opening, ticket }));
    expect(answers).toMatchObject([{ kind: 'refused', failure: { code: 'not-allowed' } }]);
    expect(pool.at(0).notes).toContain('job-denied');
    expect(pool.at(0).runs).toEqual([]);
  });
});

describe('a denial', () => {
  it('names what is missing to the user and goes to the audit', () => {
    const pool = new SmallPool({ instances: 2 }).form();
    const grant = grantIn(pool, { allow: [{ kind: 'rotation', record: '*' }] });
    const { sealed } = pool.request(pool.at(0), { caller: pool.user.id, grant }, pool.user);
    expect(pool.submit(pool.at(0), sealed)).toEqual([
      { kind: 'refused', failure: { code: 'not-allowed', message: 'the grant of alice lacks tunnel:target' } },
    ]);
    expect(pool.at(0).notes).toContain('job-denied');
  });
});
