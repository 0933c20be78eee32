/** A real instance whose audit log lies on a disk that is full: it takes no jobs and says so, its peers take them, and it is back when there is space. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { addRecord, untilRecordHeld } from './harness/records.ts';
import { countSessions } from './harness/sessions.ts';
import { Tunnel } from './harness/tunnel.ts';
import { dialEcho } from './targets/socket.ts';
import { echo, startTarget } from './targets/target.ts';

const createPool = usePools();
const WAIT_MS = 20_000;
const CONNECTIONS = 8;
const DISK = 'size=256k';
const mounted: string[] = [];

/** A small disk of its own; what it needs besides root is said by the failure. */
function mountSmallDisk(path: string): string | undefined {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const made = spawnSync('mount', ['-t', 'tmpfs', '-o', DISK, 'tmpfs', path], { encoding: 'utf8' });
  if (made.status !== 0) return `a small disk cannot be mounted here: ${made.stderr}${made.error?.message ?? ''}`;
  mounted.push(path);
  return undefined;
}

function unmountAll(): void {
  for (const path of mounted.splice(0)) spawnSync('umount', ['-l', path]);
}
process.on('exit', unmountAll);
// Before the pool removes its folder: hooks run last first.
afterEach(unmountAll);

function fill(path: string): void {
  for (const size of [64 * 1024, 4096, 512]) {
    for (let index = 0; ; index++) {
      try {
        writeFileSync(join(path, `fill-${size}-${index}`), Buffer.alloc(size));
      } catch {
        break;
      }
    }
  }
}

async function startPool(pool: Pool): Promise<void> {
  const instances = pool.startAll(['a', 'b']);
  await untilAgreed(instances, { holders: ['a', 'b'] });
}

it('an instance whose audit disk is full takes no jobs until there is space', { timeout: 120_000 }, async ({
  skip,
}) => {
  const pool = createPool({ maxInstances: 2, bootstrap: ['a', 'b'] });
  const disk = join(pool.dataDir('b'), 'audit');
  const reason = mountSmallDisk(disk);
  if (reason !== undefined) skip(reason);
  await startPool(pool);
  const [a, b] = pool.started;
  const target = await startTarget(echo);
  await addRecord(pool, 'web-1', target);
  await untilRecordHeld(pool, ['a', 'b'], 'web-1');
  fill(disk);
  // Whoever connects is an event.
  await pool.gateway('b', ['debug', 'status']);
  await untilRecordHeld(pool, ['b'], 'web-1');
  await b?.untilLogged('audit-failed', { within: WAIT_MS });
  expect(await pool.gateway('b', ['health-check'])).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('ENOSPC'),
  });
  const tunnel = await Tunnel.start({ pool, record: 'web-1', entries: ['a'] });
  const sockets = [];
  for (let time = 0; time < CONNECTIONS; time++) sockets.push(await dialEcho(tunnel.port, 'hello'));
  expect(await countSessions(pool, tunnel.ready.jobId)).toEqual([CONNECTIONS, 0]);
  for (const socket of sockets) socket.destroy();
  await tunnel.stop();
  const { entries } = JSON.parse((await pool.pam(['audit', 'tail', '--json'])).stdout);
  expect(entries.length).toBeGreaterThan(0);
  for (const path of spawnSync('ls', [disk], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((name) => name.startsWith('fill-')))
    rmSync(join(disk, path));
  await b?.untilLogged('audit-resumed', { within: WAIT_MS });
  expect(await pool.gateway('b', ['health-check'])).toMatchObject({ code: 0 });
  await b?.stop();
  expect(await pool.gateway('b', ['audit', 'verify'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('whole'),
  });
  expect(a?.isRunning).toBe(true);
  await target.stop();
});
