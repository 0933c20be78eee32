/** What programs do with the `mysql2` driver, one exercise each: the answer is everything the driver told, without what differs from session to session. */

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createConnection as createPlain, type Connection as PlainConnection } from 'mysql2';
import { type Connection, type ConnectionOptions, createConnection, createPool } from 'mysql2/promise';
import { needs, until } from '../../../e2e/harness/until.ts';

/** Where to go, and as whom. */
export type MysqlPlace = Pick<ConnectionOptions, 'host' | 'port' | 'user' | 'password' | 'database'>;

/** One exercise in a session of its own, begun with these options. */
export interface MysqlExercise {
  readonly options?: ConnectionOptions;
  run(connection: Connection, place: MysqlPlace): Promise<unknown>;
}

const TYPES = `CAST(-8 AS SIGNED) a, CAST(18446744073709551615 AS UNSIGNED) b, 1.50 c, 1e300 d, CAST(0.1 AS FLOAT) e, 'grün 🚀' f,
  x'00ff10' g, DATE '2024-02-29' h, TIMESTAMP '2024-02-29 12:34:56.789012' i, TIME '-26:00:01' j, NULL k, '' l, b'101' m,
  JSON_OBJECT('a', JSON_ARRAY(1, NULL)) n, ST_GeomFromText('POINT(1 2)') o, CAST(12345678901234567890.123 AS DECIMAL(30,3)) p, TRUE q`;

interface Column {
  readonly name: string;
  readonly columnType?: number;
  readonly type?: number;
  readonly flags?: unknown;
  readonly characterSet?: number;
}

/** What the driver says of a result. */
async function told(work: Promise<readonly [unknown, unknown]>): Promise<unknown> {
  const [rows, fields] = await work;
  const columns = (fields as readonly Fields[] | undefined)?.map(columnOf);
  return { rows, columns };
}

/** Of several results: one list for each. The driver keeps more in them, such as the bytes as they came. */
type Fields = Column | undefined | readonly Column[];

function columnOf(field: Fields): unknown {
  if (field === undefined) return null;
  if ('map' in field) return field.map(columnOf);
  return [field.name, field.columnType ?? field.type, field.flags, field.characterSet];
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => ({ unexpected: value }),
    ({ message, code, errno, sqlState }) => ({ message, code, errno, sqlState }),
  );
}

function digest(value: string | Buffer): string {
  return createHash('sha256').update(value).digest('hex');
}

const simply = (run: MysqlExercise['run'], options?: ConnectionOptions): MysqlExercise =>
  options === undefined ? { run } : { run, options };

/** The exercises by name. */
export const mysqlExercises: Readonly<Record<string, MysqlExercise>> = {
  'types as text': simply((connection) => told(connection.query(`SELECT ${TYPES}`))),
  'types in binary': simply((connection) => told(connection.execute(`SELECT ${TYPES}`))),
  'types as the driver can shape them': simply((connection) => told(connection.query(`SELECT ${TYPES}`)), {
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    rowsAsArray: true,
    decimalNumbers: true,
  }),
  'values of every kind': simply(async (connection) => {
    const values = [1, 2.5, 'grün', true, null, new Date(0), Buffer.from([0, 255]), { deep: 1 }];
    return told(connection.execute(`SELECT ${values.map((_, at) => `? AS v${at}`).join(', ')}`, values as never));
  }),
  'a statement, prepared once and used often': simply(async (connection) => {
    const statement = await connection.prepare('SELECT ? + 1 AS n');
    const answers = [];
    for (const n of [1, 2, 3]) answers.push((await statement.execute([n]))[0]);
    await statement.close();
    const [after] = await connection.query("SELECT 'after' AS t");
    return [answers, after, await failure(connection.prepare('SELEKT ?'))];
  }),
  'many prepared statements, forgotten by the driver': simply(
    async (connection) => {
      const answers = [];
      for (let n = 0; n < 40; n++) answers.push((await connection.execute(`SELECT ? AS n${n}`, [n]))[0]);
      return answers;
    },
    { maxPreparedStatements: 5 },
  ),
  'rows as they come': simply(async (_connection, place) => {
    const plain = createPlain({ ...place });
    try {
      return await streamed(plain);
    } finally {
      plain.destroy();
    }
  }),
  'many rows': simply(async (connection) => {
    const [rows] = await connection.query("SELECT seq AS n, REPEAT('x', seq % 50) AS t FROM seq_1_to_100000");
    return [(rows as readonly unknown[]).length, digest(JSON.stringify(rows))];
  }),
  'packets of more than 16 MiB, both ways': simply(async (connection) => {
    const large = Buffer.alloc(20 * 1024 * 1024 + 7, 'grün');
    const answers = [];
    for (const bytes of [large, large.subarray(0, 0xff_ff_ff - 24)]) {
      const [rows] = await connection.execute('SELECT b, LENGTH(b) AS n FROM (SELECT ? AS b) AS t', [bytes]);
      const [{ b, n }] = rows as unknown as readonly [{ b: Buffer; n: number }];
      answers.push([n, digest(b) === digest(bytes)]);
    }
    const [text] = await connection.query('SELECT LENGTH(?) AS n', [large.toString('latin1')]);
    return [answers, text, (await connection.query('SELECT 1 AS after'))[0]];
  }),
  'several statements at once': simply(
    (connection) => told(connection.query("SELECT 1 AS a; SELECT 'b' AS b WHERE FALSE; SET @x = 3; SELECT @x AS x")),
    { multipleStatements: true },
  ),
  'several statements where they are not allowed': simply((connection) =>
    failure(connection.query('SELECT 1; SELECT 2')),
  ),
  'several statements, of which one fails': simply(
    async (connection) => [
      await failure(connection.query('SELECT 1 AS a; SELECT nothing; SELECT 2')),
      (await connection.query('SELECT 3 AS after'))[0],
    ],
    { multipleStatements: true },
  ),
  'a procedure with several results': simply(async (connection) => {
    await connection.query('CREATE OR REPLACE PROCEDURE several(n INT) BEGIN SELECT n; SELECT n + 1 AS m, n; END');
    return [await told(connection.query('CALL several(1)')), await told(connection.execute('CALL several(?)', [5]))];
  }),
  'changes, and what is said of them': simply(async (connection) => {
    await connection.query('CREATE TEMPORARY TABLE kept (id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(20))');
    return [
      await told(connection.query("INSERT INTO kept (t) VALUES ('a'), ('b'), ('c')")),
      await told(connection.execute('UPDATE kept SET t = ? WHERE id < ?', ['a', 3])),
      await told(connection.query('DELETE FROM kept WHERE id = 3')),
    ];
  }),
  warnings: simply(async (connection) => [
    await told(connection.query("SELECT CAST('12x' AS SIGNED) AS n")),
    await told(connection.query('SHOW WARNINGS')),
  ]),
  transactions: simply(async (connection) => {
    await connection.query('CREATE TEMPORARY TABLE kept (n INT PRIMARY KEY) ENGINE=InnoDB');
    await connection.beginTransaction();
    await connection.query('INSERT INTO kept VALUES (1)');
    const twice = await failure(connection.query('INSERT INTO kept VALUES (1)'));
    await connection.rollback();
    await connection.beginTransaction();
    await connection.query('INSERT INTO kept VALUES (2)');
    await connection.commit();
    await connection.query('CREATE OR REPLACE TABLE written (n INT) ENGINE=InnoDB');
    await connection.query('START TRANSACTION READ ONLY');
    const readOnly = await failure(connection.query('INSERT INTO written VALUES (1)'));
    await connection.query('ROLLBACK');
    return [twice, readOnly, (await connection.query('SELECT * FROM kept'))[0]];
  }),
  'failures with all that belongs to them': simply(async (connection) => {
    const failures = [];
    for (const statement of ['SELEKT 1', 'SELECT nothing', 'SELECT * FROM there.is_none', 'USE there_is_none'])
      failures.push(await failure(connection.query(statement)), await failure(connection.execute(statement)));
    failures.push(
      await failure(connection.query("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'own grün', MYSQL_ERRNO = 5000")),
    );
    return failures;
  }),
  'characters of another set': simply(
    async (connection) => [
      (await connection.query("SELECT 'grün' AS t, HEX('grün') AS h, @@character_set_client AS c"))[0],
      (await connection.execute('SELECT ? AS t, HEX(?) AS h', ['grün', 'grün']))[0],
    ],
    { charset: 'LATIN1_SWEDISH_CI' },
  ),
  'characters beyond 16 bits': simply(async (connection) => {
    await connection.query('CREATE TEMPORARY TABLE wide (t VARCHAR(10) CHARACTER SET utf8mb4)');
    await connection.execute('INSERT INTO wide VALUES (?)', ['🚀𝄞']);
    return (await connection.query('SELECT t, HEX(t) AS h FROM wide'))[0];
  }),
  'a file that is loaded': simply(async (connection) => {
    await connection.query('CREATE TEMPORARY TABLE loaded (n INT, t VARCHAR(20))');
    const lines = Array.from({ length: 20_000 }, (_, n) => Buffer.from(`${n}\tgrün${n}\n`));
    const sql = "LOAD DATA LOCAL INFILE 'any' INTO TABLE loaded";
    const result = await told(connection.query({ sql, infileStreamFactory: () => Readable.from(lines) }));
    return [result, (await connection.query('SELECT COUNT(*) AS n, SUM(n) AS s FROM loaded'))[0]];
  }),
  'a file that the driver refuses to load': simply(async (connection) => {
    await connection.query('CREATE TEMPORARY TABLE refused (n INT)');
    const refused = await failure(connection.query("LOAD DATA LOCAL INFILE 'any' INTO TABLE refused"));
    return [refused, (await connection.query('SELECT 1 AS after'))[0]];
  }),
  'a statement that is killed': simply(async (connection, place) => {
    const sleeping = failure(connection.query('SELECT SLEEP(61) FROM seq_1_to_10'));
    await killSleeping(place);
    return [await sleeping, (await connection.query('SELECT 1 AS after'))[0]];
  }),
  'a statement that takes too long for the server': simply(async (connection) => {
    await connection.query('SET max_statement_time = 0.05');
    return failure(connection.query('SELECT SLEEP(60) FROM seq_1_to_10'));
  }),
  'statements sent ahead': simply(async (connection) => {
    const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => connection.query('SELECT ? AS n', [n])));
    return answers.map(([rows]) => (rows as unknown as readonly [{ n: string | number }])[0].n);
  }),
  'a ping, and a session made anew': simply(async (connection) => {
    await connection.ping();
    await connection.query('SET @kept = 1');
    await connection.reset();
    return (await connection.query('SELECT @kept AS kept'))[0];
  }),
  'a session that the server ends': simply(async (connection) => {
    connection.on('error', () => undefined);
    const { code, errno, sqlState } = (await failure(connection.query('KILL CONNECTION_ID()'))) as Record<
      string,
      unknown
    >;
    return { code, errno, sqlState };
  }),
  'attributes of the session': simply((connection) => told(connection.query('SELECT 1 AS one')), {
    connectAttributes: { program: 'exercise' },
  }),
  'tables in tables': simply((connection) =>
    told(
      connection.query({ sql: 'SELECT a.n, b.n FROM (SELECT 1 AS n) AS a, (SELECT 2 AS n) AS b', nestTables: true }),
    ),
  ),
  'found rows counted': simply(
    async (connection) => {
      await connection.query('CREATE TEMPORARY TABLE found (n INT)');
      await connection.query('INSERT INTO found VALUES (1), (1)');
      return told(connection.query('UPDATE found SET n = 1'));
    },
    { flags: ['-FOUND_ROWS'] },
  ),
  'compression asked for': simply((connection) => told(connection.query('SELECT 1 AS one')), { compress: true }),
  'a pool': simply(async (_connection, place) => {
    const pool = createPool({ ...place, connectionLimit: 5 });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => pool.execute('SELECT ? AS n', [n])));
    await pool.end();
    return answers.map(([rows]) => rows);
  }),
  'who is logged in, and where': simply((connection) =>
    told(connection.query("SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1) AS u, DATABASE() AS d")),
  ),
};

function streamed(connection: PlainConnection): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const seen = { rows: 0, sum: 0 };
  const stream = connection.query('SELECT seq AS n FROM seq_1_to_50000').stream({ highWaterMark: 10 });
  stream.on('data', ({ n }: { n: number }) => {
    seen.rows += 1;
    seen.sum += n;
  });
  stream.on('end', () => resolve(seen)).on('error', reject);
  return promise;
}

async function killSleeping(place: MysqlPlace): Promise<void> {
  const other = await createConnection({ ...place });
  const look = "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(61)%' AND USER <> ''";
  const id = await until('it sleeps', { within: 10_000, every: 20 }, async () => {
    const [rows] = await other.query(look);
    const [row] = rows as unknown as readonly { ID: number }[];
    needs(row !== undefined, 'not yet');
    return row.ID;
  });
  await other.query(`KILL QUERY ${id}`);
  await other.end();
}
