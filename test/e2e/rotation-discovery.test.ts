/** Rotation and discovery through a pool, as people type them, against real servers. */

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pool } from './harness/pool.ts';
import { type CommandResult, runCommand } from './harness/program.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { type PostgresServer, postgresMissing, startPostgres } from './targets/postgres-server.ts';

const FIRST = 'The-first-passw0rd';
const formShared = useSharedPools();

describe.skipIf(postgresMissing() !== undefined)('a pool of three', { timeout: 90_000 }, () => {
  let pool: Pool;
  let server: PostgresServer;
  const folder = mkdtempSync(join(tmpdir(), 'pam-rotation-'));
  beforeAll(async () => {
    [pool, server] = await Promise.all([formShared({ instances: 3 }), startPostgres()]);
    await server.addRole({ name: 'orders', password: FIRST, authentication: 'scram-sha-256' });
    await addWithPassword('orders-db', 'orders', FIRST);
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The password comes on standard input, as from a pipe. */
  async function addWithPassword(title: string, user: string, password: string): Promise<void> {
    const file = join(folder, 'password');
    writeFileSync(file, password, { mode: 0o600 });
    const place = ['--host', server.host, '--port', String(server.port), '--protocol', 'postgres'];
    const args = [
      'record',
      'add',
      '--type',
      'database',
      '--title',
      title,
      ...place,
      '--user',
      user,
      '--password-stdin',
    ];
    const enter = ['sh', '-c', `exec "$@" < ${file}`, 'sh'];
    const result = await runCommand({ program: 'pam', args, env: { PAM_PROFILE: pool.profileFile }, place: { enter } });
    expect(result.stderr + result.stdout).not.toContain(password);
    expect(result.code, result.stderr).toBe(0);
  }

  async function pamJson(args: readonly string[]): Promise<Record<string, unknown>> {
    const result = await pool.pam([...args, '--json']);
    expect(result.code, result.stderr).toBe(0);
    return JSON.parse(result.stdout);
  }

  async function letsIn(user: string, password: string): Promise<boolean> {
    const client = new Client({ host: server.host, port: server.port, user, password, database: 'postgres' });
    try {
      await client.connect();
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  it('rotates a credential, and tells how from every instance', async () => {
    const job = await pamJson(['action', 'rotate', '-r', 'orders-db', '--wait']);
    expect(job).toMatchObject({ kind: 'rotation', state: 'succeeded', error: null });
    expect(await letsIn('orders', FIRST)).toBe(false);
    for (const name of ['a', 'b', 'c']) {
      const told = await pamJson(['action', 'job-info', String(job['jobId']), '--address', pool.site(name).access]);
      expect(told).toMatchObject({ state: 'succeeded', output: { title: 'orders-db' } });
      expect(JSON.stringify(told)).toContain('committed in the vault');
    }
    expect(await pamJson(['action', 'rotate', '-r', 'orders-db', '--wait'])).toMatchObject({ state: 'succeeded' });
  });

  it('says why a rotation failed, with exit code 1, and shows the way before', async () => {
    await server.addRole({ name: 'other', password: FIRST, authentication: 'scram-sha-256' });
    await addWithPassword('other-db', 'other', 'wrong');
    const failed = await pool.pam(['action', 'rotate', '-r', 'other-db', '--wait', '--json']);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({ state: 'failed', error: { code: 'credential-refused' } });
    expect(failed.lastLine).toContain('the target refuses the credential of other that the vault holds');
  });

  it('keeps how a record is rotated with the record', async () => {
    const edit = ['rotation', 'edit', '-r', 'orders-db', '--complexity', '40,4,4,4,0', '--disable'];
    expect(await pamJson(edit)).toMatchObject({ disabled: true, adminRecord: null });
    const refused = await pool.pam(['action', 'rotate', '-r', 'orders-db', '--wait']);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('rotation of "orders-db" is disabled')]);
    expect(await pamJson(['rotation', 'edit', '-r', 'orders-db', '--enable'])).toMatchObject({ disabled: false });
    expect(await pamJson(['action', 'rotate', '-r', 'orders-db', '--dry-run', '--wait'])).toMatchObject({
      state: 'succeeded',
      progress: { message: expect.stringContaining('dry run') },
    });
    expectUsage(await pool.pam(['rotation', 'edit', '-r', 'orders-db', '--complexity', '3,1']), 'length,upper,lower');
  });

  it('discovers what listens, and next time what has changed', async () => {
    const other = createServer((socket) => {
      socket.on('error', () => undefined);
      // Read on: else it never learns that the other side has gone.
      socket.resume().end('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n');
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = address === null || typeof address === 'string' ? 0 : address.port;
    const start = [
      'action',
      'discover',
      'start',
      '--target',
      '127.0.0.1',
      '--ports',
      `${server.port},${port}`,
      '--wait',
    ];
    const first = await pamJson(start);
    expect(first).toMatchObject({ state: 'succeeded', since: null, delta: { added: [], changed: [], gone: [] } });
    expect(first['found']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ host: '127.0.0.1', port: server.port, service: 'postgres', accounts: [] }),
        expect.objectContaining({ host: '127.0.0.1', port, service: 'ssh', version: 'OpenSSH 9.2p1' }),
      ]),
    );
    await once(other.close(), 'close');
    const second = await pamJson(start);
    expect(second).toMatchObject({ since: first['jobId'], delta: { added: [], gone: [{ port, service: 'ssh' }] } });
  });

  it('refuses to look where it may not, and what is no range', async () => {
    const outside = await pool.pam(['action', 'discover', 'start', '--target', '192.0.2.0/24', '--wait']);
    expect([outside.code, outside.stderr]).toEqual([
      4,
      expect.stringContaining('outside of what this instance may scan'),
    ]);
    expectUsage(await pool.pam(['action', 'discover', 'start', '--target', '10.0.0.0/8']), 'at most 65536 (a /16)');
    expectUsage(
      await pool.pam(['action', 'discover', 'start', '--target', '127.0.0.1', '--ports', 'ssh']),
      '--ports: "ssh"',
    );
    expectUsage(await pool.pam(['action', 'discover', 'start']), '--target is missing');
  });
});

function expectUsage({ code, stderr }: CommandResult, why: string): void {
  expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
}
