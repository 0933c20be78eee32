/** What instances have done by themselves: due times, and what follows a session. */

import { describe, expect, it } from 'vitest';
import { afterSessionJobId, dueJobId } from '../../../src/core/schedules/due.ts';
import { encode } from '../../../src/wire/codec.ts';
import type { BegunDue } from '../../../src/wire/due-message.ts';
import { type Direct, directCodec } from '../../../src/wire/mesh-message.ts';
import { EPOCH_UNIX_MS, GATEWAY_UID, RECORD_ID, recordOf } from '../jobs/small-gateway.ts';
import { type Instance, SmallPool } from '../jobs/small-pool.ts';

const PERIOD_MS = 60_000;
/** From a due time until its job has begun everywhere it may. */
const BEGUN_MS = 8000;

/** A pool of three whose record has these labels. */
function poolWith(labels: Readonly<Record<string, string>>): SmallPool {
  const pool = new SmallPool({ instances: 3, capabilities: ['connection'] }).form();
  const list = Object.entries(labels).map(([key, value]) => ({ key, value }));
  const sealed = recordOf(pool.admin, { revision: 2, labels: list });
  pool.offer(pool.at(0), (ticket) => ({ kind: 'offer-record', sealed, ticket }));
  pool.run(5000);
  return pool;
}

/** Due every minute from now on. */
function scheduled(): { readonly pool: SmallPool; readonly due: (count: number) => string; readonly fromMs: number } {
  const fromMs = 30_000;
  const pool = poolWith({ 'rotation.schedule': 'every 1m', 'rotation.from': String(EPOCH_UNIX_MS + fromMs) });
  const due = (count: number): string => dueJobId(GATEWAY_UID, RECORD_ID, EPOCH_UNIX_MS + fromMs + count * PERIOD_MS);
  return { pool, due, fromMs };
}

function untilDue(pool: SmallPool, dueMs: number): void {
  pool.run(dueMs + BEGUN_MS - pool.nowMs);
}

function begun(pool: SmallPool): readonly string[] {
  return pool.instances.flatMap((instance) => instance.begun);
}

function endAll(pool: SmallPool): void {
  for (const instance of pool.instances) for (const jobId of instance.begun) pool.end(instance, jobId);
}

describe('a due time', () => {
  it('is begun once, and known everywhere', () => {
    const { pool, due, fromMs } = scheduled();
    untilDue(pool, fromMs);
    expect(begun(pool)).toEqual([]);
    untilDue(pool, fromMs + PERIOD_MS);
    expect(begun(pool)).toEqual([due(1)]);
    const rows = pool.instances.map(({ machine }) => machine.schedules.list()[0]);
    expect(new Set(rows.map((row) => row?.owner)).size).toBe(1);
    for (const row of rows)
      expect(row).toMatchObject({
        ...{ lastJobId: due(1), lastOwner: row?.owner, waiting: null },
        nextUnixMs: EPOCH_UNIX_MS + fromMs + 2 * PERIOD_MS,
      });
    untilDue(pool, fromMs + 2 * PERIOD_MS);
    expect(begun(pool).toSorted()).toEqual([due(1), due(2)].toSorted());
  });

  it('of those that were missed while everybody was down, the latest is begun, once', () => {
    const { pool, due, fromMs } = scheduled();
    untilDue(pool, fromMs + PERIOD_MS);
    endAll(pool);
    pool.run(1000);
    for (const instance of pool.instances) pool.kill(instance);
    pool.run(5 * PERIOD_MS);
    for (const instance of pool.instances) pool.restart(instance);
    pool.run(30_000);
    expect(begun(pool).toSorted()).toEqual([due(1), due(6)].toSorted());
  });

  it('waits, and says so, where a majority is not there; two of three are one', () => {
    const { pool, due, fromMs } = scheduled();
    untilDue(pool, fromMs + PERIOD_MS);
    const [last] = pool.instances.filter(({ begun: jobs }) => jobs.length > 0);
    for (const instance of pool.instances) if (instance !== last) pool.kill(instance);
    untilDue(pool, fromMs + 2 * PERIOD_MS);
    expect(begun(pool)).toEqual([due(1)]);
    const waiting = (): string | null | undefined => last?.machine.schedules.list()[0]?.waiting;
    expect(waiting()).toContain('1 of the 3 instances last known as admitted');
    expect(last?.notes).toContain('rotation-waits');
    const other = pool.instances.find((instance) => instance !== last);
    if (other !== undefined) pool.restart(other);
    pool.run(20_000);
    expect(begun(pool).toSorted()).toEqual([due(1), due(2)].toSorted());
    expect(waiting()).toBeNull();
  });

  it('is told by whoever leaves, and not begun where one member alone knows that it was', () => {
    const { pool, due, fromMs } = scheduled();
    untilDue(pool, fromMs + PERIOD_MS);
    const owner = pool.instances.find(({ key, machine }) => machine.schedules.list()[0]?.lastOwner === key.id);
    if (owner === undefined) throw new Error('nobody has begun it');
    const others = pool.instances.filter((instance) => instance !== owner);
    const told: Direct[] = [];
    pool.fate = (message) => {
      if (message.kind === 'dues-told') told.push(message);
      return 'deliver';
    };
    pool.feed(owner, { kind: 'leave', reason: 'test' });
    pool.run(1000);
    const first = { recordId: RECORD_ID, dueUnixMs: EPOCH_UNIX_MS + fromMs + PERIOD_MS, owner: owner.key.id };
    expect(told).toEqual(others.map(() => ({ kind: 'dues-told', dues: [first] })));

    const second = { ...first, dueUnixMs: first.dueUnixMs + PERIOD_MS };
    const hears = (dues: readonly BegunDue[]): void => {
      for (const to of others.slice(1))
        pool.feed(to, { kind: 'direct', from: owner.key.id, bytes: encode(directCodec, { kind: 'dues-told', dues }) });
    };
    const last = (): unknown => others.at(-1)?.machine.schedules.list()[0]?.lastUnixMs;
    hears([second]);
    pool.run(1000);
    expect(last()).toBe(first.dueUnixMs);
    // Nobody asks before the one that knows has heard.
    pool.fate = (message) => (message.kind === 'due-claim' ? 'drop' : 'deliver');
    pool.run(fromMs + 2 * PERIOD_MS + 500 - pool.nowMs);
    hears([second]);
    pool.fate = () => 'deliver';
    untilDue(pool, fromMs + 3 * PERIOD_MS - BEGUN_MS);
    expect(begun(pool)).toEqual([due(1)]);
    expect(last()).toBe(second.dueUnixMs);
  });

  it('is not begun for an instance that asks when nothing is due', () => {
    const { pool, fromMs } = scheduled();
    const liar = pool.at(1);
    const soon = EPOCH_UNIX_MS + fromMs + PERIOD_MS;
    const order = {
      ...{ kind: 'rotation' as const, caller: liar.key.id, parameters: [{ name: 'due', value: String(soon) }] },
      jobId: dueJobId(GATEWAY_UID, RECORD_ID, soon),
    };
    for (const entry of [liar, pool.at(0)]) {
      const answers = pool.submit(entry, pool.request(entry, order, liar.key).sealed);
      pool.run(2000);
      expect(answers).toMatchObject([{ kind: 'refused', failure: { code: 'not-allowed' } }]);
    }
    expect(begun(pool)).toEqual([]);
  });
});

describe('after a session', () => {
  const labels = { 'rotation.after-session': 'yes' };

  /** A session on some worker. */
  function session(pool: SmallPool): { readonly jobId: string; readonly worker: Instance } {
    const { jobId, sealed } = pool.request(pool.at(0), { kind: 'connection' });
    const answers = pool.submit(pool.at(0), sealed);
    pool.run(500);
    const [answer] = answers;
    if (answer?.kind !== 'accepted') throw new Error(JSON.stringify(answer));
    const worker = pool.withId(answer.worker);
    expect(pool.openSession(worker, jobId)).toEqual(['run']);
    pool.run(1000);
    return { jobId, worker };
  }

  it('its credential is replaced once, where the record says so', () => {
    const pool = poolWith(labels);
    const { jobId, worker } = session(pool);
    expect(begun(pool)).toEqual([]);
    pool.end(worker, jobId);
    pool.end(worker, jobId);
    pool.run(BEGUN_MS);
    const rotation = afterSessionJobId(GATEWAY_UID, jobId);
    expect(begun(pool)).toEqual([rotation]);
    expect(pool.query(pool.at(2), rotation)).toMatchObject({ kind: 'rotation', parent: jobId, caller: worker.key.id });
  });

  it('it is, too, where the worker died with the session, as soon as it is back', () => {
    const pool = poolWith(labels);
    const { jobId, worker } = session(pool);
    pool.kill(worker);
    pool.run(BEGUN_MS);
    pool.restart(worker);
    pool.run(20_000);
    expect(begun(pool)).toEqual([afterSessionJobId(GATEWAY_UID, jobId)]);
  });

  it('nothing is done where the record says nothing', () => {
    const pool = poolWith({});
    const { jobId, worker } = session(pool);
    pool.end(worker, jobId);
    pool.run(BEGUN_MS);
    expect(begun(pool)).toEqual([]);
  });
});
