import { GatewayError } from '../../base/errors.ts';
import type { Credential } from '../../vault/index.ts';
import type { Complexity } from '../../wire/password-complexity.ts';
import type { TargetRecord } from '../../wire/record.ts';

/** Whom a login is for, and where. */
export interface Account {
  readonly record: TargetRecord;
  /** Login name at the target. */
  readonly user: string;
}

/** One change of a credential at its target. */
export interface TargetChange {
  readonly account: Account;
  /** The credential that is true at the target now, as far as is known; null where only the admin is. */
  readonly from: Credential | null;
  readonly to: Credential;
  /** Who makes the change: null means the account itself, with `from`. */
  readonly admin: { readonly user: string; readonly credential: Credential } | null;
}

/**
 * What can be rotated: one folder each. A target takes no decision about the vault: it logs in, and it changes.
 *
 * Failures of `change` with a code in `NOTHING_CHANGED` promise that the target is as before; after any other one it is unknown, and a login tells.
 * `change` is repeatable: with the same `to` it leaves the target in the same state. Passwords never go into command lines or logs.
 */
export interface RotationTarget {
  readonly name: string;
  /** Logs in for real and out again. Throws `credential-refused` when the target says no, else what kept it from answering. */
  login(account: Account, credential: Credential, signal: AbortSignal): Promise<void>;
  /** How an admin logs in, where that differs. */
  loginAdmin?(account: Account, credential: Credential, signal: AbortSignal): Promise<void>;
  change(change: TargetChange, signal: AbortSignal): Promise<void>;
  /** A new credential for the account, like the old one but for what is rotated. */
  renew(current: Credential, user: string, complexity: Complexity): Credential;
  /** Takes from the target what the old credential still opens, where setting the new one left the old one valid. Repeatable. */
  retire?(
    retire: { readonly account: Account; readonly old: Credential; readonly current: Credential },
    signal: AbortSignal,
  ): Promise<void>;
}

/** After these failures of `change` the target is as it was. */
export const NOTHING_CHANGED: ReadonlySet<string> = new Set([
  'target-refused',
  'target-unreachable',
  'credential-refused',
  'credential-missing',
  'password-refused',
  'not-supported',
  'not-allowed',
  'bad-usage',
]);

/** Longest that one login may take, and one change. Raising it makes a hanging target hold the record longer. */
export const LOGIN_MS = 8_000;
/** See LOGIN_MS. */
export const CHANGE_MS = 30_000;

/** The credential's password; throws `credential-missing`. */
export function passwordOf(credential: Credential, whose: string): string {
  if (credential.password === null)
    throw new GatewayError('credential-missing', `the credential of ${whose} has no password`);
  return credential.password.reveal();
}

/** The value of a record's label. */
export function labelOf({ labels }: TargetRecord, key: string): string | undefined {
  return labels.find((label) => label.key === key)?.value;
}

/** `host:port`, for messages. */
export function placeOf({ host, port }: TargetRecord): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
