import { describe, expect, it } from 'vitest';
import type { Reply } from '../../../src/core/index.ts';
import { SESSION_OPEN_MS } from '../../../src/core/timing.ts';
import { Random } from '../../simulator/random.ts';
import { type Instance, SmallPool } from './small-pool.ts';

const SETTLE_MS = 3000;

interface World {
  readonly pool: SmallPool;
  readonly jobId: string;
  readonly worker: Instance;
}

/** A job that was accepted; its session is not open yet. */
function accepted(): World {
  const pool = new SmallPool({ instances: 3 }).form();
  const { jobId, sealed } = pool.request(pool.at(0));
  const answers = pool.submit(pool.at(0), sealed);
  pool.run(500);
  const [answer] = answers;
  if (answer?.kind !== 'accepted') throw new Error('not accepted');
  return { pool, jobId, worker: pool.withId(answer.worker) };
}

function codeOf(answer: Reply | 'run' | undefined): string {
  if (answer === undefined) return 'silence';
  if (answer === 'run') return 'run';
  return answer.kind === 'refused' ? answer.failure.code : answer.kind;
}

function sessionsOn(pool: SmallPool, { machine, key }: Instance): number {
  const own = machine.view({ atMs: pool.nowMs }).members.find(({ record }) => record.instanceId === key.id);
  return own?.load?.sessions.reduce((sum, { count }) => sum + count, 0) ?? Number.NaN;
}

describe('the session of an accepted job', () => {
  it('is opened once, by its caller, where it was accepted', () => {
    const { pool, jobId, worker } = accepted();
    const elsewhere = pool.instances.find((instance) => instance !== worker) ?? worker;
    expect(codeOf(pool.openSession(worker, jobId, pool.user.id)[0])).toBe('not-allowed');
    expect(codeOf(pool.openSession(elsewhere, jobId)[0])).toBe('not-found');
    expect(codeOf(pool.openSession(worker, jobId)[0])).toBe('run');
    expect(codeOf(pool.openSession(worker, jobId)[0])).toBe('already-exists');
    pool.end(worker, jobId);
    expect(codeOf(pool.openSession(worker, jobId)[0])).toBe('already-exists');
    expect(worker.runs).toEqual([jobId]);
  });

  it('waits for the journal: before the job is on disk there is none', () => {
    const pool = new SmallPool({ instances: 1 }).form();
    const { jobId, sealed } = pool.request(pool.at(0));
    const answers = pool.submit(pool.at(0), sealed);
    expect([answers.length, codeOf(pool.openSession(pool.at(0), jobId)[0])]).toEqual([0, 'not-found']);
    pool.run(100);
    expect([answers[0]?.kind, codeOf(pool.openSession(pool.at(0), jobId)[0])]).toEqual(['accepted', 'run']);
    expect(pool.at(0).disk.some((what) => what.kind === 'job' && what.notice.jobId === jobId)).toBe(true);
  });

  it('is given up when nobody opens it, and its memory with it', () => {
    const { pool, jobId, worker } = accepted();
    expect(sessionsOn(pool, worker)).toBe(1);
    pool.run(SESSION_OPEN_MS + 2000);
    expect(sessionsOn(pool, worker)).toBe(0);
    expect(pool.query(pool.at(0), jobId)).toMatchObject({ state: 'failed', error: { code: 'timeout' } });
    expect(codeOf(pool.openSession(worker, jobId)[0])).toBe('already-exists');
  });

  it('ends once: a second end changes neither the state nor the load', () => {
    const { pool, jobId, worker } = accepted();
    pool.openSession(worker, jobId);
    pool.end(worker, jobId);
    pool.feed(worker, { kind: 'job-ended', jobId, state: 'failed', error: null, bytesIn: 9, bytesOut: 9 });
    expect(sessionsOn(pool, worker)).toBe(0);
    expect(pool.query(worker, jobId)).toMatchObject({ state: 'succeeded', bytesIn: 1 });
  });

  it('is not opened on a record that was removed meanwhile', () => {
    const { pool, jobId, worker } = accepted();
    pool.removeRecord();
    pool.run(SETTLE_MS);
    expect(codeOf(pool.openSession(worker, jobId)[0])).toBe('not-found');
    expect(sessionsOn(pool, worker)).toBe(0);
  });
});

describe('cancelling', () => {
  it('works from any instance, and answers when the job has ended', () => {
    const { pool, jobId, worker } = accepted();
    pool.openSession(worker, jobId);
    const answers = pool.cancel(pool.instances.find((instance) => instance !== worker) ?? worker, jobId, pool.admin.id);
    pool.run(1000);
    expect([worker.cancels, answers]).toEqual([[jobId], []]);
    pool.feed(worker, { kind: 'job-ended', jobId, state: 'cancelled', error: null, bytesIn: 0, bytesOut: 0 });
    pool.run(1000);
    expect(answers).toMatchObject([{ kind: 'job', notice: { state: 'cancelled' } }]);
  });

  it('says so when the job does not end', () => {
    const { pool, jobId, worker } = accepted();
    pool.openSession(worker, jobId);
    const answers = pool.cancel(pool.at(1), jobId, pool.admin.id);
    pool.run(10_000);
    expect(answers).toMatchObject([{ kind: 'refused', failure: { code: 'timeout' } }]);
  });

  it('is for the caller of the job and for admins', () => {
    const { pool, jobId, worker } = accepted();
    const answers = pool.cancel(pool.at(1), jobId, pool.user.id);
    pool.run(SETTLE_MS);
    expect(answers).toMatchObject([{ kind: 'refused', failure: { code: 'not-allowed' } }]);
    expect(codeOf(pool.openSession(worker, jobId)[0])).toBe('run');
  });

  it('of a job that nobody knows says so', () => {
    const { pool } = accepted();
    const answers = pool.cancel(pool.at(0), 'no-such-job', pool.admin.id);
    pool.run(SETTLE_MS);
    expect(answers).toMatchObject([{ kind: 'refused', failure: { code: 'not-found' } }]);
  });
});

/** Clients that repeat themselves at everybody, a network that loses and repeats, and instances that come and go. */
function stormOf(seed: number): SmallPool {
  const pool = new SmallPool({ instances: 4, seed }).form();
  const random = new Random(seed, 3);
  const all = (): readonly Instance[] => pool.instances.filter(({ running }) => running);
  pool.fate = ({ kind }) => {
    if (!/^(?:forward|resubmit|job-)/.test(kind)) return 'deliver';
    if (random.chance(100)) return 'drop';
    return random.chance(150) ? 'twice' : 'deliver';
  };
  const claim = (jobId: string, answers: readonly Reply[]): void => {
    for (const answer of answers) {
      if (answer.kind !== 'accepted') continue;
      for (let time = 0; time < 2; time++) {
        const opened = pool.openSession(pool.withId(answer.worker), jobId);
        if (opened[0] === 'run') pool.after(random.below(400), () => pool.end(pool.withId(answer.worker), jobId));
      }
    }
  };
  const submit = (jobId: string, sealed: Uint8Array): void => {
    const to = random.pick(all());
    if (to === undefined) return;
    const answers = pool.submit(to, sealed);
    for (const ms of [60, 400, 2500]) pool.after(ms + random.below(100), () => claim(jobId, answers));
  };
  for (let job = 0; job < 40; job++) {
    pool.after(random.below(8000), () => {
      const entry = random.pick(all());
      if (entry === undefined) return;
      const { jobId, sealed } = pool.request(entry);
      for (const ms of [0, 0, 30, 300, 1500, 5000]) pool.after(ms + random.below(20), () => submit(jobId, sealed));
    });
  }
  for (let fault = 0; fault < 4; fault++) {
    pool.after(random.below(8000), () => {
      const victim = random.pick(all());
      if (victim === undefined || all().length < 3) return;
      pool.kill(victim);
      pool.after(100 + random.below(3000), () => pool.restart(victim));
    });
  }
  pool.run(30_000);
  return pool;
}

describe('whatever is repeated, lost, passed on or restarted', () => {
  it.each([1, 2, 3, 4, 5, 6])('no id runs twice, and nothing is left between two states (seed %i)', (seed) => {
    const pool = stormOf(seed);
    const runs = pool.instances.flatMap((instance) => instance.runs);
    expect(runs.length).toBeGreaterThan(15);
    expect(runs).toHaveLength(new Set(runs).size);
    for (const instance of pool.instances) {
      expect(
        instance.machine.jobs.jobs(100).filter(({ state }) => state === 'accepted' || state === 'running'),
      ).toEqual([]);
      expect(sessionsOn(pool, instance)).toBe(0);
    }
  });
});
