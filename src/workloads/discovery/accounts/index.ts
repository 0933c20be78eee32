/**
 * Accounts: what a machine, a database or a directory tells whoever is logged in there. The login is that of one record, for which the caller has permission;
 * nothing is changed, and no secret is read, nor what a secret is checked by.
 */
import { GatewayError } from '../../../base/errors.ts';
import type { Credential, Vault } from '../../../vault/index.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { lookAtDirectory } from './directory.ts';
import type { Inventory, Look } from './inventory.ts';
import { lookAtLinux } from './linux.ts';
import { lookAtMysql } from './mysql.ts';
import { lookAtPostgres } from './postgres.ts';

export type { FoundAccount, Inventory } from './inventory.ts';

/** What a record's protocol means here. Adding one: its file, and a line here. */
const BY_PROTOCOL: Readonly<Record<string, (look: Look) => Promise<Inventory>>> = {
  ssh: lookAtLinux,
  postgres: lookAtPostgres,
  mysql: lookAtMysql,
  mariadb: lookAtMysql,
  ldap: lookAtDirectory,
  ldaps: lookAtDirectory,
};

/** Looks around a record's target with its own credential. Throws `not-supported`, `credential-missing`, and what a login throws. */
export async function lookAround(record: TargetRecord, vault: Vault, signal: AbortSignal): Promise<Inventory> {
  const look = BY_PROTOCOL[record.protocol];
  if (look === undefined)
    throw new GatewayError(
      'not-supported',
      `accounts of protocol "${record.protocol}" cannot be discovered; those of ${Object.keys(BY_PROTOCOL).join(', ')} can`,
    );
  const credentials = await activeCredentials(record, vault, signal);
  for (const [index, credential] of credentials.entries()) {
    const user = credential.user ?? record.user;
    if (user === null) throw new GatewayError('credential-missing', `record "${record.title}" names no user`);
    try {
      return await look({ account: { record, user }, credential, signal });
    } catch (error) {
      const isRefused = error instanceof GatewayError && error.code === 'credential-refused';
      if (!isRefused || index === credentials.length - 1) throw error;
    }
  }
  throw new GatewayError('credential-missing', `record "${record.title}" has no credential in the vault`, {
    remedy: `Give it one: pam record edit ${record.recordId} --password-stdin`,
  });
}

/** Usually one. Where two claim to be it, or one is being changed, a login tells: those in force first. */
async function activeCredentials(
  { recordId }: TargetRecord,
  vault: Vault,
  signal: AbortSignal,
): Promise<readonly Credential[]> {
  const { versions } = await vault.read(recordId, signal);
  const inState = (wanted: string): readonly Credential[] =>
    versions.filter(({ state }) => state === wanted).map(({ credential }) => credential);
  return [...inState('active'), ...inState('pending')];
}
