import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordFigure } from '../../e2e/harness/figures.ts';
import { scaled } from '../../e2e/harness/scale.ts';
import {
  POSTGRES_AUTHENTICATIONS,
  type PostgresServer,
  postgresMissing,
  startPostgres,
} from '../../e2e/targets/postgres-server.ts';
import { freePort } from '../../e2e/targets/service.ts';
import { DatabaseWorld, type Place, passwordCredential, portOf } from './database-world.ts';

const run = promisify(execFile);
const isMissing = postgresMissing() !== undefined;
let server: PostgresServer;
let world: DatabaseWorld;
let folder: string;
/** Of a record whose role may do most things. */
let port: number;

/** A secret that must be nowhere but at the gateway and the database. */
const PASSWORD = "the gateway's s3cret";
const PATIENTLY = { timeout: 60_000 };
/** Some 41 bytes each in CSV: 1 GB in full. */
const COPIED_ROWS = scaled({ usual: 60_000, full: 24_500_000 });

beforeAll(async () => {
  if (isMissing) return;
  folder = mkdtempSync(join(tmpdir(), 'pam-postgres-test-'));
  [server, world] = await Promise.all([startPostgres(), DatabaseWorld.start()]);
  for (const authentication of POSTGRES_AUTHENTICATIONS) {
    await server.addRole({ name: authentication, password: PASSWORD, authentication });
  }
  await server.addRole({ name: 'plain', password: PASSWORD, authentication: 'password', tls: 'refused' });
  port = portOf(await open({ title: 'main' }));
});

afterAll(async () => {
  await world?.stop();
  await server?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

function open(place: Partial<Place> & { readonly title: string }, local?: { readonly path: string }) {
  return world.open(
    { protocol: 'postgres', port: server.port, user: 'scram-sha-256', password: PASSWORD, ...place },
    local,
  );
}

/** A driver without a password. */
async function connect(to: number, settings: object = {}): Promise<Client> {
  const client = new Client({ host: '127.0.0.1', port: to, user: 'alice', database: 'alice', ...settings });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function using<T>(to: number, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(to);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** What a client is told that is not let in. */
async function refusal(place: Parameters<typeof open>[0]): Promise<unknown> {
  return connect(portOf(await open(place))).then(
    () => 'it was let in',
    ({ code, message }) => ({ code, message }),
  );
}

/** A program without a password and without anything of this machine's settings. */
function psql(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const env = { PATH: process.env['PATH'], PGUSER: 'alice', PGPASSFILE: '/nonexistent', HOME: folder };
  return run(join(server.programs, 'psql'), ['-X', '-h', '127.0.0.1', '-p', String(port), '-w', ...args], {
    env,
    maxBuffer: 1 << 28,
  });
}

describe.skipIf(isMissing)('a PostgreSQL client without a password', () => {
  it.each([...POSTGRES_AUTHENTICATIONS])('is logged in by %s over TLS', async (authentication) => {
    const options = { tls: 'verify-full', 'tls-ca': server.certificate.caFile };
    const tunnel = await open({ title: authentication, user: authentication, options });
    const sql =
      'SELECT current_user AS who, current_database() AS base, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
    const { rows } = await using(portOf(tunnel), (client) => client.query(sql));
    expect(rows).toEqual([{ who: authentication, base: 'postgres', ssl: true }]);
  });

  it('is logged in without TLS where the record says so', async () => {
    const tunnel = await open({ title: 'no tls', options: { tls: 'disable' } });
    const { rows } = await using(portOf(tunnel), (client) =>
      client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'),
    );
    expect(rows).toEqual([{ ssl: false }]);
  });

  it('comes through a Unix socket as well', async () => {
    const path = join(folder, '.s.PGSQL.5432');
    await open({ title: 'by path' }, { path });
    const { stdout } = await psql('-h', folder, '-p', '5432', '-Atc', 'SELECT current_user');
    expect(stdout).toBe('scram-sha-256\n');
  });

  it('works in the database that it names, or that the record names', async () => {
    await server.sql('CREATE DATABASE shop');
    const tunnel = await open({ title: 'shop', options: { name: 'shop' } });
    const base = async (database: string): Promise<unknown> => {
      const client = await connect(portOf(tunnel), { database });
      const { rows } = await client.query('SELECT current_database() AS base');
      await client.end();
      return rows[0]?.base;
    };
    expect([await base('alice'), await base('template1')]).toEqual(['shop', 'template1']);
  });

  it('is told why not, in its own protocol', async () => {
    const wrong = await refusal({ title: 'wrong password', password: 'wrong' });
    expect(wrong).toEqual({
      code: '28P01',
      message: 'gateway: the database says: password authentication failed for user "scram-sha-256" (28P01)',
    });
    expect(await refusal({ title: 'nothing there', port: await freePort() })).toMatchObject({
      code: '08001',
      message: expect.stringMatching(/^gateway: 127\.0\.0\.1:\d+: connection refused, nothing listens there$/),
    });
    expect(await refusal({ title: 'unverified', options: { tls: 'verify-full' } })).toMatchObject({
      message: expect.stringMatching(/^gateway: 127\.0\.0\.1: TLS failed: .*certificate/),
    });
    expect(
      await refusal({
        title: 'other name',
        host: '127.0.0.2',
        options: { tls: 'verify-full', 'tls-ca': server.certificate.caFile },
      }),
    ).toMatchObject({
      message: expect.stringMatching(/connection refused|TLS failed/),
    });
    expect(await refusal({ title: 'cleartext', user: 'plain', options: { tls: 'disable' } })).toEqual({
      code: '28P01',
      message: 'gateway: the database asks for the password as it is, and the way to it is not encrypted',
    });
    expect(
      await refusal({
        title: 'cleartext allowed',
        user: 'plain',
        options: { tls: 'disable', 'allow-cleartext': 'on' },
      }),
    ).toBe('it was let in');
  });

  it('is told when the port is opened that no session on it could log in', async () => {
    await expect(open({ title: 'no credential', password: null })).rejects.toThrow(
      'record "no credential" holds no credential',
    );
    await expect(open({ title: 'typing error', options: { tls: 'yes' } })).rejects.toThrow(
      'label database.tls of record "typing error" is "yes"; expected disable or prefer or require or verify-full',
    );
  });

  it('uses the credential of a rotation under way where the old one is refused already', async () => {
    const tunnel = await open({ title: 'rotating', password: 'the old one' });
    const { recordId } = tunnel;
    const signal = AbortSignal.timeout(1000);
    const { revision } = await world.vault.read(recordId, signal);
    const credential = passwordCredential('scram-sha-256', PASSWORD);
    await world.vault.change({ recordId, revision }, { kind: 'stage', credential, jobId: 'job' }, signal);
    await expect(using(portOf(tunnel), (client) => client.query('SELECT 1 AS one'))).resolves.toMatchObject({
      rowCount: 1,
    });
  });
});

describe.skipIf(isMissing)('a PostgreSQL session', () => {
  it('carries psql: tables, errors with their place, notices', async () => {
    const { stdout } = await psql('-c', "SELECT 1 AS one, 'zwei' AS two");
    expect(stdout).toContain(' one | two  \n-----+------\n   1 | zwei\n(1 row)');
    const { stderr } = await psql('-c', "DO $$BEGIN RAISE NOTICE 'by the way'; END$$");
    expect(stderr).toBe('NOTICE:  by the way\n');
    await expect(psql('-c', 'SELECT nothing')).rejects.toMatchObject({
      stderr: 'ERROR:  column "nothing" does not exist\nLINE 1: SELECT nothing\n               ^\n',
    });
  });

  it('carries \\copy both ways unchanged', { timeout: scaled({ usual: 60_000, full: 1_200_000 }) }, async () => {
    const [out, back] = [join(folder, 'out.csv'), join(folder, 'back.csv')];
    const rowsOf = `SELECT n, md5(n::text) AS hash FROM generate_series(1, ${COPIED_ROWS}) AS n`;
    await psql('-c', `CREATE UNLOGGED TABLE bulk AS ${rowsOf}`);
    const beganAtMs = performance.now();
    await psql('-c', `\\copy bulk TO '${out}' CSV`);
    await psql(
      '-c',
      'CREATE UNLOGGED TABLE copied (LIKE bulk)',
      '-c',
      `\\copy copied FROM '${out}' CSV`,
      '-c',
      `\\copy copied TO '${back}' CSV`,
    );
    recordFigure({
      file: 'databases',
      what: `psql \\copy of ${Math.round(statSync(out).size / 1e6)} MB out, in and out again`,
      unit: 'ms',
      values: [performance.now() - beganAtMs],
    });
    const [first, second] = await Promise.all([out, back].map((file) => run('sha256sum', [file])));
    expect(first?.stdout.split(' ')[0]).toBe(second?.stdout.split(' ')[0]);
    const { rows } = await using(port, (client) => client.query('SELECT count(*)::int AS rows FROM copied'));
    expect(rows).toEqual([{ rows: COPIED_ROWS }]);
  });

  it('carries prepared statements with values, binary results and large ones', PATIENTLY, async () => {
    await using(port, async (client) => {
      const add = { name: 'add', text: 'SELECT $1::int + $2::int AS sum' };
      for (const value of [1, 2, 3]) {
        const { rows } = await client.query({ ...add, values: [value, 40] });
        expect(rows).toEqual([{ sum: value + 40 }]);
      }
      const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, at) => at & 0xff));
      const { rows } = await client.query({ text: 'SELECT $1::bytea AS bytes', values: [bytes], rowMode: 'array' });
      expect(createHash('sha1').update(rows[0]?.[0]).digest()).toEqual(createHash('sha1').update(bytes).digest());
      const inBinary = { text: 'SELECT 7::int AS seven', binary: true };
      const binary = await client.query(inBinary);
      expect(binary.rows).toEqual([{ seven: 7 }]);
      const large = await client.query("SELECT repeat('x', 20 * 1024 * 1024) AS text");
      expect(large.rows[0]?.text.length).toBe(20 * 1024 * 1024);
    });
  });

  it('carries notifications from one session to another', async () => {
    await using(port, async (listener) => {
      await listener.query('LISTEN news');
      const heard = once(listener, 'notification', { signal: AbortSignal.timeout(10_000) });
      await using(port, (speaker) => speaker.query("NOTIFY news, 'hello'"));
      expect((await heard)[0]).toMatchObject({ channel: 'news', payload: 'hello' });
    });
  });

  it('is cancelled by Ctrl-C in psql, through whichever worker', async () => {
    const child = spawn(
      join(server.programs, 'psql'),
      ['-X', '-h', '127.0.0.1', '-p', String(port), '-U', 'alice', '-c', 'SELECT pg_sleep(60)'],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    await using(port, async (client) => {
      for (let asleep = 0; asleep === 0; ) {
        const { rows } = await client.query(
          "SELECT count(*)::int AS asleep FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND wait_event = 'PgSleep'",
        );
        asleep = rows[0]?.asleep;
      }
    });
    child.kill('SIGINT');
    const [code] = await once(child, 'close', { signal: AbortSignal.timeout(10_000) });
    expect(said).toContain('ERROR:  canceling statement due to user request');
    expect(code).toBe(1);
  });

  it('carries pgbench with several clients, prepared statements and pipelines', PATIENTLY, async () => {
    const args = ['-h', '127.0.0.1', '-p', String(port), '-U', 'alice'];
    await run(join(server.programs, 'pgbench'), [...args, '-i', '-q', 'postgres']);
    const { stdout } = await run(join(server.programs, 'pgbench'), [
      ...args,
      '-c',
      '4',
      '-t',
      '25',
      '-M',
      'prepared',
      'postgres',
    ]);
    expect(stdout).toContain('number of transactions actually processed: 100/100');
  });

  it('records statements with rows and times, and never a password', async () => {
    const tunnel = await open({ title: 'recorded' });
    await using(portOf(tunnel), async (client) => {
      await client.query('CREATE TEMP TABLE t (n int); INSERT INTO t SELECT generate_series(1, 5)');
      await client.query({ name: 'some', text: 'SELECT * FROM t WHERE n > $1', values: [2] });
      await client.query('SELECT oops').catch(() => undefined);
      await client.query('SELECT $1::oops', [1]).catch(() => undefined);
    });
    const [recording] = world.recorded('recorded');
    const texts = recording?.events.map((event) =>
      event.kind === 'sent'
        ? event.text
        : `${event.kind} ${event.number} ${event.kind === 'done' ? event.rows : event.code}`,
    );
    expect(texts).toEqual([
      'CREATE TEMP TABLE t (n int); INSERT INTO t SELECT generate_series(1, 5)',
      'done 1 5',
      'SELECT * FROM t WHERE n > $1',
      'done 2 3',
      'SELECT oops',
      'failed 3 42703',
      'SELECT $1::oops',
      'failed 4 42704',
    ]);
    await expect.poll(() => recording?.ending).toMatchObject({ reason: 'normal' });
    expect(JSON.stringify(world.recordings)).not.toContain(PASSWORD);
  });

  it('that is read-only refuses to write, and ends where it would be made to', async () => {
    const tunnel = await open({ title: 'read-only', options: { 'read-only': 'on' } });
    const readOnly = portOf(tunnel);
    await using(readOnly, async (client) => {
      await expect(client.query('CREATE TABLE not_here (n int)')).rejects.toThrow(
        'cannot execute CREATE TABLE in a read-only transaction',
      );
      await expect(client.query('SELECT 1 AS one')).resolves.toMatchObject({ rows: [{ one: 1 }] });
    });
    for (const sql of [
      'BEGIN READ /* */ WRITE',
      'SET default_transaction_read_only = off',
      "SELECT set_config('default_transaction_' || 'read_only', 'off', false)",
    ]) {
      const client = await connect(readOnly);
      const ended = new Promise((resolve) => client.once('end', resolve));
      await client.query(sql).catch((error) => expect(error.message).toContain('are read-only'));
      await ended;
    }
  });
});
