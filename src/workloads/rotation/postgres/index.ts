/**
 * A role of PostgreSQL: its password, set by itself or by a role that may. The server is sent the SCRAM verifier, never the password, so that no
 * statement log has it (as `\password` of psql does). It is *not* for roles that an outside directory authenticates.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { Client, type ClientConfig, DatabaseError } from 'pg';
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
export const postgres: RotationTarget = { name: 'PostgreSQL role', login, change, renew: renewPassword };

const DATABASE = 'postgres';
/** What PostgreSQL itself uses (`scram_iterations`). */
const ITERATIONS = 4096;

async function login(account: Account, credential: Credential, signal: AbortSignal): Promise<void> {
  await withPostgres({ account, credential, what: 'login', ms: LOGIN_MS, signal }, async () => undefined);
}

async function change({ account, from, to, admin }: TargetChange, signal: AbortSignal): Promise<void> {
  const actor = admin ?? { user: account.user, credential: from ?? to };
  const verifier = scramVerifier(passwordOf(to, account.user));
  const by = { record: account.record, user: actor.user };
  const query = { account: by, credential: actor.credential, what: 'change', ms: CHANGE_MS, signal };
  await withPostgres(query, async (client) => {
    await client.query(
      `ALTER ROLE ${client.escapeIdentifier(account.user)} PASSWORD ${client.escapeLiteral(verifier)}`,
    );
  });
}

/** One login and what is done with it; `what` is for messages. */
export interface PostgresLogin {
  readonly account: Account;
  readonly credential: Credential;
  readonly what: string;
  readonly ms: number;
  readonly signal: AbortSignal;
}

/** Logs in, does the work, logs out. TLS where the server has it; the label `tls` of the record says `require` or `off` where that is not enough. */
export async function withPostgres(work: PostgresLogin, use: (client: Client) => Promise<void>): Promise<void> {
  const wanted = labelOf(work.account.record, 'tls') ?? 'prefer';
  const tls: ClientConfig['ssl'] = wanted === 'off' ? false : { rejectUnauthorized: wanted === 'verify' };
  try {
    await connected(work, tls, use);
  } catch (error) {
    if (wanted !== 'prefer' || !isWithoutTls(error)) throw explain(work, error);
    await connected(work, false, use).catch((again: unknown) => {
      throw explain(work, again);
    });
  }
}

async function connected(
  { account, credential, what, ms, signal }: PostgresLogin,
  ssl: ClientConfig['ssl'],
  use: (client: Client) => Promise<void>,
): Promise<void> {
  const { record, user } = account;
  const place = placeOf(record);
  await bounded({ place, what, ms, signal }, async (onBreak) => {
    const password = passwordOf(credential, user);
    const database = labelOf(record, 'database') ?? DATABASE;
    const client = new Client({ host: record.host, port: record.port, user, password, database, ssl: ssl ?? false });
    // After the end of a query the server may still break the connection off: that is no failure any more.
    client.on('error', () => undefined);
    onBreak(() => void client.end().catch(() => undefined));
    try {
      await client.connect();
      await use(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  });
}

function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && error.message.includes('does not support SSL');
}

/** SQLSTATE classes: PostgreSQL 15, appendix A. */
function explain({ account, what }: PostgresLogin, error: unknown): GatewayError {
  const place = placeOf(account.record);
  if (error instanceof DatabaseError) {
    const said = (error.message ?? '').slice(0, 200);
    if (error.code?.startsWith('28') === true)
      return new GatewayError('credential-refused', `${place} refused the login of ${account.user}: ${said}`);
    if (error.code === '42501')
      return new GatewayError(
        'not-allowed',
        `${place}: ${account.user} may not ${what === 'change' ? 'change this password' : 'see this'}: ${said}`,
      );
    if (error.code === '42704') return new GatewayError('bad-usage', `${place}: ${said}`);
    if (error.code === '22023' || error.code === '22P02')
      return new GatewayError('password-refused', `${place} refused the new password: ${said}`);
    return new GatewayError('target-reset', `${place}: the ${what} failed: ${said} (${error.code ?? 'no code'})`);
  }
  return networkError(place, error);
}

/** What PostgreSQL stores of a password: RFC 5803. */
function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, ITERATIONS, 32, 'sha256');
  const key = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(key('Client Key')).digest();
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored.toString('base64')}:${key('Server Key').toString('base64')}`;
}
