/** The drivers `pg` and `mysql2` through the gateway do what they do without it: each exercise runs at the server's own port and at the tunnel's, and what the driver told must be the same. */

import { type Connection, createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MariadbServer, mariadbMissing, startMariadb } from '../../../e2e/targets/mariadb-server.ts';
import { type PostgresServer, postgresMissing, startPostgres } from '../../../e2e/targets/postgres-server.ts';
import { DatabaseWorld, portOf } from '../database-world.ts';
import { type MysqlPlace, mysqlExercises } from './mysql-exercises.ts';
import { type PostgresPlace, postgresExercises } from './postgres-exercises.ts';

const PASSWORD = 'known to the gateway alone';
const SESSIONS = 100;
const PATIENTLY = { timeout: 90_000 };

/** The same in both places: one after the other, since an exercise may ask what others do. */
async function inBoth<P>(places: readonly P[], work: (place: P) => Promise<unknown>): Promise<readonly unknown[]> {
  const answers = [];
  for (const place of places) answers.push(await work(place));
  return answers;
}

describe.skipIf(postgresMissing() !== undefined)('pg', () => {
  let server: PostgresServer;
  let world: DatabaseWorld;
  let direct: PostgresPlace;
  let through: PostgresPlace;

  beforeAll(async () => {
    [server, world] = await Promise.all([startPostgres(), DatabaseWorld.start()]);
    await server.addRole({ name: 'app', password: PASSWORD, authentication: 'scram-sha-256' });
    const tunnel = await world.open({
      title: 'main',
      protocol: 'postgres',
      port: server.port,
      user: 'app',
      password: PASSWORD,
    });
    direct = { host: '127.0.0.1', port: server.port, user: 'app', password: PASSWORD, database: 'postgres' };
    through = { host: '127.0.0.1', port: portOf(tunnel), user: 'nobody', database: 'postgres' };
  }, 60_000);
  afterAll(async () => {
    await world?.stop();
    await server?.stop();
  });

  async function session<T>(place: PostgresPlace, work: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client(place);
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  it.each(Object.entries(postgresExercises))('%s', PATIENTLY, async (_, exercise) => {
    const run = (place: PostgresPlace) => session(place, (client) => exercise(client, place));
    const [expected, actual] = await inBoth([direct, through], run);
    expect(actual).toEqual(expected);
    expect(expected).toBeDefined();
  });

  it(`${SESSIONS} sessions at once`, PATIENTLY, async () => {
    const clients = Array.from({ length: SESSIONS }, () => new Client(through));
    await Promise.all(clients.map((client) => client.connect()));
    const answers = await Promise.all(clients.map((client, n) => client.query('SELECT $1::int AS n', [n])));
    expect(answers.map(({ rows }) => rows[0].n)).toEqual(clients.map((_, n) => n));
    await Promise.all(clients.map((client) => client.end()));
  });

  it('is told politely that there is no TLS on the way to the gateway, which is encrypted already', async () => {
    const client = new Client({ ...through, ssl: { rejectUnauthorized: false } });
    await expect(client.connect()).rejects.toThrow('The server does not support SSL connections');
  });
});

describe.skipIf(mariadbMissing() !== undefined)('mysql2', () => {
  let server: MariadbServer;
  let world: DatabaseWorld;
  let direct: MysqlPlace;
  let through: MysqlPlace;

  beforeAll(async () => {
    [server, world] = await Promise.all([startMariadb(), DatabaseWorld.start()]);
    await server.addUser({ name: 'app', password: PASSWORD });
    const tunnel = await world.open({
      title: 'main',
      protocol: 'mysql',
      port: server.port,
      user: 'app',
      password: PASSWORD,
    });
    direct = { host: '127.0.0.1', port: server.port, user: 'app', password: PASSWORD, database: 'test' };
    through = { host: '127.0.0.1', port: portOf(tunnel), user: 'nobody', database: 'test' };
  }, 60_000);
  afterAll(async () => {
    await world?.stop();
    await server?.stop();
  });

  async function session<T>(settings: MysqlPlace, work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await createConnection(settings);
    try {
      return await work(connection);
    } finally {
      connection.destroy();
    }
  }

  it.each(Object.entries(mysqlExercises))('%s', PATIENTLY, async (_, { run, options }) => {
    const exercise = (place: MysqlPlace) => session({ ...options, ...place }, (connection) => run(connection, place));
    const [expected, actual] = await inBoth([direct, through], exercise);
    expect(actual).toEqual(expected);
    expect(expected).toBeDefined();
  });

  it(`${SESSIONS} sessions at once`, PATIENTLY, async () => {
    const connections = await Promise.all(Array.from({ length: SESSIONS }, () => createConnection({ ...through })));
    const answers = await Promise.all(connections.map((connection, n) => connection.execute('SELECT ? AS n', [n])));
    expect(answers.map(([rows]) => rows)).toEqual(connections.map((_, n) => [{ n }]));
    for (const connection of connections) await connection.end();
  });

  it('is told politely that there is no TLS on the way to the gateway, which is encrypted already', async () => {
    const refused = createConnection({ ...through, ssl: { rejectUnauthorized: false } });
    await expect(refused).rejects.toThrow('Server does not support secure connection');
  });
});
