import { describe, expect, it } from 'vitest';
import type { Reply } from '../../../src/core/index.ts';
import { encode } from '../../../src/wire/codec.ts';
import type { Failure } from '../../../src/wire/job.ts';
import { type Direct, directCodec } from '../../../src/wire/mesh-message.ts';
import { failureOf, UNKNOWN } from './small-gateway.ts';
import { type Instance, SmallPool } from './small-pool.ts';

/** Long enough for every answer that comes at all: all tries of a forward, and what follows. */
const SETTLE_MS = 6000;
/** Room for exactly so many tunnelled connections, with the headroom. */
const roomFor = (connections: number): number => Math.ceil((connections * 1024 * 1000) / 850) + 1;

function workerOf(pool: SmallPool, answer: Reply | undefined): Instance {
  if (answer?.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
  return pool.withId(answer.worker);
}

function runsOf(pool: SmallPool, jobId: string): number {
  return pool.instances.flatMap(({ runs }) => runs.filter((id) => id === jobId)).length;
}

/** A pool in which only instance 2 has room, so that entry 0 must send there. */
function poolWithOneWorker(connections = 10): SmallPool {
  return new SmallPool({ instances: 3, budgetKib: [1, 1, roomFor(connections)] }).form();
}

describe('a job that is handed in', () => {
  it('is accepted by one worker, runs there, and every instance tells the same of it', () => {
    const pool = new SmallPool({ instances: 3 }).form();
    const { jobId, sealed } = pool.request(pool.at(0));
    const answers = pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    expect(answers).toHaveLength(1);
    const worker = workerOf(pool, answers[0]);
    expect(pool.openSession(worker, jobId)).toEqual(['run']);
    expect(worker.runs).toEqual([jobId]);
    pool.run(SETTLE_MS);
    for (const asked of pool.instances)
      expect(pool.query(asked, jobId)).toMatchObject({ state: 'running', worker: worker.key.id });
    pool.end(worker, jobId);
    pool.run(SETTLE_MS);
    for (const asked of pool.instances)
      expect(pool.query(asked, jobId)).toMatchObject({ state: 'succeeded', bytesIn: 1, bytesOut: 2 });
  });

  it('is given the same answer each time the same request comes, now or later', () => {
    const pool = new SmallPool({ instances: 3 }).form();
    const { jobId, sealed } = pool.request(pool.at(0));
    const early = [pool.submit(pool.at(0), sealed), pool.submit(pool.at(0), sealed)];
    pool.run(SETTLE_MS);
    const late = pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    const workers = [...early, late].map(([answer]) => workerOf(pool, answer));
    expect(new Set(workers).size).toBe(1);
    for (const worker of workers) pool.openSession(worker, jobId);
    expect(runsOf(pool, jobId)).toBe(1);
  });

  it('is passed on by every other instance to the entry it names, and runs once', () => {
    const pool = new SmallPool({ instances: 4 }).form();
    const { jobId, sealed } = pool.request(pool.at(0));
    const answers = pool.instances.map((instance) => pool.submit(instance, sealed));
    pool.run(SETTLE_MS);
    const workers = answers.map(([answer]) => workerOf(pool, answer));
    expect(new Set(workers).size).toBe(1);
    for (const worker of workers) pool.openSession(worker, jobId);
    expect(runsOf(pool, jobId)).toBe(1);
  });

  it('keeps its id: another request under it is refused', () => {
    const pool = new SmallPool({ instances: 3 }).form();
    const { jobId, sealed } = pool.request(pool.at(0));
    pool.submit(pool.at(0), sealed);
    const other = pool.submit(pool.at(0), pool.request(pool.at(0), { jobId, parent: jobId }).sealed);
    const elsewhere = pool.submit(pool.at(1), pool.request(pool.at(1), { jobId }).sealed);
    pool.run(SETTLE_MS);
    expect(failureOf(other[0]).code).toBe('already-exists');
    // Another entry cannot know the id yet; a worker that does refuses it, and no worker has it twice.
    const accepted = [elsewhere[0]].flatMap((answer) =>
      answer?.kind === 'accepted' ? [pool.withId(answer.worker)] : [],
    );
    for (const worker of accepted) pool.openSession(worker, jobId);
    expect(runsOf(pool, jobId)).toBeLessThanOrEqual(1);
  });

  const refusals: readonly (readonly [string, string, (pool: SmallPool) => Uint8Array])[] = [
    [
      'not-allowed',
      'signed by somebody else',
      (pool) => pool.request(pool.at(0), { caller: pool.admin.id }, pool.user).sealed,
    ],
    ['not-allowed', 'for another gateway', (pool) => pool.request(pool.at(0), { gatewayUid: 'other' }).sealed],
    ['not-allowed', 'of a user without a grant', (pool) => pool.request(pool.at(0), {}, pool.user).sealed],
    [
      'outcome-unknown',
      'made for an earlier start of the entry',
      (pool) => pool.request(pool.at(0), { entryStartId: 'f'.repeat(32) }).sealed,
    ],
    [
      'deadline-passed',
      'that comes after its deadline',
      (pool) => pool.request(pool.at(0), { deadlineUnixMs: 1_800_000_000_000 }).sealed,
    ],
    [
      'bad-message',
      'with a deadline that nobody could remember',
      (pool) => pool.request(pool.at(0), { deadlineUnixMs: 1_900_000_000_000 }).sealed,
    ],
    [
      'not-found',
      'for a record that does not exist',
      (pool) => pool.request(pool.at(0), { recordId: 'no-such-record-0000000' }).sealed,
    ],
    ['no-worker', 'of a kind that nobody does', (pool) => pool.request(pool.at(0), UNKNOWN).sealed],
    ['bad-message', 'of damaged bytes', (pool) => pool.request(pool.at(0)).sealed.with(40, 0)],
  ];
  it.each(refusals)('is refused as %s when it is one %s', (code, _what, make) => {
    // Alone, so that nobody else's check stands in for the entry's.
    const pool = new SmallPool({ instances: 1 }).form();
    const answers = pool.submit(pool.at(0), make(pool));
    pool.run(SETTLE_MS);
    expect(answers).toHaveLength(1);
    expect(failureOf(answers[0]).code).toBe(code);
    expect(pool.instances.every(({ runs }) => runs.length === 0)).toBe(true);
  });
});

describe('a worker that declines', () => {
  it('is followed by the next best within the same dispatch', () => {
    const pool = new SmallPool({ instances: 3, budgetKib: [1, 8 * 1024 * 1024, 1024 * 1024] }).form();
    // The best one cannot write its journal: it declines.
    pool.at(1).diskFails = true;
    const answers = pool.submit(pool.at(0), pool.request(pool.at(0)).sealed);
    pool.run(SETTLE_MS);
    expect(workerOf(pool, answers[0])).toBe(pool.at(2));
  });

  it('because two entries chose it for its last place costs one of them a second try, no error', () => {
    const pool = new SmallPool({ instances: 4, budgetKib: [1, 1, roomFor(1), roomFor(1)] }).form();
    let declined = 0;
    pool.fate = ({ kind }) => {
      if (kind === 'forward-declined') declined += 1;
      return 'deliver';
    };
    for (let round = 0; round < 8; round++) {
      const requests = [pool.at(0), pool.at(1)].map((entry) => ({ entry, ...pool.request(entry) }));
      const answers = requests.map(({ entry, sealed }) => pool.submit(entry, sealed));
      pool.run(SETTLE_MS);
      const workers = answers.map(([answer]) => workerOf(pool, answer));
      expect(new Set(workers).size).toBe(2);
      for (const [index, { jobId }] of requests.entries()) {
        const worker = workers[index] ?? pool.at(0);
        pool.openSession(worker, jobId);
        pool.end(worker, jobId);
      }
      pool.run(SETTLE_MS);
    }
    // Each round is a coin toss: with none in eight, ties are not broken at random.
    expect(declined).toBeGreaterThan(0);
  });

  it('is named when it was the last one', () => {
    const pool = poolWithOneWorker(1);
    const answers = [pool.at(0), pool.at(1)].map((entry) => pool.submit(entry, pool.request(entry).sealed));
    pool.run(SETTLE_MS);
    const refused = answers.flatMap(([answer]) => (answer?.kind === 'refused' ? [answer.failure] : []));
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({
      code: 'no-worker',
      message: expect.stringContaining('less than its headroom of memory left'),
    });
  });

  it('for good, as not allowed, ends the dispatch', () => {
    const pool = poolWithOneWorker();
    const asked: Direct['kind'][] = [];
    pool.fate = (message) => {
      asked.push(message.kind);
      return 'deliver';
    };
    const answers = pool.submit(pool.at(0), pool.request(pool.at(0), {}, pool.user).sealed);
    pool.run(SETTLE_MS);
    expect(failureOf(answers[0]).code).toBe('not-allowed');
    expect(asked).not.toContain('forward');
  });
});

describe('a worker', () => {
  /** What instance 2 answers to a forward that instance 0 sends it. */
  function forward(pool: SmallPool, request: Uint8Array): readonly Failure[] {
    const failures: Failure[] = [];
    pool.fate = (message) => {
      if (message.kind === 'forward-declined') failures.push(message.failure);
      return 'deliver';
    };
    const { startId, key } = pool.at(2);
    const message = { kind: 'forward', request, workerStartId: startId, submittedUnixMs: 1, source: null } as const;
    pool.feed(pool.at(2), { kind: 'direct', from: pool.at(0).key.id, bytes: encodeDirect(message) });
    pool.run(SETTLE_MS);
    expect(
      pool
        .at(2)
        .machine.jobs.jobs(10)
        .filter(({ worker }) => worker === key.id),
    ).toEqual([]);
    return failures;
  }

  const refusals: readonly (readonly [string, string, (pool: SmallPool) => Uint8Array])[] = [
    [
      'not-allowed',
      'signed by somebody else',
      (pool) => pool.request(pool.at(0), { caller: pool.admin.id }, pool.user).sealed,
    ],
    ['not-allowed', 'for another gateway', (pool) => pool.request(pool.at(0), { gatewayUid: 'other' }).sealed],
    ['not-allowed', 'of a user without a grant', (pool) => pool.request(pool.at(0), {}, pool.user).sealed],
    ['not-allowed', 'that names another entry', (pool) => pool.request(pool.at(1)).sealed],
    [
      'deadline-passed',
      'that comes after its deadline',
      (pool) => pool.request(pool.at(0), { deadlineUnixMs: 1_800_000_000_000 }).sealed,
    ],
    [
      'declined',
      'for a record it does not have',
      (pool) => pool.request(pool.at(0), { recordId: 'no-such-record-0000000' }).sealed,
    ],
    ['not-supported', 'of a kind it does not do', (pool) => pool.request(pool.at(0), UNKNOWN).sealed],
  ];
  it.each(refusals)('checks everything again, whoever the entry is: %s for a job %s', (code, _what, make) => {
    const pool = poolWithOneWorker();
    expect(forward(pool, make(pool))).toMatchObject([{ code }]);
  });

  it('takes an id from one entry only', () => {
    const pool = poolWithOneWorker();
    const { jobId, sealed } = pool.request(pool.at(0));
    pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    const second = pool.submit(pool.at(1), pool.request(pool.at(1), { jobId }).sealed);
    pool.run(SETTLE_MS);
    expect(failureOf(second[0]).message).toContain('came from another entry');
    expect(loadOf(pool, pool.at(2))).toBe(1);
  });
});

describe('an unreliable network', () => {
  it('loses a forward: it is sent again', () => {
    const pool = poolWithOneWorker();
    let lost = 0;
    pool.fate = ({ kind }) => (kind === 'forward' && lost++ < 2 ? 'drop' : 'deliver');
    const { jobId, sealed } = pool.request(pool.at(0));
    const answers = pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    expect(lost).toBe(3);
    expect(workerOf(pool, answers[0])).toBe(pool.at(2));
    pool.openSession(pool.at(2), jobId);
    expect(runsOf(pool, jobId)).toBe(1);
  });

  it('delivers a forward and its answer twice: the job is accepted once', () => {
    const pool = poolWithOneWorker();
    pool.fate = ({ kind }) => (kind === 'forward' || kind === 'forward-accepted' ? 'twice' : 'deliver');
    const { jobId, sealed } = pool.request(pool.at(0));
    const answers = pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    expect(answers).toHaveLength(1);
    expect([pool.openSession(pool.at(2), jobId)[0], failureOf(pool.openSession(pool.at(2), jobId)[0]).code]).toEqual([
      'run',
      'already-exists',
    ]);
    expect(loadOf(pool, pool.at(2))).toBe(1);
  });

  it('loses every answer: nobody knows, nobody else begins, and the worker that did accept is told to let go', () => {
    const pool = new SmallPool({ instances: 4, budgetKib: [1, 1, roomFor(5), roomFor(5)] }).form();
    let answersArrive = false;
    const forwards: Instance[] = [];
    pool.fate = ({ kind }, _from, to) => {
      if (kind === 'forward') forwards.push(to);
      return kind === 'forward-accepted' && !answersArrive ? 'drop' : 'deliver';
    };
    const { jobId, sealed } = pool.request(pool.at(0));
    const answers = pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    expect(failureOf(answers[0]).code).toBe('outcome-unknown');
    expect(forwards.length).toBeGreaterThan(1);
    const [worker] = new Set(forwards);
    if (worker === undefined) throw new Error('nobody was asked');
    expect(new Set(forwards).size).toBe(1);
    // The entry hears at last that the worker took it: the client has been told otherwise.
    answersArrive = true;
    const again = pool.submit(pool.at(0), sealed);
    pool.feed(pool.at(0), { kind: 'direct', from: worker.key.id, bytes: acceptance(jobId) });
    pool.run(SETTLE_MS);
    expect(failureOf(again[0]).code).toBe('outcome-unknown');
    expect(pool.query(pool.at(1), jobId)).toMatchObject({ state: 'cancelled' });
    expect(failureOf(pool.openSession(worker, jobId)[0]).code).toBe('already-exists');
    expect(loadOf(pool, worker)).toBe(0);
    expect(runsOf(pool, jobId)).toBe(0);
  });
});

describe('an instance that dies', () => {
  it('before it answers leaves the outcome unknown: no other worker is asked under the same id', () => {
    const pool = new SmallPool({ instances: 4, budgetKib: [1, 1, roomFor(5), roomFor(5)] }).form();
    const asked = new Set<Instance>();
    pool.fate = ({ kind }, _from, to) => {
      if (kind === 'forward') asked.add(to);
      return kind === 'forward' ? 'drop' : 'deliver';
    };
    const { sealed } = pool.request(pool.at(0));
    const answers = pool.submit(pool.at(0), sealed);
    pool.run(50);
    for (const worker of asked) pool.kill(worker);
    pool.run(SETTLE_MS);
    expect(failureOf(answers[0]).code).toBe('outcome-unknown');
    expect(asked.size).toBe(1);
  });

  it('with a job in hand leaves it lost in every view within the detection time', () => {
    const pool = new SmallPool({ instances: 5, budgetKib: [1, 1, 1, 1, roomFor(5)] }).form();
    const { jobId, sealed } = pool.request(pool.at(0));
    pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    pool.openSession(pool.at(4), jobId);
    pool.run(SETTLE_MS);
    pool.kill(pool.at(4));
    pool.run(3000);
    for (const asked of pool.instances.slice(0, 4)) {
      expect(asked.machine.jobs.jobs(10)).toMatchObject([{ jobId, state: 'lost', error: { code: 'outcome-unknown' } }]);
    }
  });

  it('and returns remembers what it had accepted: the job is lost, and no copy of the request begins it', () => {
    const pool = poolWithOneWorker();
    const { jobId, sealed } = pool.request(pool.at(0));
    let copy: { readonly message: Direct; readonly from: Instance } | undefined;
    pool.fate = (message, from) => {
      if (message.kind === 'forward') copy = { message, from };
      return 'deliver';
    };
    pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    pool.kill(pool.at(2));
    pool.run(500);
    pool.restart(pool.at(2));
    pool.run(SETTLE_MS);
    expect(copy).toBeDefined();
    if (copy?.message.kind !== 'forward') throw new Error('nothing was forwarded');
    for (const workerStartId of [copy.message.workerStartId, pool.at(2).startId]) {
      pool.feed(pool.at(2), {
        kind: 'direct',
        from: copy.from.key.id,
        bytes: encodeDirect({ ...copy.message, workerStartId }),
      });
    }
    pool.submit(pool.at(0), sealed);
    pool.submit(pool.at(2), sealed);
    pool.run(SETTLE_MS);
    expect(failureOf(pool.openSession(pool.at(2), jobId)[0]).code).toBe('already-exists');
    expect(runsOf(pool, jobId)).toBe(0);
    for (const asked of pool.instances) expect(pool.query(asked, jobId)).toMatchObject({ state: 'lost' });
  });

  it('as entry, and returns, dispatches no request that was made for its earlier start', () => {
    const pool = new SmallPool({ instances: 3 }).form();
    const { jobId, sealed } = pool.request(pool.at(0));
    pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    pool.kill(pool.at(0));
    pool.run(500);
    pool.restart(pool.at(0));
    pool.run(SETTLE_MS);
    const answers = pool.submit(pool.at(0), sealed);
    pool.run(SETTLE_MS);
    expect(failureOf(answers[0]).code).toBe('outcome-unknown');
    expect(
      pool.instances.flatMap(({ disk }) => disk.filter((what) => what.kind === 'job' && what.notice.jobId === jobId))
        .length,
    ).toBeGreaterThan(0);
  });
});

function loadOf(pool: SmallPool, { machine }: Instance): number {
  const { self, members } = machine.view({ atMs: pool.nowMs });
  const own = members.find(({ record }) => record.instanceId === self);
  return own?.load?.sessions.reduce((sum, { count }) => sum + count, 0) ?? Number.NaN;
}

function encodeDirect(message: Direct): Uint8Array {
  return encode(directCodec, message);
}

function acceptance(jobId: string): Uint8Array {
  const load = { number: 1, reservedKib: 0, budgetKib: 1, busyPerMille: 0, sessions: [] };
  return encodeDirect({ kind: 'forward-accepted', jobId, load });
}
