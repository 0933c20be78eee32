import { GatewayError } from '../../../base/errors.ts';
import type { Credential, Vault } from '../../../vault/index.ts';
import type { TargetRecord } from '../../../wire/record.ts';

/** A credential, and the name to log in with. */
export interface Login {
  readonly user: string;
  readonly credential: Credential;
}

/** Versions that are tried: more would look like guessing to the database, and lock accounts. */
const LOGINS_MAX = 3;

/**
 * What to log in with, the likeliest first: usually one. A second one exists in a conflict and while a rotation is under way, when nobody can say yet which is true.
 * Throws `credential-missing`, and what the vault throws.
 */
export async function findLogins(vault: Vault, record: TargetRecord, signal: AbortSignal): Promise<readonly Login[]> {
  const { versions } = await vault.read(record.recordId, signal);
  const logins = versions
    .filter(({ state }) => state !== 'previous')
    .slice(0, LOGINS_MAX)
    .flatMap(({ credential }) => {
      const user = credential.user ?? record.user;
      return user === null ? [] : [{ user, credential }];
    });
  if (logins.length > 0) return logins;
  const lacks = versions.length === 0 ? 'holds no credential' : 'names no user to log in as';
  throw new GatewayError('credential-missing', `record "${record.title}" ${lacks}`, {
    remedy: `pam record edit ${record.recordId} --user USER --password-stdin`,
  });
}

/** The first that works; throws what the first one met. Only a refusal is a reason to try the next. */
export async function logInWith<T>(logins: readonly Login[], attempt: (login: Login) => Promise<T>): Promise<T> {
  let refused: unknown;
  for (const login of logins) {
    try {
      return await attempt(login);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'credential-refused') throw error;
      refused ??= error;
    }
  }
  throw refused;
}
