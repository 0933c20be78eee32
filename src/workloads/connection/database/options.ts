/** Pure: what the labels of a record say of how its database is to be reached. Labels are signed with the record, so only admins set them. */
import { GatewayError } from '../../../base/errors.ts';
import type { TargetRecord } from '../../../wire/record.ts';

/** How far TLS towards the database is insisted on. */
export const TLS_MODES = ['disable', 'prefer', 'require', 'verify-full'] as const;
/** One of them. */
export type TlsMode = (typeof TLS_MODES)[number];

/** Options of a record's database. */
export interface DatabaseOptions {
  /**
   * `database.tls`. `disable`: never. `prefer` (default): if the database offers it, unverified. `require`: or no connection, unverified. `verify-full`: with a
   * certificate for the record's host from an authority that is trusted.
   */
  readonly tls: TlsMode;
  /** `database.tls-ca`: file with authorities in PEM, on every worker, that `verify-full` trusts; otherwise those that the runtime trusts. */
  readonly tlsCaFile: string | undefined;
  /** `database.tls-pin`: SHA-256 of the one certificate that is accepted, whatever it is for and whoever issued it: `SHA256:…`, base64. */
  readonly tlsPin: string | undefined;
  /** `database.name`: where the client names none. */
  readonly database: string | undefined;
  /** `database.read-only`, `on` or `off` (default): a guard against mistakes, not against a user who wants to write. */
  readonly readOnly: boolean;
  /** `database.allow-cleartext`, `on` or `off` (default): the password may be sent as it is without TLS, and the key it is encrypted with may come from whoever answers. */
  readonly allowCleartext: boolean;
}

const ON_OFF = ['on', 'off'] as const;
const PIN = /^SHA256:[A-Za-z0-9+/]{43}$/;

/** The options of a record; throws `bad-config` that names the label, for guessing would weaken what an admin wanted. */
export function readDatabaseOptions({ title, labels }: Pick<TargetRecord, 'title' | 'labels'>): DatabaseOptions {
  const label = (key: string): string | undefined => labels.find((one) => one.key === key)?.value;
  const wrong = (key: string, expected: string): GatewayError =>
    new GatewayError('bad-config', `label ${key} of record "${title}" is "${label(key)}"; expected ${expected}`, {
      remedy: 'An admin changes it with pam record edit.',
    });
  const oneOf = <const T extends string>(key: string, words: readonly T[], otherwise: T): T => {
    const value = label(key);
    const found = value === undefined ? otherwise : words.find((word) => word === value);
    if (found === undefined) throw wrong(key, words.join(' or '));
    return found;
  };
  const tlsPin = label('database.tls-pin');
  if (tlsPin !== undefined && !PIN.test(tlsPin)) throw wrong('database.tls-pin', 'SHA256: and 43 characters of base64');
  return {
    tls: oneOf('database.tls', TLS_MODES, tlsPin === undefined ? 'prefer' : 'require'),
    tlsCaFile: label('database.tls-ca'),
    tlsPin,
    database: label('database.name'),
    readOnly: oneOf('database.read-only', ON_OFF, 'off') === 'on',
    allowCleartext: oneOf('database.allow-cleartext', ON_OFF, 'off') === 'on',
  };
}
