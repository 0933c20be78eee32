/**
 * A user of a directory, named by its DN: the password, set by itself or by an entry that may. OpenLDAP and its kin by Password Modify (RFC 3062), so
 * that the server hashes it by its own policy; Active Directory (label `directory` = `active-directory`) by `unicodePwd`, which it takes over TLS only.
 */
import { Attribute, Change, Client, ResultCodeError } from 'ldapts';
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
import { encodePasswordModify, PASSWORD_MODIFY } from './password-modify.ts';

/** The target. */
export const ldap: RotationTarget = { name: 'directory user', login, change, renew: renewPassword };

const LDAPS_PORT = 636;

/** One login and what is done with it; `what` is for messages. */
export interface DirectoryLogin {
  readonly account: Account;
  readonly credential: Credential;
  readonly what: string;
  readonly ms: number;
  readonly signal: AbortSignal;
}

async function login(account: Account, credential: Credential, signal: AbortSignal): Promise<void> {
  await withDirectory({ account, credential, what: 'login', ms: LOGIN_MS, signal }, async () => undefined);
}

async function change({ account, from, to, admin }: TargetChange, signal: AbortSignal): Promise<void> {
  const actor = admin ?? { user: account.user, credential: from ?? to };
  const by = { record: account.record, user: actor.user };
  const newPassword = passwordOf(to, account.user);
  const oldPassword = admin === null ? passwordOf(actor.credential, account.user) : null;
  const work = { account: by, credential: actor.credential, what: 'change', ms: CHANGE_MS, signal };
  const isActiveDirectory = labelOf(account.record, 'directory') === 'active-directory';
  await withDirectory(work, async (client) => {
    if (isActiveDirectory) return client.modify(account.user, unicodeChanges(oldPassword, newPassword));
    await client.exop(PASSWORD_MODIFY, encodePasswordModify({ userIdentity: account.user, oldPassword, newPassword }));
  });
}

/** MS-ADTS 3.1.1.3.1.5: the quoted password in UTF-16; oneself deletes the old value and adds the new one, an admin replaces it. */
function unicodeChanges(oldPassword: string | null, newPassword: string): Change[] {
  const attribute = (password: string): Attribute =>
    new Attribute({ type: 'unicodePwd', values: [Buffer.from(`"${password}"`, 'utf16le')] });
  if (oldPassword === null) return [new Change({ operation: 'replace', modification: attribute(newPassword) })];
  return [
    new Change({ operation: 'delete', modification: attribute(oldPassword) }),
    new Change({ operation: 'add', modification: attribute(newPassword) }),
  ];
}

/** Binds, does the work, unbinds. */
export async function withDirectory(work: DirectoryLogin, use: (client: Client) => Promise<void>): Promise<void> {
  const { account, credential, what, ms, signal } = work;
  const { record, user } = account;
  const password = passwordOf(credential, user);
  const wanted = labelOf(record, 'tls') ?? (record.port === LDAPS_PORT ? 'require' : 'off');
  const tlsOptions = { rejectUnauthorized: wanted === 'verify' };
  const host = record.host.includes(':') ? `[${record.host}]` : record.host;
  const scheme = record.port === LDAPS_PORT ? 'ldaps' : 'ldap';
  try {
    await bounded({ place: placeOf(record), what, ms, signal }, async (onBreak) => {
      const client = new Client({
        url: `${scheme}://${host}:${record.port}`,
        timeout: ms,
        connectTimeout: ms,
        ...(scheme === 'ldaps' && { tlsOptions }),
      });
      onBreak(() => void client.unbind().catch(() => undefined));
      try {
        if (scheme === 'ldap' && wanted !== 'off') await client.startTLS(tlsOptions);
        // An empty password would be an anonymous bind, which succeeds for any name (RFC 4513 §5.1.2).
        if (password === '') throw new GatewayError('credential-missing', `the password of ${user} is empty`);
        await client.bind(user, password);
        await use(client);
      } finally {
        await client.unbind().catch(() => undefined);
      }
    });
  } catch (error) {
    throw explain(work, error);
  }
}

/** LDAP result codes: RFC 4511, appendix A. */
const [INVALID_CREDENTIALS, INSUFFICIENT_ACCESS, CONSTRAINT_VIOLATION, UNWILLING, NO_SUCH_OBJECT] = [
  49, 50, 19, 53, 32,
];

function explain({ account, what }: DirectoryLogin, error: unknown): GatewayError {
  const place = placeOf(account.record);
  if (!(error instanceof ResultCodeError)) return networkError(place, error);
  const said = error.message.slice(0, 200);
  switch (error.code) {
    case INVALID_CREDENTIALS:
      return new GatewayError('credential-refused', `${place} refused the login of ${account.user}: ${said}`);
    case INSUFFICIENT_ACCESS:
      return new GatewayError(
        'not-allowed',
        `${place}: ${account.user} may not ${what === 'change' ? 'change this password' : 'see this'}: ${said}`,
      );
    case CONSTRAINT_VIOLATION:
      return new GatewayError('password-refused', `${place} refused the new password: ${said}`);
    case UNWILLING:
      return what === 'login'
        ? new GatewayError('credential-refused', `${place} is not willing to let ${account.user} in: ${said}`)
        : new GatewayError('password-refused', `${place} is not willing to set the new password: ${said}`);
    case NO_SUCH_OBJECT:
      return new GatewayError('bad-usage', `${place} has no such entry: ${said}`);
    default:
      return new GatewayError('target-reset', `${place}: the ${what} failed: ${said} (LDAP result ${error.code})`);
  }
}
