import { describe, expect, it } from 'vitest';
import type { JobRequest } from '../../../src/wire/job.ts';
import { RECORD_ID_LENGTH } from '../../../src/wire/record.ts';
import { PAGE_BYTES, recordOf } from './small-gateway.ts';
import { type Instance, SmallPool } from './small-pool.ts';

const SETTLE_MS = 6000;
/** Names a range, as `scopeId` does. */
const RANGE = '0123456789abcdef012345';

interface World {
  readonly pool: SmallPool;
  readonly jobId: string;
  readonly worker: Instance;
}

/** A job without a client that another instance than its entry has accepted. */
function accepted(changes: Partial<JobRequest>): World {
  const pool = new SmallPool({ instances: 3, budgetKib: [1024, 8 * 1024 * 1024] }).form();
  const { jobId, sealed } = pool.request(pool.at(0), changes);
  const answers = pool.submit(pool.at(0), sealed);
  pool.run(500);
  const [answer] = answers;
  if (answer?.kind !== 'accepted') throw new Error(JSON.stringify(answer));
  return { pool, jobId, worker: pool.withId(answer.worker) };
}

function stateAt(pool: SmallPool, asked: Instance, jobId: string): string | undefined {
  return pool.query(asked, jobId)?.state;
}

function othersThan(pool: SmallPool, worker: Instance): readonly Instance[] {
  return pool.instances.filter((instance) => instance !== worker);
}

describe('a job that needs no client', () => {
  it('begins by itself once it is in the journal, and once only', () => {
    const pool = new SmallPool({ instances: 3, budgetKib: [1024, 8 * 1024 * 1024] }).form();
    pool.fate = () => 'twice';
    const { jobId, sealed } = pool.request(pool.at(0), { kind: 'rotation' });
    pool.submit(pool.at(0), sealed);
    pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    expect(pool.instances.flatMap(({ begun }) => begun)).toEqual([jobId]);
    expect(pool.instances.map((asked) => stateAt(pool, asked, jobId))).toEqual(['running', 'running', 'running']);
  });

  it('has no session to open', () => {
    const { pool, jobId, worker } = accepted({ kind: 'rotation' });
    const [answer] = pool.openSession(worker, jobId);
    expect(answer).toMatchObject({ kind: 'refused', failure: { code: 'already-exists' } });
  });

  it('ends where it is cancelled, from any instance', () => {
    const { pool, jobId, worker } = accepted({ kind: 'discovery' });
    pool.cancel(pool.at(0), jobId, pool.admin.id);
    pool.run(1000);
    expect(worker.cancels).toEqual([jobId]);
  });

  it('may be about the network instead of a record only where it is a discovery', () => {
    const { worker, jobId } = accepted({ kind: 'discovery', recordId: RANGE });
    expect(worker.begun).toEqual([jobId]);
    expect(() => accepted({ kind: 'rotation', recordId: RANGE })).toThrow('not-found');
    // Whoever names a record that is not there has not asked for the network.
    expect(() => accepted({ kind: 'discovery', recordId: 'x'.repeat(RECORD_ID_LENGTH) })).toThrow('not-found');
  });

  it.each(['tunnel', 'discovery', 'rotation'] as const)('is not had on a rule, nor any other: %s', (kind) => {
    const pool = new SmallPool({ instances: 3 }).form();
    for (const instance of pool.instances) {
      const sealed = recordOf(pool.admin, { revision: 2, type: 'rule' });
      pool.feed(instance, { kind: 'offer-record', sealed, ticket: 1_000_000 + instance.number });
    }
    pool.run(1000);
    const { sealed } = pool.request(pool.at(0), { kind });
    const answers = pool.submit(pool.at(0), sealed);
    pool.run(1000);
    expect(answers).toMatchObject([{ kind: 'refused', failure: { code: 'not-found' } }]);
    expect(pool.instances.flatMap(({ begun, runs }) => [...begun, ...runs])).toEqual([]);
  });

  it('tells everybody how far it is', () => {
    const { pool, jobId, worker } = accepted({ kind: 'discovery' });
    pool.feed(worker, { kind: 'job-report', jobId, message: '12 of 20 hosts', donePerMille: 600 });
    pool.run(1000);
    const told = { message: '12 of 20 hosts', donePerMille: 600, outputBytes: 0 };
    expect(pool.instances.map((asked) => pool.query(asked, jobId)?.progress)).toEqual([told, told, told]);
  });
});

describe('a worker that was killed', () => {
  it('takes a rotation up again when it is back, and its word counts', () => {
    const { pool, jobId, worker } = accepted({ kind: 'rotation' });
    pool.kill(worker);
    pool.run(SETTLE_MS);
    expect(othersThan(pool, worker).map((asked) => stateAt(pool, asked, jobId))).toEqual(['lost', 'lost']);
    pool.restart(worker);
    pool.run(SETTLE_MS);
    expect(worker.begun).toEqual([jobId, `again ${jobId}`]);
    pool.end(worker, jobId);
    pool.run(1000);
    expect(pool.instances.map((asked) => stateAt(pool, asked, jobId))).toEqual(Array(3).fill('succeeded'));
  });

  it('takes nothing up a second time', () => {
    const { pool, jobId, worker } = accepted({ kind: 'rotation' });
    pool.end(worker, jobId);
    pool.run(500);
    pool.kill(worker);
    pool.restart(worker);
    pool.run(SETTLE_MS);
    expect(worker.begun).toEqual([jobId]);
  });

  it('leaves a discovery lost: it may be asked for again at once', () => {
    const { pool, jobId, worker } = accepted({ kind: 'discovery' });
    pool.kill(worker);
    pool.restart(worker);
    pool.run(SETTLE_MS);
    expect(worker.begun).toEqual([jobId]);
    expect(stateAt(pool, pool.at(0), jobId)).toBe('lost');
  });
});

describe('the output of a job', () => {
  it('is told in pages by every instance, also after a restart of its worker', () => {
    const { pool, jobId, worker } = accepted({ kind: 'discovery' });
    pool.end(worker, jobId, { message: 'done', output: new TextEncoder().encode('abcdef') });
    pool.run(1000);
    pool.kill(worker);
    pool.restart(worker);
    pool.run(SETTLE_MS);
    for (const asked of pool.instances) {
      expect(pool.query(asked, jobId)?.progress).toEqual({ message: 'done', donePerMille: 1000, outputBytes: 6 });
      const answers = [0, PAGE_BYTES].map((offset) => pool.output(asked, jobId, offset));
      pool.run(1000);
      const pages = answers.flat().map((answer) => (answer.kind === 'output' ? answer.page : answer.kind));
      expect(pages).toEqual(['abcd', 'ef'].map((text) => new TextEncoder().encode(text)));
    }
  });

  it('says who keeps it when that is gone', () => {
    const { pool, jobId, worker } = accepted({ kind: 'discovery' });
    pool.end(worker, jobId, { message: 'done', output: new Uint8Array([1]) });
    pool.run(1000);
    pool.kill(worker);
    pool.run(SETTLE_MS);
    const [answer] = pool.output(pool.at(0), jobId);
    expect(answer).toMatchObject({ kind: 'refused', failure: { code: 'unreachable' } });
    expect(answer?.kind === 'refused' && answer.failure.message).toContain(worker.key.id);
  });
});
