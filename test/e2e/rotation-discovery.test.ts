/** Rotation and discovery through a pool, as people type them, against real servers. */

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pool } from './harness/pool.ts';
import { type CommandResult, runCommand } from './harness/program.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { needs, until } from './harness/until.ts';
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

  /** As `pamJson`, with these lines on standard input. */
  async function answering(lines: string, args: readonly string[]): Promise<Record<string, unknown>> {
    const file = join(folder, 'answers');
    writeFileSync(file, lines);
    const enter = ['sh', '-c', `exec "$@" < ${file}`, 'sh'];
    const env = { PAM_PROFILE: pool.profileFile };
    const result = await runCommand({ program: 'pam', args: [...args, '--json'], env, place: { enter } });
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

  it('rotates all records with a label, one job each, and tells of each what became of it', async () => {
    for (const title of ['orders-db', 'other-db']) await pamJson(['record', 'edit', title, '--label', 'team=data']);
    const some = await pool.pam(['action', 'rotate', '--label', 'team=data', '--wait', '--json']);
    expect(some.code).toBe(1);
    expect(JSON.parse(some.stdout)).toMatchObject({
      rotations: [
        { title: 'orders-db', state: 'succeeded', error: null },
        { title: 'other-db', state: 'failed', error: { code: 'credential-refused' } },
      ],
    });
    expect(some.lastLine).toContain('1 of 2 rotations failed; the first is "other-db"');
    const none = await pool.pam(['action', 'rotate', '--label', 'team=none', '--wait']);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no record that you may see')]);
  });

  it('rotates a role when it is due, without anybody asking', async () => {
    await server.addRole({ name: 'timed', password: FIRST, authentication: 'scram-sha-256' });
    await addWithPassword('timed-db', 'timed', FIRST);
    const due = new Date(Math.ceil(Date.now() / 1000 + 4) * 1000);
    const clock = [
      due.getUTCSeconds(),
      due.getUTCMinutes(),
      due.getUTCHours(),
      due.getUTCDate(),
      due.getUTCMonth() + 1,
    ];
    await pamJson(['rotation', 'edit', '-r', 'timed-db', '--schedule-cron', `${clock.join(' ')} *`]);
    await until('the old password is refused', { within: 30_000, every: 200 }, async () => {
      needs(!(await letsIn('timed', FIRST)), () => 'it lets in');
    });
    const info = await pamJson(['rotation', 'info', '-r', 'timed-db']);
    expect(info).toMatchObject({ waiting: null, last: { due: due.toISOString() } });
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
    const other = await greeting('SSH-2.0-OpenSSH_9.2p1 Debian-2');
    const port = portOf(other);
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

  it('makes records of what it found: as the rules say, by asking, or all of it, and none twice', async () => {
    const servers = await Promise.all([greeting('SSH-2.0-OpenSSH_9.2p1 Debian-2'), greeting('220 mail ESMTP Postfix')]);
    const [ssh = 0, smtp = 0] = servers.map(portOf);
    const rule = ['action', 'discover', 'rule'];
    const statement = `service == 'smtp' and hostName ~= '127.*' and port == ${smtp}`;
    const ignore = ['-n', 'no-mail', '-a', 'ignore', '-p', '10', '-s', statement];
    expect(await pamJson([...rule, 'add', ...ignore])).toMatchObject({ action: 'ignore', priority: 10, enabled: true });
    const add = [
      '-n',
      'ssh',
      '-a',
      'add',
      '-p',
      '20',
      '-s',
      "service == 'SSH'",
      '--ignore-case',
      '--label',
      'team=web',
    ];
    await pamJson([...rule, 'add', ...add]);
    await pamJson([...rule, 'add', '-n', 'ask', '-a', 'prompt', '-p', '5', '-s', `port == ${smtp}`]);
    expectUsage(await pool.pam([...rule, 'update', '-i', 'ask', '-s', 'port = 1']), 'port is compared by ==');
    await pamJson([...rule, 'update', '-i', 'ask', '--disable']);
    for (const name of ['a', 'b', 'c']) {
      const { rules } = await pamJson([...rule, 'list', '--address', pool.site(name).access]);
      expect(rules).toMatchObject([
        { name: 'ask', enabled: false },
        { name: 'no-mail', statement },
        { name: 'ssh', labels: { team: 'web' } },
      ]);
    }
    const target = ['--target', '127.0.0.1', '--ports', `${server.port},${ssh},${smtp}`, '--wait'];
    const { jobId } = await pamJson(['action', 'discover', 'start', ...target]);
    const process = ['action', 'discover', 'process', '-j', String(jobId)];
    const dry = await pamJson([...process, '--add-all', '--dry-run']);
    expect(dry).toMatchObject({ dryRun: true, added: 1, known: 1, ignored: 1, left: 0 });
    expect(JSON.stringify(await pamJson(['record', 'list']))).not.toContain(`ssh-${ssh}`);
    const done = await pamJson([...process, '--add-all']);
    expect(done).toMatchObject({ added: 1, known: 1, ignored: 1, left: 0 });
    expect(done['fates']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ fate: 'known', port: server.port, title: expect.stringContaining('db') }),
        expect.objectContaining({ fate: 'ignored', port: smtp, rule: 'no-mail', record: null }),
        expect.objectContaining({ fate: 'added', port: ssh, rule: 'ssh', title: `127.0.0.1-ssh-${ssh}` }),
      ]),
    );
    expect(await pamJson(['record', 'show', `127.0.0.1-ssh-${ssh}`])).toMatchObject({
      type: 'machine',
      protocol: 'ssh',
      labels: { team: 'web' },
    });
    expect(await pamJson([...process, '--add-all'])).toMatchObject({ added: 0, known: 2 });
    // Nobody is asked about what a rule decides; the rest is asked about, and a file of lines can answer.
    expect(await pamJson([...rule, 'remove', '--remove-all'])).toMatchObject({ removed: { length: 3 } });
    expect(await answering('nonsense\nn\n', process)).toMatchObject({ added: 0, left: 1 });
    expect(await answering('i\n', process)).toMatchObject({ ignored: 1, left: 0 });
    expect(await pamJson([...process, '--add-all'])).toMatchObject({ added: 0, ignored: 1 });
    expectUsage(await pool.pam(['action', 'discover', 'process']), '--job is missing');
    expect((await pool.pam(['action', 'discover', 'process', '-j', 'x'])).stderr).toContain('Discovery "x" not found');
    const [reached] = [await pool.pam(['tunnel', 'start', `discovery-rule/ignore 127.0.0.1-smtp-${smtp}`])];
    expect([reached.code, reached.stderr]).toEqual([1, expect.stringContaining('not found')]);
    await Promise.all(servers.map((one) => once(one.close(), 'close')));
  });

  it('discovers the accounts of a record with its credential, and makes them records that the record rotates', async () => {
    const start = ['action', 'discover', 'start', '-r', 'orders-db', '--wait'];
    const seen = await pamJson(start);
    const { record } = await pamJson(['record', 'show', 'orders-db']);
    expect(seen).toMatchObject({ state: 'succeeded', record, found: [{ port: server.port, service: 'postgres' }] });
    const status = await pool.pam(['action', 'discover', 'status', '-j', String(seen['jobId'])]);
    expect(status.stdout).toContain('superuser');
    const process = ['action', 'discover', 'process', '-j', String(seen['jobId']), '--add-all'];
    const { fates } = await pamJson(process);
    expect(fates).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ fate: 'known', user: 'orders', title: 'orders-db' }),
        expect.objectContaining({
          fate: 'added',
          type: 'user',
          user: server.user,
          title: `orders-db-${server.user}`,
        }),
      ]),
    );
    const added = (fates as { user: string; record: string }[]).find(({ user }) => user === server.user)?.record ?? '';
    expect(await pamJson(['record', 'show', added])).toMatchObject({
      type: 'user',
      on: record,
      port: server.port,
      protocol: 'postgres',
      labels: { 'rotation.admin': record },
    });
    await server.addRole({ name: 'late', password: FIRST, authentication: 'scram-sha-256' });
    expect(await pamJson(start)).toMatchObject({
      since: seen['jobId'],
      delta: { added: [{ account: 'late' }], gone: [] },
    });
  });

  it('lets a user discover the accounts of a record with a permission for that record only', async () => {
    for (const [name, allow] of [
      ['may', 'discovery:orders-db'],
      ['may-not', 'rotation:orders-db'],
    ] as const) {
      const out = join(folder, `${name}.json`);
      await pamJson(['grant', 'new', '--name', name, '--out', out, '--allow', allow]);
      const asUser = (args: readonly string[]) => pool.pam(['action', 'discover', 'start', ...args, '--profile', out]);
      expect((await asUser(['-r', 'orders-db', '--wait'])).code).toBe(name === 'may' ? 0 : 4);
      expect((await asUser(['--target', '127.0.0.1', '--ports', '1', '--wait'])).code).toBe(4);
    }
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

/** A server that says who it is and hangs up. */
async function greeting(line: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    // Read on: else it never learns that the other side has gone.
    socket.resume().end(`${line}\r\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
}

function expectUsage({ code, stderr }: CommandResult, why: string): void {
  expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
}
