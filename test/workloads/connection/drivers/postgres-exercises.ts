/** What programs do with the `pg` driver, one exercise each: the answer is everything the driver told, without what differs from session to session. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { Client, Pool } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import Cursor from 'pg-cursor';
import { needs, until } from '../../../e2e/harness/until.ts';

/** Where to go, and as whom. */
export interface PostgresPlace {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
}

/** One exercise in a session of its own. */
export type PostgresExercise = (client: Client, place: PostgresPlace) => Promise<unknown>;

const TYPES = `SELECT 1::int2, -2::int4, 9007199254740993::int8, 1.5::float4, 'NaN'::float8, 12345.678900::numeric, true, 'x'::"char",
  'text grün 🚀'::text, '\\x00ff10'::bytea, '2024-02-29'::date, '2024-02-29 12:34:56.789012+00'::timestamptz, 'infinity'::timestamp,
  '1 year 2 months 3 days 04:05:06'::interval, '12:34:56'::time, '10.1.2.3/8'::inet, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid,
  '{"a": [1, null]}'::jsonb, ARRAY[1,2,NULL]::int4[], ARRAY[['a','b'],['c','d"e']]::text[], '[1,5)'::int4range, '(1,2)'::point, NULL::text, ''::text`;

/** What the driver says of a result. */
function told(result: { readonly rows: readonly unknown[] } & Record<string, unknown>): unknown {
  const { command, rowCount, rows, fields } = result;
  const columns = (fields as readonly { name: string; dataTypeID: number; format: string }[] | undefined)?.map(
    ({ name, dataTypeID, format }) => [name, dataTypeID, format],
  );
  return { command, rowCount, rows, columns };
}

/** What the driver says of a failure; text without numbers of places in the server's source, which are its own. */
async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => ({ unexpected: value }),
    ({ message, code, severity, detail, hint, position, schema, table, column, constraint, where }) => ({
      ...{ message, code, severity, detail, hint, position, schema, table, column, constraint, where },
    }),
  );
}

function digest(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A cursor's rows, so many at a time. */
async function drain(cursor: Cursor, size: number): Promise<{ rows: number; reads: number; sum: number }> {
  const seen = { rows: 0, reads: 0, sum: 0 };
  for (;;) {
    const rows: readonly { n: number }[] = await cursor.read(size);
    seen.reads += 1;
    seen.rows += rows.length;
    for (const { n } of rows) seen.sum += n;
    if (rows.length < size) return seen;
  }
}

/** The exercises by name. */
export const postgresExercises: Readonly<Record<string, PostgresExercise>> = {
  'types as text': async (client) => told((await client.query({ text: TYPES, rowMode: 'array' })) as never),
  'types in binary': async (client) =>
    told((await client.query({ text: TYPES, rowMode: 'array', binary: true, values: [] } as never)) as never),
  'values of every kind': async (client) => {
    const values = [
      1,
      2.5,
      'grün',
      true,
      null,
      new Date(0),
      Buffer.from([0, 255]),
      ['a', null],
      { deep: { er: 1 } },
      10n,
    ];
    const types = ['int4', 'float8', 'text', 'bool', 'text', 'timestamptz', 'bytea', 'text[]', 'jsonb', 'int8'];
    const list = types.map((type, at) => `$${at + 1}::${type} AS v${at}`).join(', ');
    return told((await client.query(`SELECT ${list}`, values)) as never);
  },
  'a named statement, prepared once and used often': async (client) => {
    const query = {
      name: 'often',
      text: 'SELECT $1::int + count(*)::int AS n FROM pg_prepared_statements WHERE name = $2',
    };
    const answers = [];
    for (const n of [1, 2, 3]) answers.push((await client.query({ ...query, values: [n, 'often'] })).rows);
    return [answers, await failure(client.query({ ...query, text: 'SELECT 1', values: [] }))];
  },
  'a statement that is used after its failure': async (client) => {
    const divide = (by: number) => client.query({ name: 'divide', text: 'SELECT 10 / $1::int AS q', values: [by] });
    return [(await divide(2)).rows, await failure(divide(0)), (await divide(5)).rows];
  },
  'a cursor, part by part': async (client) => {
    const cursor = client.query(new Cursor('SELECT n FROM generate_series(1, $1) AS n', [10_001]));
    const seen = await drain(cursor, 1000);
    await cursor.close();
    return [seen, (await client.query('SELECT 1 AS after')).rows];
  },
  'a cursor that is left early': async (client) => {
    const cursor = client.query(new Cursor('SELECT n FROM generate_series(1, 1000000) AS n', []));
    const rows = await cursor.read(3);
    await cursor.close();
    return [rows, (await client.query('SELECT 1 AS after')).rows];
  },
  'many rows': async (client) => {
    const { rows } = await client.query("SELECT n, repeat('x', n % 50) AS t FROM generate_series(1, 100000) AS n");
    return [rows.length, digest(JSON.stringify(rows))];
  },
  'one large value, both ways': async (client) => {
    const large = 'grün '.repeat(4_000_000);
    const { rows } = await client.query('SELECT $1::text AS t, length($1::text) AS n', [large]);
    return [rows[0].n, digest(rows[0].t) === digest(large)];
  },
  'notices and warnings': async (client) => {
    const heard: unknown[] = [];
    client.on('notice', ({ message, code, severity, detail, hint }) =>
      heard.push([message, code, severity, detail, hint]),
    );
    await client.query(
      "DO $$ BEGIN RAISE NOTICE 'one %', 1 USING HINT = 'a hint', DETAIL = 'a detail'; RAISE WARNING 'two'; END $$",
    );
    await client.query('DROP TABLE IF EXISTS there_is_none');
    await client.query('COMMIT');
    return heard;
  },
  'COPY both ways': async (client) => {
    await client.query('CREATE TEMP TABLE copied (n int, t text)');
    const lines = Array.from({ length: 50_000 }, (_, n) => `${n}\tgrün\\t${n}\n`);
    const into = client.query(copyFrom('COPY copied FROM STDIN'));
    await pipeline(Readable.from(lines), into);
    const out = await text(client.query(copyTo('COPY (SELECT * FROM copied ORDER BY n) TO STDOUT')));
    return [into.rowCount, digest(out), digest(lines.join('')) === digest(out)];
  },
  'COPY that the server refuses half way': async (client) => {
    await client.query('CREATE TEMP TABLE refused (n int)');
    const lines = Array.from({ length: 5_000 }, (_, n) => `${n === 4_000 ? 'no number' : n}\n`);
    const refused = await failure(pipeline(Readable.from(lines), client.query(copyFrom('COPY refused FROM STDIN'))));
    return [refused, (await client.query('SELECT count(*) FROM refused')).rows];
  },
  'COPY that the client breaks off': async (client) => {
    await client.query('CREATE TEMP TABLE broken (n int)');
    const into = client.query(copyFrom('COPY broken FROM STDIN'));
    const broken = failure(pipeline(brokenLines(), into));
    return [await broken, (await client.query('SELECT count(*) FROM broken')).rows];
  },
  transactions: async (client) => {
    await client.query('CREATE TEMP TABLE kept (n int PRIMARY KEY)');
    await client.query('BEGIN');
    await client.query('INSERT INTO kept VALUES (1)');
    await client.query('SAVEPOINT here');
    const twice = await failure(client.query('INSERT INTO kept VALUES (1)'));
    const inFailed = await failure(client.query('SELECT 1'));
    await client.query('ROLLBACK TO here');
    await client.query('INSERT INTO kept VALUES (2)');
    await client.query('COMMIT');
    await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY');
    const readOnly = await failure(client.query('CREATE TABLE never (n int)'));
    await client.query('ROLLBACK');
    return [twice, inFailed, readOnly, (await client.query('SELECT * FROM kept ORDER BY n')).rows];
  },
  'failures with all that belongs to them': async (client) => {
    await client.query('CREATE TEMP TABLE strict (n int NOT NULL CHECK (n > 0), CONSTRAINT once UNIQUE (n))');
    const statements = [
      'SELEKT 1',
      'SELECT nothing FROM strict',
      'INSERT INTO strict VALUES (NULL)',
      'INSERT INTO strict VALUES (-1)',
      'INSERT INTO strict VALUES (1), (1)',
      "DO $$ BEGIN RAISE EXCEPTION 'own' USING ERRCODE = 'XY123', HINT = 'h', DETAIL = 'd', COLUMN = 'c'; END $$",
    ];
    const failures = [];
    for (const statement of statements) failures.push(await failure(client.query(statement)));
    return failures;
  },
  'a statement that is cancelled': async (client, place) => {
    const sleeping = failure(client.query('SELECT pg_sleep(60)'));
    await untilAsleep(place, client);
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    await cancel(place, processID, secretKey);
    return [await sleeping, (await client.query('SELECT 1 AS after')).rows];
  },
  'a statement that takes too long for the server': async (client) => {
    await client.query('SET statement_timeout = 50');
    return failure(client.query('SELECT pg_sleep(60)'));
  },
  'LISTEN and NOTIFY': async (client, place) => {
    const heard = Promise.withResolvers<unknown>();
    client.on('notification', ({ channel, payload }) => heard.resolve([channel, payload]));
    await client.query('LISTEN news');
    const other = new Client(place);
    await other.connect();
    await other.query("SELECT pg_notify('news', 'payload grün')");
    await other.end();
    return heard.promise;
  },
  'several statements at once': async (client) => {
    const results = await client.query(
      "SELECT 1 AS a; SELECT 'b' AS b WHERE false; SET application_name = 'x'; SHOW application_name;",
    );
    return (results as unknown as readonly never[]).map(told);
  },
  'several statements, of which one fails': async (client) => {
    await client.query('CREATE TEMP TABLE half (n int)');
    const failed = await failure(client.query('INSERT INTO half VALUES (1); SELECT 1/0; INSERT INTO half VALUES (2)'));
    return [failed, (await client.query('SELECT count(*)::int AS n FROM half')).rows];
  },
  'no statement at all': async (client) => told((await client.query('')) as never),
  'statements sent ahead': async (client) => {
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => client.query('SELECT $1::int AS n', [n])));
    return answers.map(({ rows }) => rows[0].n);
  },
  'settings of the session': async (client) => {
    await client.query("SET TIME ZONE 'America/New_York'; SET datestyle = 'German'; SET client_encoding = 'LATIN1'");
    const { rows } = await client.query(
      "SELECT current_setting('timezone') AS z, now()::date::text ~ '^\\d\\d\\.' AS german, 'grün' AS t",
    );
    return rows;
  },
  'a session that the server ends': async (client) => {
    const ended = new Promise<unknown>((resolve) =>
      client.once('error', ({ message, code }) => resolve([message, code])),
    );
    const failed = failure(client.query('SELECT pg_terminate_backend(pg_backend_pid())'));
    return [await failed, await ended];
  },
  'a pool': async (_client, place) => {
    const pool = new Pool({ ...place, max: 5 });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => pool.query('SELECT $1::int AS n', [n])));
    await pool.end();
    return answers.map(({ rows }) => rows[0].n);
  },
  'who is logged in, and where': async (client) =>
    (await client.query("SELECT current_user, session_user, current_database(), current_setting('is_superuser')")).rows,
};

/** Lines that end in a failure of whoever makes them. */
function brokenLines(): Readable {
  return Readable.from(
    (function* () {
      yield '1\n';
      throw new Error('broken off here');
    })(),
  );
}

/** The statement must have begun, or there is nothing to cancel. */
async function untilAsleep(place: PostgresPlace, client: Client): Promise<void> {
  const { processID } = client as unknown as { processID: number };
  const other = new Client(place);
  await other.connect();
  const look = "SELECT state = 'active' AND query LIKE '%pg_sleep%' AS asleep FROM pg_stat_activity WHERE pid = $1";
  const isAsleep = async (): Promise<boolean> => (await other.query(look, [processID])).rows[0]?.asleep === true;
  await until('it sleeps', { within: 10_000, every: 20 }, async () => needs(await isAsleep(), 'not yet'));
  await other.end();
}

/** Asks for it as drivers do: over a connection of its own. */
async function cancel({ host, port }: PostgresPlace, processId: number, secretKey: number): Promise<void> {
  const request = Buffer.alloc(16);
  for (const [at, value] of [16, 80_877_102, processId, secretKey].entries()) request.writeInt32BE(value, at * 4);
  const socket = connect({ host, port });
  socket.end(request);
  socket.resume();
  await once(socket, 'close');
}
