import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AccessClient, connectAccess } from '../../src/access/client/index.ts';
import { type Launched, launch } from '../workloads/connection/ssh/in-process.ts';
import { type SshServer, sshServerMissing, startSshServer } from '../workloads/connection/ssh/ssh-server.ts';
import { recordFigure } from './harness/figures.ts';
import { residentMib } from './harness/memory.ts';
import type { Pool } from './harness/pool.ts';
import { scaled } from './harness/scale.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { addSshRecord } from './harness/ssh-record.ts';

const createPool = useSharedPools();
const SESSIONS = scaled({ usual: 45, full: 300 });
/** Logins under way at a time: the target's own processes are what takes the time. */
const AT_ONCE = 5;
let pool: Pool;
let server: SshServer;
let client: AccessClient;

describe.skipIf(sshServerMissing() !== undefined)(`${SESSIONS} SSH sessions at once`, { timeout: 240_000 }, () => {
  beforeAll(async () => {
    [pool, server] = await Promise.all([
      createPool({ instances: 3, start: () => ({ args: ['--memory-budget-mb', '8192'] }) }),
      startSshServer(),
    ]);
    const { key, poolKey, addresses } = pool.profile();
    const init = { keySeed: key.reveal(), grant: null, addresses, poolKey };
    client = await connectAccess(init, AbortSignal.timeout(20_000));
  }, 60_000);
  afterAll(async () => {
    await client?.stop();
    await server?.stop();
  });

  it('run on all instances, all recorded, and take little memory each', async () => {
    const recordId = await addSshRecord(pool, 'web-1', server);
    const memory = (): number => pool.started.reduce((sum, { processId }) => sum + residentMib(processId), 0);
    const before = memory();
    const sessions: Launched[] = [];
    while (sessions.length < SESSIONS) {
      const batch = Array.from({ length: Math.min(AT_ONCE, SESSIONS - sessions.length) }, async (_, place) => {
        const number = sessions.length + place;
        const session = await launch(client, { recordId, terminal: { name: 'xterm', columns: 80, rows: 24 } });
        session.input.write(`echo session-$((${number} * 1))-runs\n`);
        await session.until(`session-${number}-runs`);
        return session;
      });
      sessions.push(...(await Promise.all(batch)));
    }
    const kibEach = Math.round((1024 * (memory() - before)) / SESSIONS);
    recordFigure({
      file: 'ssh',
      what: `memory of the instances for each of ${SESSIONS} SSH sessions`,
      unit: 'KiB',
      values: [kibEach],
    });
    const jobs = (await pool.started[0]?.ask({ kind: 'jobs', most: 1000 }))?.jobs ?? [];
    const running = jobs.filter(({ kind, state }) => kind === 'connection' && state === 'running');
    const byWorker = Map.groupBy(running, ({ worker }) => worker);
    expect(byWorker.size).toBe(3);
    for (const own of byWorker.values()) expect(own.length).toBeLessThan(SESSIONS / 2);
    const recorded = await Promise.all(sessions.map(({ opened }) => opened));
    expect(new Set(recorded.map(({ recordingId }) => recordingId)).size).toBe(SESSIONS);
    for (const session of sessions) session.leave();
    await Promise.all(sessions.map(({ ended }) => ended));
    expect(kibEach).toBeLessThan(4096);
  });
});
