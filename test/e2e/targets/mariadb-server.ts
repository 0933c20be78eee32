/** A real MariaDB server of the test's own. */

import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { makeCertificates, type ServerCertificate } from './certificates.ts';
import { findProgram, freePort, giveTo, makeServiceFolder, runAs, startService } from './service.ts';

/** A running server. */
export interface MariadbServer {
  readonly host: string;
  readonly port: number;
  /** Who may do everything, and his password. */
  readonly user: string;
  readonly password: string;
  readonly certificate: ServerCertificate;
  /** As that user, one statement at a time or several. */
  sql(text: string, values?: readonly unknown[]): Promise<unknown>;
  /** `mysql_native_password`; let in over TLS only where it is required. May do everything in the database `test`. */
  addUser(user: { readonly name: string; readonly password: string; readonly tls?: 'required' }): Promise<void>;
  /** What the server has said last. */
  lines(): readonly string[];
  stop(): Promise<void>;
}

const USER = 'mysql';
const SERVER = ['/usr/sbin/mariadbd', '/usr/libexec/mariadbd', '/usr/local/sbin/mariadbd'];
const INSTALL = ['/usr/bin/mariadb-install-db', '/usr/local/bin/mariadb-install-db'];

/** Why there can be no server here, or undefined. */
export function mariadbMissing(): string | undefined {
  if (findProgram(SERVER) === undefined || findProgram(INSTALL) === undefined) return 'MariaDB is not installed';
  return findProgram(['/usr/bin/setpriv']) === undefined ? 'the command setpriv is not installed' : undefined;
}

/** Starts a server that forgets everything when it stops. Makes the database `test`. */
export async function startMariadb(): Promise<MariadbServer> {
  const folder = makeServiceFolder('mariadb', USER);
  const [data, user, password] = [join(folder, 'data'), 'admin', 'sup3r secret of the admin'];
  const install = [
    '--no-defaults',
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
  ];
  runAs(USER, [findProgram(INSTALL) ?? '', ...install]);
  const certificate = makeCertificates(folder);
  giveTo(USER, folder);
  const port = await freePort();
  const settings = {
    datadir: data,
    port,
    'bind-address': '127.0.0.1',
    socket: join(folder, 'socket'),
    'pid-file': join(folder, 'pid'),
    tmpdir: folder,
    'ssl-ca': certificate.caFile,
    'ssl-cert': certificate.certificateFile,
    'ssl-key': certificate.keyFile,
    'local-infile': 1,
    'max-allowed-packet': '64M',
    'innodb-flush-log-at-trx-commit': 0,
    'innodb-buffer-pool-size': '64M',
    'innodb-log-file-size': '16M',
  };
  const args = [
    '--no-defaults',
    '--skip-name-resolve',
    ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
  ];
  const service = await startService({
    folder,
    user: USER,
    command: findProgram(SERVER) ?? '',
    args,
    stopSignal: 'SIGTERM',
    ready: /ready for connections/,
  });
  // Until now root has no password and is only reached from this machine.
  await query({
    port,
    user: 'root',
    password: '',
    text: `CREATE USER ${user}@'%' IDENTIFIED BY ?; GRANT ALL ON *.* TO ${user}@'%' WITH GRANT OPTION; DROP USER root@localhost; CREATE DATABASE test`,
    values: [password],
  });
  const sql: MariadbServer['sql'] = (text, values) => query({ port, user, password, text, values: values ?? [] });
  return {
    host: '127.0.0.1',
    port,
    user,
    password,
    certificate,
    sql,
    addUser: async ({ name, tls, ...added }) => {
      const require = tls === undefined ? '' : ' REQUIRE SSL';
      await sql(`CREATE USER ?@'%' IDENTIFIED BY ?${require}; GRANT ALL ON test.* TO ?@'%'`, [
        name,
        added.password,
        name,
      ]);
    },
    lines: () => service.lines(),
    stop: () => service.stop(),
  };
}

async function query({
  text,
  values,
  ...server
}: {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly text: string;
  readonly values: readonly unknown[];
}): Promise<unknown> {
  const connection = await createConnection({ ...server, host: '127.0.0.1', multipleStatements: true });
  try {
    const [rows] = await connection.query(text, [...values]);
    return rows;
  } finally {
    await connection.end();
  }
}
