import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { mariadbMissing, startMariadb } from './mariadb-server.ts';
import { POSTGRES_AUTHENTICATIONS, postgresMissing, startPostgres } from './postgres-server.ts';

describe.skipIf(postgresMissing() !== undefined)('the PostgreSQL server of the tests', () => {
  it('lets each role in by its own method, and only so', async () => {
    const server = await startPostgres();
    try {
      for (const authentication of POSTGRES_AUTHENTICATIONS) {
        await server.addRole({ name: authentication, password: 'right', authentication, tls: 'required' });
        const login = { host: server.host, port: server.port, user: authentication, database: 'postgres' };
        const ssl = { ca: server.certificate.ca };
        const client = new Client({ ...login, password: 'right', ssl });
        await client.connect();
        await expect(client.query('SELECT current_user')).resolves.toMatchObject({
          rows: [{ current_user: authentication }],
        });
        await client.end();
        if (authentication !== 'trust') {
          const wrong = new Client({ ...login, password: 'wrong', ssl }).connect();
          await expect(wrong).rejects.toThrow('password authentication failed');
        }
        await expect(new Client({ ...login, password: 'right' }).connect()).rejects.toThrow(
          'pg_hba.conf rejects connection',
        );
      }
    } finally {
      await server.stop();
    }
  });
});

describe.skipIf(mariadbMissing() !== undefined)('the MariaDB server of the tests', () => {
  it('knows its users', async () => {
    const server = await startMariadb();
    try {
      await server.addUser({ name: 'shop', password: "it's mine" });
      await expect(server.sql('SELECT user FROM mysql.user WHERE user = ?', ['shop'])).resolves.toEqual([
        { User: 'shop' },
      ]);
    } finally {
      await server.stop();
    }
  });
});
