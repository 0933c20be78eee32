import { execFile } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBurners } from './harness/burners.ts';
import type { Pool } from './harness/pool.ts';
import { type CommandResult, runCommand } from './harness/program.ts';
import { PATIENTLY } from './harness/scale.ts';
import { useSharedPools } from './harness/shared-pool.ts';
import { useTunnels } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { type MariadbServer, mariadbMissing, startMariadb } from './targets/mariadb-server.ts';
import { type PostgresServer, postgresMissing, startPostgres } from './targets/postgres-server.ts';

const run = promisify(execFile);
const formPool = useSharedPools();
const startTunnel = useTunnels();
const burn = useBurners();
const isMissing = (postgresMissing() ?? mariadbMissing()) !== undefined;
/** Reading the memory of another process needs root. */
const canReadMemory = process.platform === 'linux' && process.getuid?.() === 0;

const PASSWORD = 'Tr0ub4dor & the gateway alone';
let pool: Pool;
let postgres: PostgresServer;
let mariadb: MariadbServer;

beforeAll(async () => {
  if (isMissing) return;
  [pool, postgres, mariadb] = await Promise.all([formPool({ instances: 2 }), startPostgres(), startMariadb()]);
  await postgres.addRole({ name: 'app', password: PASSWORD, authentication: 'scram-sha-256' });
  await mariadb.addUser({ name: 'app', password: PASSWORD });
  await addDatabase('orders', 'postgres', postgres.port);
  await addDatabase('shop', 'mysql', mariadb.port);
});

afterAll(async () => {
  await postgres?.stop();
  await mariadb?.stop();
});

/** With its password on standard input, as a person would pipe it. */
async function addDatabase(title: string, protocol: string, port: number): Promise<void> {
  const file = join(pool.folder, 'password');
  writeFileSync(file, `${PASSWORD}\n`, { mode: 0o600 });
  const fields = [
    '--title',
    title,
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--protocol',
    protocol,
    '--user',
    'app',
  ];
  const { code, stderr } = await pam(['record', 'add', '--type', 'database', ...fields, '--password-stdin', '--json'], {
    enter: ['sh', '-c', 'exec "$@" < "$0"', file],
  });
  expect(stderr).not.toContain('error');
  expect(code).toBe(0);
}

function pam(args: readonly string[], place = { enter: [] as readonly string[] }): Promise<CommandResult> {
  return runCommand({ program: 'pam', args, place, env: { PAM_PROFILE: pool.profileFile, HOME: pool.folder } });
}

/** Whether the writable memory of a process holds the text, as UTF-8 or as UTF-16. */
function memoryHolds(processId: number, text: string): boolean {
  const patterns = [Buffer.from(text), Buffer.from(text, 'utf16le')];
  const memory = openSync(`/proc/${processId}/mem`, 'r');
  try {
    return readFileSync(`/proc/${processId}/maps`, 'utf8')
      .split('\n')
      .some((line) => {
        const [, from = '0', to = '0'] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
        const bytes = Buffer.alloc(Number(BigInt(`0x${to}`) - BigInt(`0x${from}`)));
        try {
          readSync(memory, bytes, 0, bytes.length, Number(BigInt(`0x${from}`)));
        } catch {
          // A mapping that went away, or one that is not backed.
          return false;
        }
        return patterns.some((pattern) => bytes.includes(pattern));
      });
  } finally {
    closeSync(memory);
  }
}

/** A recording, as far as looked at. */
interface Listed {
  readonly id: string;
  readonly jobId: string;
  readonly durationMs: number | null;
}

describe.skipIf(isMissing)('a database behind a pool', () => {
  it("is opened in its own program by pam launch, whose exit code is the program's", PATIENTLY, async () => {
    const psql = await pam(['launch', 'orders', '--', '-Atc', 'SELECT current_user']);
    expect(psql).toMatchObject({ code: 0, stdout: 'app\n' });
    const failed = await pam(['launch', 'orders', '--', '-Atc', 'SELECT nothing']);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('column "nothing" does not exist') });
    const mysql = await pam(['launch', 'shop', '--', '-BNe', 'SELECT current_user()']);
    expect(mysql).toMatchObject({ code: 0, stdout: 'app@%\n' });
  });

  it('is reached through a local port without a password, which is nowhere on this side', PATIENTLY, async () => {
    const tunnel = await startTunnel({ pool, record: 'orders' });
    const { port, processId } = tunnel;
    const statement = 'SELECT 42 AS the_answer_of_this_test';
    const clients = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const client = new Client({ host: '127.0.0.1', port, user: 'alice', database: 'alice' });
        await client.connect();
        return client;
      }),
    );
    for (const client of clients)
      await expect(client.query(statement)).resolves.toMatchObject({ rows: [{ the_answer_of_this_test: 42 }] });
    if (canReadMemory) {
      expect(memoryHolds(processId, statement)).toBe(true);
      expect(memoryHolds(processId, PASSWORD)).toBe(false);
    }
    await Promise.all(clients.map((client) => client.end()));
    const jobId = /connection (\S{22}) on/.exec(tunnel.said())?.[1];
    const [id] = await until('the sessions are recorded', { within: 20_000 }, async () => {
      const { stdout } = await pam(['recording', 'list', '--json']);
      const { recordings }: { readonly recordings: readonly Listed[] } = JSON.parse(stdout);
      const whole = recordings.filter((one) => one.jobId === jobId && one.durationMs !== null);
      needs(whole.length > 0, () => stdout);
      return whole.map((one) => one.id);
    });
    const file = join(pool.folder, 'session.cast');
    expect(await pam(['recording', 'export', id ?? '', '-o', file])).toMatchObject({ code: 0 });
    const recording = readFileSync(file, 'utf8');
    expect(recording).toContain(statement);
    expect(recording).not.toContain(PASSWORD);
  });

  it('lets many connect at once on a machine that is busy: they wait, and none is refused', PATIENTLY, async () => {
    const tunnel = await startTunnel({ pool, record: 'orders' });
    burn(6);
    const settings = { host: '127.0.0.1', port: tunnel.port, user: 'alice', database: 'postgres' };
    const clients = Array.from({ length: 100 }, () => new Client(settings));
    for (const client of clients) client.on('error', () => undefined);
    const answers = await Promise.allSettled(
      clients.map(async (client, n) => {
        await client.connect();
        return (await client.query('SELECT $1::int AS n', [n])).rows[0].n;
      }),
    );
    expect(tunnel.failures).toEqual([]);
    expect(answers).toEqual(clients.map((_, n) => ({ status: 'fulfilled', value: n })));
    await Promise.all(clients.map((client) => client.end()));
  });

  it('is reached as before where the person wants to log in, or has to', PATIENTLY, async () => {
    const { port } = await startTunnel({ pool, record: 'orders', args: ['--plain'] });
    const client = new Client({ host: '127.0.0.1', port, user: 'app', password: PASSWORD, database: 'postgres' });
    await client.connect();
    await client.end();
    const psql = join(postgres.programs, 'psql');
    await expect(
      run(psql, ['-h', '127.0.0.1', '-p', String(port), '-w', '-U', 'app', '-c', 'SELECT 1', 'postgres']),
    ).rejects.toThrow('no password supplied');
  });
});
