/** Leaving and taking over: a drain frees its seat, and a seat handed over is never held twice and never by nobody. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { recordFigure } from './harness/figures.ts';
import type { Instance } from './harness/instance.ts';
import { type Pool, type StartInit, usePools } from './harness/pool.ts';
import { addRecord, untilRecordHeld } from './harness/records.ts';
import { PATIENTLY, scaled, timeFor } from './harness/scale.ts';
import { type SeatSample, watchSeats } from './harness/seat-watch.ts';
import { countSessions } from './harness/sessions.ts';
import { useTalkers } from './harness/talker.ts';
import { useTunnels } from './harness/tunnel.ts';
import { dialEcho } from './targets/socket.ts';
import { echo, startTarget, type Target } from './targets/target.ts';

const createPool = usePools();
const startTunnel = useTunnels();
const startTalker = useTalkers();
const ROUNDS = scaled({ usual: 2, full: 20 });
const LEAVE_MS = 40_000;

let target: Target;
beforeAll(async () => {
  target = await startTarget(echo);
});
afterAll(() => target.stop());

async function startThree(): Promise<{ readonly pool: Pool; readonly instances: readonly Instance[] }> {
  const pool = createPool({ maxInstances: 3, bootstrap: ['a', 'b', 'c'] });
  const instances = pool.startAll(['a', 'b', 'c']);
  await untilAgreed(instances, { holders: ['a', 'b', 'c'] });
  return { pool, instances };
}

describe('draining', () => {
  it(
    'by gateway drain or by pam frees the seat, ends the process with 0 and lets the next one in',
    timeFor(1, 30_000),
    async () => {
      const { pool, instances } = await startThree();
      const [a, b, c] = instances;
      if (a === undefined || b === undefined || c === undefined) throw new Error('three were started');
      const standby = pool.start('d', { args: ['--standby'] });
      await untilAgreed([...instances, standby], { holders: ['a', 'b', 'c'], waiting: ['d'] });

      const local = await pool.gateway('a', ['drain', '--json']);
      expect([local.code, JSON.parse(local.stdout)]).toEqual([
        0,
        expect.objectContaining({ name: 'a', drained: true }),
      ]);
      expect((await a.untilEnded(LEAVE_MS)).code).toBe(0);
      await untilAgreed([b, c, standby], { holders: ['b', 'c', 'd'], waiting: [] });

      const ordered = await pool.pam(['gateway', 'drain', '-g', 'test', '-i', 'b']);
      expect([ordered.code, ordered.stdout]).toEqual([0, expect.stringMatching(/^b \(.*\): draining$/m)]);
      expect((await b.untilEnded(LEAVE_MS)).code).toBe(0);
      await untilAgreed([c, standby], { holders: ['c', 'd'] });
    },
  );
});

describe('draining with sessions', PATIENTLY, () => {
  it('lets them finish, sends new ones elsewhere, and keeps the seat until then', async () => {
    const pool = createPool({ maxInstances: 2, bootstrap: ['a', 'b'] });
    const [a, b] = pool.startAll(['a', 'b'], { args: ['--drain-seconds', '600'] });
    if (a === undefined || b === undefined) throw new Error('two were started');
    await untilAgreed([a, b], { holders: ['a', 'b'] });
    await addRecord(pool, 'echo', target);
    await untilRecordHeld(pool, ['a', 'b'], 'echo');
    const { port } = await startTunnel({ pool, record: 'echo', entries: ['a', 'b'] });
    const talkers = [];
    for (let opened = 0; opened < 4; opened++) talkers.push(await startTalker(port));
    expect(await countSessions(pool)).toEqual([2, 2]);

    expect((await pool.gateway('b', ['drain', '--no-wait'])).code).toBe(0);
    const standby = pool.start('c', { args: ['--standby'] });
    await untilAgreed([a, b, standby], { holders: ['a', 'b'], waiting: ['c'] });
    const sockets = await Promise.all(['1', '2', '3', '4'].map((text) => dialEcho(port, text)));
    expect(await countSessions(pool)).toEqual([6, 2, 0]);
    for (const talker of talkers) await talker.untilAnswered(3);
    expect(standby.logged('admitted')).toEqual([]);

    for (const talker of talkers) talker.hangUp();
    for (const socket of sockets) socket.destroy();
    expect((await b.untilEnded(LEAVE_MS)).code).toBe(0);
    await untilAgreed([a, standby], { holders: ['a', 'c'] });
  });
});

describe('a seat handover', () => {
  it('updates all of three under a limit of three, one after the other', timeFor(3 * ROUNDS, 15_000), async () => {
    const { pool, instances } = await startThree();
    let running = [...instances];
    const samples: SeatSample[] = [];
    const gaps: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      for (const old of running) {
        const seen = await replace({ pool, running, old, name: `${old.name.charAt(0)}${round}` });
        running = seen.running;
        samples.push(...seen.samples);
        gaps.push(seen.gapMs);
      }
    }
    expectThreeSeats(samples);
    recordFigure({
      file: 'handover',
      what: 'old one begins to drain until the new one is admitted',
      unit: 'ms',
      values: gaps,
    });
  });

  it('goes to the newcomer of the same name with --replace', timeFor(1, 30_000), async () => {
    const { pool, instances } = await startThree();
    const [a, b, c] = instances;
    if (a === undefined || b === undefined || c === undefined) throw new Error('three were started');
    const before = await untilAgreed(instances, { holders: ['a', 'b', 'c'] });
    const newcomer: StartInit = { args: ['--replace'], dataDir: pool.dataDir('a-again'), site: pool.site('a-again') };
    const again = pool.start('a', newcomer);
    expect((await a.untilEnded(LEAVE_MS)).code).toBe(0);
    const after = await untilAgreed([b, c, again], { holders: ['a', 'b', 'c'] });
    expect(after.joinedAt).toEqual(before.joinedAt);
  });
});

interface Replaced {
  readonly running: Instance[];
  readonly samples: readonly SeatSample[];
  readonly gapMs: number;
}

/** Starts a newcomer that takes the seat of one of three, and waits until the old one has ended. */
async function replace(init: {
  pool: Pool;
  running: readonly Instance[];
  old: Instance;
  name: string;
}): Promise<Replaced> {
  const { pool, running, old, name } = init;
  const stay = running.filter((instance) => instance !== old);
  const before = await untilAgreed(running, { seats: 3 });
  // By now everybody may have moved away from the configured addresses.
  const peers = running.flatMap((instance) => ['--peer', pool.site(instance.name).mesh]);
  const newcomer = pool.start(name, { args: ['--replaces', await old.id(), ...peers] });
  const samples = await watchSeats(
    () => [...running, newcomer],
    async () => {
      expect((await old.untilEnded(LEAVE_MS)).code).toBe(0);
      const after = await untilAgreed([...stay, newcomer], { seats: 3 });
      // The newcomer stands where the old one stood; of two that joined within one millisecond the ids tell which is first.
      const { [old.name]: taken, ...others } = before.joinedAt;
      expect(after.joinedAt).toEqual({ ...others, [name]: taken });
    },
  );
  const admitted = newcomer.logged('admitted')[0]?.unixMs ?? Number.NaN;
  const draining = old.logged('draining')[0]?.unixMs ?? Number.NaN;
  return {
    running: running.map((instance) => (instance === old ? newcomer : instance)),
    samples,
    gapMs: admitted - draining,
  };
}

/** In every view at every moment, from the moment on at which a newcomer has met everybody. */
function expectThreeSeats(samples: readonly SeatSample[]): void {
  const views = [...new Set(samples.map(({ view }) => view))];
  const settled = views.flatMap((name) => {
    const own = samples.filter(({ view }) => view === name);
    return own.slice(own.findIndex(({ seatsHeld }) => seatsHeld === 3));
  });
  expect(settled.length).toBeGreaterThan(100);
  expect(settled.filter(({ seatsHeld }) => seatsHeld !== 3)).toEqual([]);
}
