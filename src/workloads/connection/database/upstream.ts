import type { Socket } from 'node:net';
import { GatewayError } from '../../../base/errors.ts';
import type { Credential } from '../../../vault/index.ts';
import type { DatabaseOptions } from './options.ts';

/** What logging in to a database takes. */
export interface LoginInit {
  /** Connected, paused. */
  readonly socket: Socket;
  readonly host: string;
  readonly user: string;
  readonly credential: Credential;
  readonly options: DatabaseOptions;
  /** The time for logging in, and the session's own end. */
  readonly signal: AbortSignal;
}

/**
 * Throws `credential-refused` where a password that is sent as it is would be seen by whoever listens. Against whoever stands in between and pretends to be the
 * database only `verify-full` helps.
 */
export function assertMaySendCleartext(
  isEncrypted: boolean,
  { allowCleartext }: Pick<DatabaseOptions, 'allowCleartext'>,
): void {
  if (isEncrypted || allowCleartext) return;
  throw new GatewayError(
    'credential-refused',
    'the database asks for the password as it is, and the way to it is not encrypted',
    {
      remedy:
        'Turn TLS on at the database, or give the record the label database.allow-cleartext=on to send it all the same.',
    },
  );
}

/** The password; throws `credential-missing` where there is none. */
export function passwordOf({ password }: Credential): string {
  if (password !== null) return password.reveal();
  throw new GatewayError('credential-missing', 'the database asks for a password and the record has none', {
    remedy: 'pam record edit RECORD --password-stdin sets it.',
  });
}

/** Everything until both sides are logged in must be done by then. Raising it lets silent clients hold a worker's memory for longer. */
export const LOGIN_MS = 30_000;
