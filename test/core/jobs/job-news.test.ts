/** What instances tell each other of jobs: in batches over links where these lead to everybody, and none is missed for good. */

import { describe, expect, it } from 'vitest';
import { GOSSIP_BYTES_MAX } from '../../../src/wire/bounds.ts';
import { decode } from '../../../src/wire/codec.ts';
import type { JobState } from '../../../src/wire/job.ts';
import { type Direct, gossipCodec } from '../../../src/wire/mesh-message.ts';
import { type Instance, SmallPool } from './small-pool.ts';

/** Within that a batch that was missed is noticed by a pulse, asked for and told again. */
const TOLD_AGAIN_MS = 3000;

/** A job that runs on another instance than its entry, and one that has to do with neither. */
function running(tamper: (pool: SmallPool) => void = () => undefined): {
  readonly pool: SmallPool;
  readonly jobId: string;
  readonly worker: Instance;
  readonly third: Instance;
} {
  const pool = new SmallPool({ instances: 3, budgetKib: [1024, 8 * 1024 * 1024] }).form();
  pool.run(2000);
  tamper(pool);
  const { jobId, sealed } = pool.request(pool.at(0));
  const answers = pool.submit(pool.at(0), sealed);
  pool.run(50);
  const [answer] = answers;
  if (answer?.kind !== 'accepted') throw new Error(JSON.stringify(answer));
  const worker = pool.withId(answer.worker);
  pool.openSession(worker, jobId);
  const third = pool.instances.find((instance) => instance !== worker && instance !== pool.at(0));
  if (third === undefined) throw new Error('there are three');
  return { pool, jobId, worker, third };
}

function stateAt(instance: Instance, jobId: string): JobState | undefined {
  return instance.machine.jobs.jobs(100).find((job) => job.jobId === jobId)?.state;
}

describe('news of jobs', () => {
  it('go once to each of the others where links lead to everybody, and are not published', () => {
    const told: Direct[] = [];
    const published: string[] = [];
    const { pool, jobId, third } = running((made) => {
      made.fate = (message) => {
        if (message.kind === 'job-news') told.push(message);
        return 'deliver';
      };
      made.gossipFate = (bytes) => {
        published.push(decode(gossipCodec, bytes, GOSSIP_BYTES_MAX).kind);
        return 'deliver';
      };
    });
    pool.run(1000);
    expect(stateAt(third, jobId)).toBe('running');
    // Taken and begun within the time that news gather.
    expect(told).toHaveLength(2);
    expect(published).not.toContain('jobs');
  });

  it('are published where a link is missing', () => {
    const { pool, jobId, third } = running((made) => {
      const [one, two] = [made.at(1), made.at(2)];
      made.fate = (_, from, to) => (from !== made.at(0) && to !== made.at(0) ? 'drop' : 'deliver');
      // What was on its way arrives before the link ends.
      made.run(100);
      made.feed(one, { kind: 'link-down', peer: two.key.id });
      made.feed(two, { kind: 'link-down', peer: one.key.id });
    });
    pool.run(1000);
    expect(stateAt(third, jobId)).toBe('running');
  });

  it('that were missed are asked for, when a pulse tells of them or the next batch comes', () => {
    const { pool, jobId, worker, third } = running((made) => {
      made.fate = (message) => (message.kind === 'job-news' ? 'drop' : 'deliver');
    });
    pool.run(150);
    expect(stateAt(third, jobId)).toBeUndefined();
    pool.fate = () => 'deliver';
    pool.run(TOLD_AGAIN_MS);
    expect(stateAt(third, jobId)).toBe('running');
    pool.fate = (message) => (message.kind === 'job-news' ? 'drop' : 'deliver');
    pool.end(worker, jobId);
    pool.run(150);
    pool.fate = () => 'deliver';
    pool.run(TOLD_AGAIN_MS);
    expect(stateAt(third, jobId)).toBe('succeeded');
  });

  it('that nobody has any more are not asked for without end', () => {
    const asked: Direct[] = [];
    const { pool } = running((made) => {
      made.fate = (message) => {
        if (message.kind === 'job-news-want') asked.push(message);
        return message.kind === 'job-news' ? 'drop' : 'deliver';
      };
    });
    pool.run(60_000);
    const many = asked.length;
    expect(many).toBeGreaterThan(0);
    pool.run(60_000);
    expect(asked).toHaveLength(many);
  });

  it('of an instance that has started anew reach whoever comes to know it', () => {
    const { pool, jobId, worker, third } = running();
    pool.run(500);
    pool.kill(worker);
    pool.run(200);
    pool.restart(worker);
    pool.run(TOLD_AGAIN_MS + 3000);
    expect(stateAt(third, jobId)).toBe('lost');
    pool.kill(third);
    pool.restart(third);
    pool.run(TOLD_AGAIN_MS + 3000);
    expect(stateAt(third, jobId)).toBe('lost');
  });
});
