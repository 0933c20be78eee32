/**
 * An account of MySQL or MariaDB: its password, set by itself or by an account that may. An admin changes all hosts of the name alike.
 * It is *not* for accounts that an outside plugin authenticates.
 */
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { GatewayError } from '../../../base/errors.ts';
import type { Credential } from '../../../vault/index.ts';
import { bounded, networkError } from '../network-error.ts';
import { renewPassword } from '../renew-password.ts';
import {
  type Account,
  CHANGE_MS,
  LOGIN_MS,
  labelOf,
  passwordOf,
  placeOf,
  type RotationTarget,
  type TargetChange,
} from '../target.ts';

/** The target. */
export const mysql: RotationTarget = { name: 'MySQL account', login, change, renew: renewPassword };

/** Hosts of one name that are changed together. */
const HOSTS_MAX = 100;

/** One login and what is done with it; `what` is for messages. */
export interface MysqlLogin {
  readonly account: Account;
  readonly credential: Credential;
  readonly what: string;
  readonly ms: number;
  readonly signal: AbortSignal;
}

async function login(account: Account, credential: Credential, signal: AbortSignal): Promise<void> {
  await withMysql({ account, credential, what: 'login', ms: LOGIN_MS, signal }, async () => undefined);
}

async function change({ account, from, to, admin }: TargetChange, signal: AbortSignal): Promise<void> {
  const actor = admin ?? { user: account.user, credential: from ?? to };
  const password = passwordOf(to, account.user);
  const by = { record: account.record, user: actor.user };
  const work = { account: by, credential: actor.credential, what: 'change', ms: CHANGE_MS, signal };
  await withMysql(work, async (connection) => {
    if (admin === null) await changeOwn(connection, password);
    else await changeOther(connection, account.user, password);
  });
}

/** MariaDB lets an account change itself by SET PASSWORD only, MySQL 8 by ALTER USER. */
async function changeOwn(connection: Connection, password: string): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
  const isMariadb = String(rows[0]?.['version']).includes('MariaDB');
  await connection.query(isMariadb ? 'SET PASSWORD = PASSWORD(?)' : 'ALTER USER USER() IDENTIFIED BY ?', [password]);
}

async function changeOther(connection: Connection, user: string, password: string): Promise<void> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT Host AS host FROM mysql.user WHERE User = ?', [user]);
  if (rows.length === 0 || rows.length > HOSTS_MAX)
    throw new GatewayError(
      'bad-usage',
      `${rows.length} accounts are called "${user}"; 1 to ${HOSTS_MAX} can be rotated`,
    );
  const list = rows.map(() => '?@? IDENTIFIED BY ?').join(', ');
  await connection.query(
    `ALTER USER ${list}`,
    rows.flatMap(({ host }) => [user, String(host), password]),
  );
}

/** Logs in, does the work, logs out. TLS where the server has it; the label `tls` of the record says `require`, `verify` or `off` where that is not enough. */
export async function withMysql(work: MysqlLogin, use: (connection: Connection) => Promise<void>): Promise<void> {
  const wanted = labelOf(work.account.record, 'tls') ?? 'prefer';
  const tls = wanted === 'off' ? undefined : { rejectUnauthorized: wanted === 'verify' };
  try {
    await connected(work, tls, use);
  } catch (error) {
    if (wanted !== 'prefer' || codeOf(error) !== 'HANDSHAKE_NO_SSL_SUPPORT') throw explain(work, error);
    await connected(work, undefined, use).catch((again: unknown) => {
      throw explain(work, again);
    });
  }
}

async function connected(
  { account, credential, what, ms, signal }: MysqlLogin,
  ssl: { readonly rejectUnauthorized: boolean } | undefined,
  use: (connection: Connection) => Promise<void>,
): Promise<void> {
  const { record, user } = account;
  await bounded({ place: placeOf(record), what, ms, signal }, async (onBreak) => {
    const password = passwordOf(credential, user);
    const { host, port } = record;
    const opening = createConnection({ host, port, user, password, connectTimeout: ms, ...(ssl && { ssl }) });
    onBreak(() => void opening.then((connection) => connection.destroy()).catch(() => undefined));
    const connection = await opening;
    onBreak(() => connection.destroy());
    try {
      await use(connection);
      await connection.end();
    } finally {
      connection.destroy();
    }
  });
}

const REFUSED = new Set(['ER_ACCESS_DENIED_ERROR', 'ER_ACCESS_DENIED_NO_PASSWORD_ERROR', 'ER_ACCOUNT_HAS_BEEN_LOCKED']);
const FORBIDDEN = new Set([
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
]);

function explain({ account, what }: MysqlLogin, error: unknown): GatewayError {
  const place = placeOf(account.record);
  const code = codeOf(error);
  const said = error instanceof Error ? error.message.slice(0, 200) : '';
  if (REFUSED.has(code))
    return new GatewayError('credential-refused', `${place} refused the login of ${account.user}: ${said}`);
  if (FORBIDDEN.has(code))
    return new GatewayError(
      'not-allowed',
      `${place}: ${account.user} may not ${what === 'change' ? 'change this password' : 'see this'}: ${said}`,
    );
  if (code === 'ER_NOT_VALID_PASSWORD')
    return new GatewayError('password-refused', `${place} refused the new password: ${said}`);
  if (code.startsWith('ER_'))
    return new GatewayError('target-reset', `${place}: the ${what} failed: ${said} (${code})`);
  return networkError(place, error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
