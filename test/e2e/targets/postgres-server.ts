/** A real PostgreSQL server of the test's own: every way to log in by group of roles, with TLS for who wants it. */

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { makeCertificates, type ServerCertificate } from './certificates.ts';
import { findProgram, freePort, giveTo, makeServiceFolder, runAs, startService } from './service.ts';

/** How a role has to log in: the methods of `pg_hba.conf`. */
export const POSTGRES_AUTHENTICATIONS = ['scram-sha-256', 'md5', 'password', 'trust'] as const;
/** One of them. */
export type PostgresAuthentication = (typeof POSTGRES_AUTHENTICATIONS)[number];

/** A role to make. */
export interface PostgresRole {
  readonly name: string;
  readonly password: string;
  readonly authentication: PostgresAuthentication;
  /** It is let in over TLS only, or without it only; either unless said. */
  readonly tls?: 'required' | 'refused';
}

/** A running server. */
export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** The superuser, who logs in by SCRAM, and his password. */
  readonly user: string;
  readonly password: string;
  readonly certificate: ServerCertificate;
  /** Where its programs are: `psql`, `pgbench`. */
  readonly programs: string;
  /** As the superuser in the database `postgres`. */
  sql(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  addRole(role: PostgresRole): Promise<void>;
  /** What the server has said last. */
  lines(): readonly string[];
  stop(): Promise<void>;
}

const USER = 'postgres';
const INITDB = [
  '/usr/lib/postgresql/*/bin/initdb',
  '/usr/pgsql-*/bin/initdb',
  '/usr/bin/initdb',
  '/usr/local/bin/initdb',
];

/** Why there can be no server here, or undefined. */
export function postgresMissing(): string | undefined {
  if (findProgram(INITDB) === undefined) return 'PostgreSQL is not installed';
  return findProgram(['/usr/bin/setpriv']) === undefined ? 'the command setpriv is not installed' : undefined;
}

/** Starts a server that forgets everything when it stops. */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = dirname(findProgram(INITDB) ?? '');
  const folder = makeServiceFolder('postgres', USER);
  const [data, password] = [join(folder, 'data'), 'sup3r secret of the superuser'];
  writeFileSync(join(folder, 'password'), password);
  giveTo(USER, folder);
  runAs(USER, [
    join(programs, 'initdb'),
    '-D',
    data,
    '-U',
    USER,
    '--no-sync',
    '-A',
    'scram-sha-256',
    '-E',
    'UTF8',
    '--locale=C',
    `--pwfile=${join(folder, 'password')}`,
  ]);
  const certificate = makeCertificates(folder);
  writeFileSync(join(data, 'pg_hba.conf'), hostRules());
  giveTo(USER, folder);
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    max_connections: 200,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    autovacuum: 'off',
    ssl: 'on',
    ssl_cert_file: certificate.certificateFile,
    ssl_key_file: certificate.keyFile,
    ssl_ca_file: certificate.caFile,
  };
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const ready = /database system is ready to accept connections/;
  const service = await startService({
    folder,
    user: USER,
    command: join(programs, 'postgres'),
    args,
    stopSignal: 'SIGQUIT',
    ready,
  });
  const sql: PostgresServer['sql'] = (text, values) =>
    query({ port, user: USER, password, text, values: values ?? [] });
  for (const group of GROUPS) await sql(`CREATE ROLE "${group}"`);
  return {
    host: '127.0.0.1',
    port,
    user: USER,
    password,
    certificate,
    programs,
    sql,
    addRole: (role) => addRole(sql, role),
    lines: () => service.lines(),
    stop: () => service.stop(),
  };
}

const [TLS_REQUIRED, TLS_REFUSED] = ['by tls', 'by plain tcp'];
const GROUPS = [...POSTGRES_AUTHENTICATIONS.map((method) => `by ${method}`), TLS_REQUIRED, TLS_REFUSED];

/** The first line that fits decides. */
function hostRules(): string {
  return [
    `hostnossl all +"${TLS_REQUIRED}" 127.0.0.1/32 reject`,
    `hostssl all +"${TLS_REFUSED}" 127.0.0.1/32 reject`,
    `host all ${USER} 127.0.0.1/32 scram-sha-256`,
    ...POSTGRES_AUTHENTICATIONS.map((method) => `host all +"by ${method}" 127.0.0.1/32 ${method}`),
    '',
  ].join('\n');
}

async function addRole(
  sql: PostgresServer['sql'],
  { name, password, authentication, tls }: PostgresRole,
): Promise<void> {
  const encryption = authentication === 'md5' ? 'md5' : 'scram-sha-256';
  const groups = [
    `by ${authentication}`,
    ...(tls === undefined ? [] : [tls === 'required' ? TLS_REQUIRED : TLS_REFUSED]),
  ];
  await sql(
    `SET password_encryption = '${encryption}';
     CREATE ROLE "${name}" LOGIN PASSWORD '${password.replaceAll("'", "''")}' IN ROLE ${groups.map((group) => `"${group}"`).join(', ')};
     GRANT ALL ON SCHEMA public TO "${name}"`,
  );
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
}): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ ...server, host: '127.0.0.1', database: 'postgres' });
  await client.connect();
  try {
    // Without values it may be several statements.
    const { rows } = values.length === 0 ? await client.query(text) : await client.query(text, [...values]);
    return rows ?? [];
  } finally {
    await client.end();
  }
}
