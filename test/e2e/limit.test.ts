/** The signed limit in a running pool: how fast it spreads, that it stays, and what is refused. */

import { describe, expect, it } from 'vitest';
import { Admin } from './harness/admin.ts';
import { untilAgreed } from './harness/agreement.ts';
import { recordFigure } from './harness/figures.ts';
import type { Instance } from './harness/instance.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { PATIENTLY, scaled, timeFor } from './harness/scale.ts';

const createPool = usePools();
const NAMES = ['a', 'b', 'c', 'd', 'e'];
const ROUNDS = scaled({ usual: 3, full: 20 });

async function startFive(): Promise<{ readonly pool: Pool; readonly instances: readonly Instance[] }> {
  const pool = createPool({ maxInstances: 5, bootstrap: NAMES });
  const instances = pool.startAll(NAMES);
  await untilAgreed(instances, { holders: NAMES });
  return { pool, instances };
}

interface SetResult {
  readonly gateway_uid: string;
  readonly max_instances: number;
  readonly version: number;
  readonly held_by: number;
  readonly of: number;
  readonly elapsed_ms: number;
}

async function setMaxInstances(pool: Pool, maxInstances: number): Promise<SetResult> {
  const { code, stdout, stderr } = await pool.pam([
    'gateway',
    'set-max-instances',
    '-g',
    pool.uid,
    '-m',
    String(maxInstances),
    '--json',
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

describe('pam gateway set-max-instances', PATIENTLY, () => {
  it(
    'is held by all of five instances within 1 s, and survives the restart of all',
    timeFor(ROUNDS, 5000),
    async () => {
      const { pool, instances } = await startFive();
      const [told, applied]: [number[], number[]] = [[], []];
      for (let round = 1; round <= ROUNDS; round++) {
        const maxInstances = 5 + (round % 2);
        const result = await setMaxInstances(pool, maxInstances);
        expect(result).toMatchObject({
          gateway_uid: pool.uid,
          max_instances: maxInstances,
          version: round + 1,
          held_by: 5,
          of: 5,
        });
        told.push(result.elapsed_ms);
        applied.push(spreadMs(instances, round + 1));
      }
      const agreed = await untilAgreed(instances, { holders: NAMES });
      expect(agreed.limitVersion).toBe(ROUNDS + 1);
      await restartAll(pool, instances, ROUNDS + 1);
      const figure = { file: 'limit', unit: 'ms' };
      recordFigure({
        ...figure,
        what: 'five instances, from the first that applies a limit to the last',
        values: applied,
      });
      const what = 'set-max-instances on five instances: from the offer until the command has seen that all hold it';
      expect(recordFigure({ ...figure, what, values: told, target: '1000 ms' }).max).toBeLessThan(1000);
    },
  );

  it('says in the words of the contract what it did, and what it refuses', async () => {
    const pool = createPool({ maxInstances: 2, bootstrap: ['a', 'b'] });
    await untilAgreed(pool.startAll(['a', 'b']), { holders: ['a', 'b'] });
    const set = (...args: readonly string[]) => pool.pam(['gateway', 'set-max-instances', ...args]);
    expect(await set('-g', 'test', '-m', '3')).toMatchObject({
      code: 0,
      stdout: 'test: max instance count set to 3 (limit version 2, held by 2 of 2 instances)\n',
    });
    const zero = await set('-g', 'test', '-m', '0');
    expect([zero.code, zero.stderr]).toEqual([2, expect.stringContaining('--max-instances must be at least 1')]);
    const unknown = await set('-g', 'elsewhere', '-m', '3');
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('Gateway "elsewhere" not found')]);
  });
});

describe("a limit that is not the next word of this pool's admin", PATIENTLY, () => {
  it('is refused with its own reason and changes nothing', async () => {
    const [pool, other] = [createPool({ maxInstances: 2, bootstrap: ['a', 'b'] }), createPool({ maxInstances: 9 })];
    const instances = pool.startAll(['a', 'b']);
    await untilAgreed(instances, { holders: ['a', 'b'] });
    const admin = await Admin.connect(pool, ['a', 'b']);
    try {
      expect(await admin.offer(admin.sign({ maxInstances: 3, version: 5 }))).toEqual({ taken: true });
      const changed = admin.sign({ maxInstances: 4, version: 6 });
      const middle = Math.floor(changed.length / 2);
      changed[middle] = (changed[middle] ?? 0) ^ 1;
      const refusals = {
        'a lower version': admin.sign({ maxInstances: 4, version: 4 }),
        'a changed byte': changed,
        "another admin's key": admin.sign({ maxInstances: 4, version: 6 }, other),
        "another pool's limit": admin.sign({ maxInstances: 4, version: 6, gatewayUid: other.uid }, other),
      };
      const messages: string[] = [];
      for (const [what, sealed] of Object.entries(refusals)) {
        const result = await admin.offer(sealed);
        messages.push(`${what}: ${result.taken ? 'taken' : `${result.code}: ${result.message}`}`);
      }
      expect(messages).toEqual([
        expect.stringMatching(/^a lower version: limit-refused: .*version 4 does not supersede version 5 /),
        expect.stringMatching(/^a changed byte: bad-message: /),
        expect.stringMatching(
          /^another admin's key: limit-refused: .*0 of the 1 admin signature\(s\).*no admin of this gateway/,
        ),
        expect.stringMatching(/^another pool's limit: limit-refused: the limit is for gateway /),
      ]);
      const agreed = await untilAgreed(instances, { holders: ['a', 'b'] });
      expect([agreed.maxInstances, agreed.limitVersion]).toEqual([3, 5]);
    } finally {
      await admin.stop();
    }
  });
});

/** From the first instance that put the limit in force to the last. */
function spreadMs(instances: readonly Instance[], version: number): number {
  const times = instances.map((instance) => {
    const applied = instance.logged('limit-applied').find(({ fields }) => fields['version'] === version);
    return applied?.unixMs ?? Number.NaN;
  });
  return Math.max(...times) - Math.min(...times);
}

/** Without a moment in which anybody runs who could tell the others. */
async function restartAll(pool: Pool, instances: readonly Instance[], version: number): Promise<void> {
  await Promise.all(instances.map((instance) => instance.stop()));
  const again = await untilAgreed(pool.startAll(NAMES), { holders: NAMES });
  expect(again.limitVersion).toBe(version);
}
