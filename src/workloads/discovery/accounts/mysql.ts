import type { Connection, RowDataPacket } from 'mysql2/promise';
import { withMysql } from '../../rotation/mysql/index.ts';
import {
  detailOf,
  type FoundAccount,
  type Inventory,
  LISTED_MAX,
  LOOK_MS,
  type Look,
  listed,
  plain,
} from './inventory.ts';

/** What is asked about accounts where the server knows it: MySQL and MariaDB differ, and neither is asked for a hash. */
const COLUMNS = ['Super_priv', 'Grant_priv', 'plugin', 'account_locked', 'password_expired', 'is_role'] as const;
/** What the servers keep for themselves. */
const OWN_DATABASES: ReadonlySet<string> = new Set(['information_schema', 'performance_schema', 'mysql', 'sys']);

type Row = RowDataPacket & Readonly<Record<string, unknown>>;

/** Accounts and databases of MySQL or MariaDB. */
export async function lookAtMysql({ account, credential, signal }: Look): Promise<Inventory> {
  const found = Promise.withResolvers<Inventory>();
  await withMysql({ account, credential, what: 'inventory', ms: LOOK_MS, signal }, async (connection) => {
    const [version] = await connection.query<Row[]>('SELECT VERSION() AS version');
    const [databases] = await connection.query<Row[]>('SHOW DATABASES');
    const names = databases.map((row) => plain(Object.values(row)[0])).filter((name) => !OWN_DATABASES.has(name));
    const rows = (await accountRows(connection)).filter(({ is_role: isRole }) => isRole !== 'Y');
    const [accounts, kept] = [
      listed([...byLogin(rows).values()].map(accountOf), 'accounts'),
      listed(names, 'databases'),
    ];
    found.resolve({
      version: plain(version[0]?.['version'], 60) || null,
      system: null,
      accounts: accounts.kept,
      databases: kept.kept,
      machines: [],
      notes: [...accounts.notes, ...kept.notes],
    });
  });
  return found.promise;
}

async function accountRows(connection: Connection): Promise<readonly Row[]> {
  const [known] = await connection.query<Row[]>('SHOW COLUMNS FROM mysql.user');
  const names = known.map((row) => String(row['Field']));
  const wanted = COLUMNS.filter((column) => names.includes(column)).map((column) => `, \`${column}\``);
  const [rows] = await connection.query<Row[]>(
    `SELECT User AS login, Host AS host${wanted.join('')} FROM mysql.user WHERE User <> '' ORDER BY User, Host LIMIT ${LISTED_MAX * 2}`,
  );
  return rows;
}

/** One login name may come from several hosts, each with rights of its own: a credential is that of the name. */
function byLogin(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const grouped = new Map<string, Row[]>();
  for (const row of rows) {
    const login = String(row['login']);
    grouped.set(login, [...(grouped.get(login) ?? []), row]);
  }
  return grouped;
}

function accountOf(rows: readonly Row[]): FoundAccount {
  const some = (column: string): boolean => rows.some((row) => row[column] === 'Y');
  const every = (column: string): boolean => rows.every((row) => row[column] === 'Y');
  const plugins = [...new Set(rows.map((row) => plain(row['plugin'], 60)).filter((name) => name !== ''))];
  return {
    login: plain(rows[0]?.['login'], 128),
    distinguishedName: null,
    admin: some('Super_priv') || some('Grant_priv'),
    active: !every('account_locked'),
    detail: detailOf([
      `from ${rows.map((row) => plain(row['host'], 60)).join(' ')}`,
      some('Super_priv') && 'SUPER',
      some('Grant_priv') && 'GRANT OPTION',
      every('account_locked') && 'locked',
      every('password_expired') && 'password expired',
      plugins.length > 0 && plugins.join(' '),
    ]),
  };
}
