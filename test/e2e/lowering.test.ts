/** A lower limit stops nobody, and lets nobody in before there is room. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agreed, untilAgreed } from './harness/agreement.ts';
import type { Ending, Instance } from './harness/instance.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { addRecord, untilRecordHeld } from './harness/records.ts';
import { PATIENTLY } from './harness/scale.ts';
import { countSessions } from './harness/sessions.ts';
import { useTunnels } from './harness/tunnel.ts';
import { dialEcho } from './targets/socket.ts';
import { echo, startTarget, type Target } from './targets/target.ts';

const createPool = usePools();
const startTunnel = useTunnels();

let target: Target;
beforeAll(async () => {
  target = await startTarget(echo);
});
afterAll(() => target.stop());

async function setLimit(pool: Pool, maxInstances: number): Promise<void> {
  const { code, stderr } = await pool.pam(['gateway', 'set-max-instances', '-g', 'test', '-m', String(maxInstances)]);
  expect([code, stderr]).toEqual([0, '']);
}

/** Starts one more instance, which must be refused. */
async function refusal(pool: Pool, name: string): Promise<Ending> {
  const ending = await pool.start(name).untilEnded(40_000);
  expect(ending.code).toBe(3);
  return ending;
}

/** One session on each, through a tunnel of its own. */
async function expectJobsOnAll(pool: Pool, names: readonly string[]): Promise<void> {
  await untilRecordHeld(pool, names, 'echo');
  const tunnel = await startTunnel({ pool, record: 'echo', entries: names });
  const sockets = await Promise.all(names.map((name) => dialEcho(tunnel.port, name)));
  expect(await countSessions(pool, tunnel.ready.jobId)).toEqual(names.map(() => 1));
  for (const socket of sockets) socket.destroy();
  await tunnel.stop();
}

async function expectServing(pool: Pool, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { code, stdout } = await pool.gateway(name, ['health-check']);
    expect([name, code, stdout]).toEqual([name, 0, expect.stringContaining('admitted and serving')]);
  }
}

describe('lowering the limit', PATIENTLY, () => {
  it('from 3 to 2 stops none of three; a new one comes in when two have left', async () => {
    const pool = createPool({ maxInstances: 3, bootstrap: ['a', 'b', 'c'] });
    const [a, b, c] = pool.startAll(['a', 'b', 'c']);
    if (a === undefined || b === undefined || c === undefined) throw new Error('three were started');
    await untilAgreed([a, b, c], { holders: ['a', 'b', 'c'] });

    await setLimit(pool, 2);
    const lowered = await untilAgreed([a, b, c], { holders: ['a', 'b', 'c'] });
    expect([lowered.maxInstances, lowered.hint]).toEqual([2, '3 running, limit 2: stop 1']);
    const first = await refusal(pool, 'd');
    expect(first.lastLine).toBe('Maximum instances reached: 3 of 2 (this instance would be rank 3)');
    await expectServing(pool, ['a', 'b', 'c']);
    await addRecord(pool, 'echo', target);
    await expectJobsOnAll(pool, ['a', 'b', 'c']);

    await a.stop();
    await untilAgreed([b, c], { holders: ['b', 'c'] });
    const second = await refusal(pool, 'd');
    expect(second.lastLine).toBe('Maximum instances reached: 2 of 2 (this instance would be rank 2)');
    await expectServing(pool, ['b', 'c']);
    await expectJobsOnAll(pool, ['b', 'c']);

    await b.stop();
    const agreed = await untilAgreed([c, pool.start('d')], { holders: ['c', 'd'] });
    expect([agreed.holders, agreed.hint]).toEqual([['c', 'd'], null]);
  });

  it('from 2 to 5 and back leaves the five that came meanwhile', async () => {
    const pool = createPool({ maxInstances: 2, bootstrap: ['a', 'b'] });
    const first = pool.startAll(['a', 'b']);
    await untilAgreed(first, { holders: ['a', 'b'] });
    await setLimit(pool, 5);
    const five = [...first, ...pool.startAll(['c', 'd', 'e'])];
    await untilAgreed(five, { holders: ['a', 'b', 'c', 'd', 'e'] });
    await setLimit(pool, 2);
    // Longer than it takes anybody to yield: one more is started and refused.
    const refused = await refusal(pool, 'f');
    expect(refused.lastLine).toBe('Maximum instances reached: 5 of 2 (this instance would be rank 5)');
    const agreed = await untilAgreed(five, { holders: ['a', 'b', 'c', 'd', 'e'] });
    expect(agreed.hint).toBe('5 running, limit 2: stop 3');
    expectNobodyYielded(five, agreed);
  });
});

function expectNobodyYielded(instances: readonly Instance[], agreed: Agreed): void {
  expect(agreed.holders).toHaveLength(instances.length);
  for (const instance of instances) expect([instance.name, instance.logged('draining')]).toEqual([instance.name, []]);
}
