import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_CONDITIONS } from '../../../src/wire/grant.ts';
import { GRANT_OF_NOTHING } from '../../access/pool.ts';
import { type MariadbServer, mariadbMissing, startMariadb } from '../../e2e/targets/mariadb-server.ts';
import { freePort } from '../../e2e/targets/service.ts';
import { DatabaseWorld, type Place, portOf } from './database-world.ts';

const run = promisify(execFile);
const isMissing = mariadbMissing() !== undefined;
let server: MariadbServer;
let world: DatabaseWorld;
let folder: string;
let port: number;

/** A secret that must be nowhere but at the gateway and the database. */
const PASSWORD = "the gateway's s3cret";
const PATIENTLY = { timeout: 60_000 };

beforeAll(async () => {
  if (isMissing) return;
  folder = mkdtempSync(join(tmpdir(), 'pam-mysql-test-'));
  [server, world] = await Promise.all([startMariadb(), DatabaseWorld.start()]);
  await server.addUser({ name: 'shop', password: PASSWORD });
  await server.addUser({ name: 'tls', password: PASSWORD, tls: 'required' });
  port = portOf(await open({ title: 'main' }));
});

afterAll(async () => {
  await world?.stop();
  await server?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

function open(place: Partial<Place> & { readonly title: string }, local?: { readonly path: string }) {
  const options = { name: 'test', ...place.options };
  return world.open(
    { protocol: 'mysql', port: server.port, user: 'shop', password: PASSWORD, ...place, options },
    local,
  );
}

/** A driver without a password. */
async function connect(to: number, settings: ConnectionOptions = {}): Promise<Connection> {
  const connection = await createConnection({ host: '127.0.0.1', port: to, user: 'alice', ...settings });
  connection.on('error', () => undefined);
  return connection;
}

async function using<T>(
  to: number,
  work: (connection: Connection) => Promise<T>,
  settings: ConnectionOptions = {},
): Promise<T> {
  const connection = await connect(to, settings);
  try {
    return await work(connection);
  } finally {
    await connection.end().catch(() => undefined);
  }
}

async function rowsOf(connection: Connection, sql: string, values?: (string | number | Buffer)[]): Promise<unknown> {
  const [rows] = values === undefined ? await connection.query(sql) : await connection.execute(sql, values);
  return rows;
}

/** What a client is told that is not let in. */
async function refusal(place: Parameters<typeof open>[0], settings?: ConnectionOptions): Promise<unknown> {
  return connect(portOf(await open(place)), settings).then(
    () => 'it was let in',
    ({ errno, message }) => ({ errno, message }),
  );
}

/** The program without a password and without anything of this machine's settings. */
function mariadb(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const words = ['--no-defaults', '-h', '127.0.0.1', '-P', String(port), '--protocol=tcp', '-u', 'alice', ...args];
  return run('mariadb', words, { maxBuffer: 1 << 28 });
}

describe.skipIf(isMissing)('a MySQL client without a password', () => {
  it('is asked for a file of its own only where the session may carry files', PATIENTLY, async () => {
    await using(port, (connection) => rowsOf(connection, 'CREATE TABLE read_lines (line TEXT)'));
    const load = (): Promise<unknown> =>
      using(port, (connection) =>
        connection.query({
          sql: "LOAD DATA LOCAL INFILE 'named-by-nobody' INTO TABLE read_lines",
          infileStreamFactory: () => Readable.from([Buffer.from('one\ntwo\n')]),
        }),
      );
    await expect(load()).resolves.toMatchObject([{ affectedRows: 2 }, undefined]);
    const conditions = { ...NO_CONDITIONS, fileTransferForbidden: true };
    world.pool.grant = { ...GRANT_OF_NOTHING, conditions };
    try {
      await expect(load()).rejects.toMatchObject({ errno: 4166 });
      world.pool.grant = { ...GRANT_OF_NOTHING, conditions: { ...NO_CONDITIONS, reasonRequired: true } };
      await expect(connect(port)).rejects.toThrow('the grant of alice asks for a reason');
    } finally {
      world.pool.grant = null;
    }
  });

  it.each(['disable', 'prefer', 'require', 'verify-full'])('is logged in with tls=%s', async (tls) => {
    const tunnel = await open({ title: `tls ${tls}`, options: { tls, 'tls-ca': server.certificate.caFile } });
    const rows = await using(portOf(tunnel), (connection) =>
      rowsOf(
        connection,
        "SELECT current_user() AS who, database() AS base, variable_value <> '' AS tls FROM information_schema.session_status WHERE variable_name = 'ssl_cipher'",
      ),
    );
    expect(rows).toEqual([{ who: 'shop@%', base: 'test', tls: tls === 'disable' ? 0 : 1 }]);
  });

  it('comes through a Unix socket as well, whatever password it sends', async () => {
    const path = join(folder, 'mysql.sock');
    await open({ title: 'by path', user: 'tls' }, { path });
    const { stdout } = await run('mariadb', [
      '--no-defaults',
      '-S',
      path,
      '-u',
      'alice',
      '-pwhatever',
      '-BNe',
      'SELECT current_user()',
    ]);
    expect(stdout).toBe('tls@%\n');
  });

  it('works in the database that it names, or that the record names', async () => {
    const base = (settings: ConnectionOptions): Promise<unknown> =>
      using(port, (connection) => rowsOf(connection, 'SELECT database() AS base'), settings);
    expect([await base({}), await base({ database: 'information_schema' })]).toEqual([
      [{ base: 'test' }],
      [{ base: 'information_schema' }],
    ]);
  });

  it('is told why not, in its own protocol', async () => {
    expect(await refusal({ title: 'wrong password', password: 'wrong' })).toEqual({
      errno: 1045,
      message:
        "gateway: the database says: Access denied for user 'shop'@'127.0.0.1' (using password: YES) (1045, 28000)",
    });
    expect(await refusal({ title: 'nothing there', port: await freePort() })).toMatchObject({
      errno: 2003,
      message: expect.stringMatching(/gateway: 127\.0\.0\.1:\d+: connection refused, nothing listens there$/),
    });
    expect(await refusal({ title: 'unverified', options: { tls: 'verify-full' } })).toMatchObject({
      message: expect.stringMatching(/^gateway: 127\.0\.0\.1: TLS failed: .*certificate/),
    });
    expect(await refusal({ title: 'unknown database' }, { database: 'nowhere' })).toEqual({
      errno: 1044,
      message: "Access denied for user 'shop'@'%' to database 'nowhere'",
    });
  });
});

describe.skipIf(isMissing)('a MySQL session', () => {
  it('carries mariadb: tables, errors, warnings', async () => {
    const { stdout } = await mariadb('-t', '-e', "SELECT 1 AS one, 'zwei' AS two");
    expect(stdout).toBe('+-----+------+\n| one | two  |\n+-----+------+\n|   1 | zwei |\n+-----+------+\n');
    const { stdout: warned } = await mariadb('--show-warnings', '-e', "SELECT CAST('x' AS int) AS n");
    expect(warned).toContain("Warning (Code 1292): Truncated incorrect INTEGER value: 'x'");
    await expect(mariadb('-e', 'SELECT nothing')).rejects.toMatchObject({
      stderr: expect.stringContaining("ERROR 1054 (42S22) at line 1: Unknown column 'nothing' in "),
    });
  });

  it('carries prepared statements with values, several results, and large ones', PATIENTLY, async () => {
    await using(
      port,
      async (connection) => {
        for (const value of [1, 2, 3])
          expect(await rowsOf(connection, 'SELECT ? + 40 AS sum', [value])).toEqual([{ sum: value + 40 }]);
        const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, at) => at & 0xff));
        expect(await rowsOf(connection, 'SELECT ? AS bytes', [bytes])).toEqual([{ bytes: bytes }]);
        expect(await rowsOf(connection, 'SELECT 1 AS one; SELECT 2 AS two')).toEqual([[{ one: 1 }], [{ two: 2 }]]);
        // Longer than one packet of the protocol.
        const [large] = (await rowsOf(connection, "SELECT repeat('x', 17000000) AS text")) as { text: string }[];
        expect(large?.text.length).toBe(17_000_000);
        const sent = 'y'.repeat(17_000_000);
        const [back] = (await rowsOf(connection, `SELECT length('${sent}') AS bytes`)) as { bytes: number }[];
        expect(back?.bytes).toBe(17_000_000);
      },
      { multipleStatements: true },
    );
  });

  it('carries files that the client loads', PATIENTLY, async () => {
    const file = join(folder, 'rows.csv');
    const lines = Array.from(
      { length: 60_000 },
      (_, n) => `${n},${(n * 7919).toString(36)} and some more text to make it long\n`,
    );
    writeFileSync(file, lines.join(''));
    await mariadb(
      '--local-infile=1',
      '-e',
      `CREATE TABLE loaded (n int, text varchar(80)); LOAD DATA LOCAL INFILE '${file}' INTO TABLE loaded FIELDS TERMINATED BY ','`,
      'test',
    );
    const { stdout } = await mariadb('-BNe', 'SELECT n, text FROM loaded ORDER BY n', 'test');
    expect(stdout.replaceAll('\t', ',') === lines.join('')).toBe(true);
  });

  it('is stopped by KILL QUERY from another session', async () => {
    await using(port, async (sleeper) => {
      const [thread] = (await rowsOf(sleeper, 'SELECT connection_id() AS id')) as { id: number }[];
      expect(sleeper.threadId).toBe(thread?.id);
      const sleeping = rowsOf(sleeper, 'SELECT sleep(60)').catch(({ errno }) => errno);
      await using(port, async (other) => {
        for (let asleep = false; !asleep; ) {
          const list = (await rowsOf(other, 'SHOW PROCESSLIST')) as { Id: number; State: string }[];
          asleep = list.some(({ Id, State }) => Id === sleeper.threadId && State === 'User sleep');
        }
        await rowsOf(other, `KILL QUERY ${sleeper.threadId}`);
      });
      expect(await sleeping).toBe(1317);
    });
  });

  it('records statements with rows and times, and never a password', async () => {
    const tunnel = await open({ title: 'recorded' });
    await using(portOf(tunnel), async (connection) => {
      await rowsOf(connection, 'CREATE TEMPORARY TABLE t (n int)');
      await rowsOf(connection, 'INSERT INTO t VALUES (1), (2), (3), (4), (5)');
      await rowsOf(connection, 'SELECT * FROM t WHERE n > ?', [2]);
      await rowsOf(connection, 'SELECT * FROM t WHERE n > ?', [3]);
      await rowsOf(connection, 'SELECT oops').catch(() => undefined);
      await rowsOf(connection, 'SELECT oops + ?', [1]).catch(() => undefined);
    });
    const [recording] = world.recorded('recorded');
    const texts = recording?.events.map((event) => {
      if (event.kind === 'sent') return event.text;
      return `${event.kind} ${event.number} ${event.kind === 'done' ? event.rows : event.code}`;
    });
    expect(texts).toEqual([
      'CREATE TEMPORARY TABLE t (n int)',
      'done 1 0',
      'INSERT INTO t VALUES (1), (2), (3), (4), (5)',
      'done 2 5',
      'SELECT * FROM t WHERE n > ?',
      'done 3 3',
      'SELECT * FROM t WHERE n > ?',
      'done 4 2',
      'SELECT oops',
      'failed 5 1054 42S22',
      'SELECT oops + ?',
      'failed 6 1054 42S22',
    ]);
    await expect.poll(() => recording?.ending).toMatchObject({ reason: 'normal' });
    expect(JSON.stringify(world.recordings)).not.toContain(PASSWORD);
  });

  it('that is read-only refuses to write, and ends where it would be made to', async () => {
    const readOnly = portOf(await open({ title: 'read-only', options: { 'read-only': 'on' } }));
    await using(readOnly, async (connection) => {
      await expect(rowsOf(connection, 'CREATE TABLE not_here (n int)')).rejects.toThrow('READ ONLY transaction');
      expect(await rowsOf(connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });
    for (const sql of [
      'START TRANSACTION READ /* */ WRITE',
      'SET tx_read_only = 0',
      'SET SESSION TRANSACTION READ WRITE',
    ]) {
      const connection = await connect(readOnly);
      await expect(rowsOf(connection, sql)).rejects.toThrow('are read-only');
      connection.destroy();
    }
  });

  it('does not become that of another user', async () => {
    const connection = await connect(port);
    await expect(connection.changeUser({ user: 'shop', password: 'x' })).rejects.toThrow(
      'a session cannot become that of another user',
    );
    connection.destroy();
  });
});
