/**
 * PostgreSQL: the gateway logs in with the record's credential, then passes bytes. It speaks the protocol itself only until both sides are logged in, and to
 * tell the client why a session ends; in between it looks on. It does *not* understand SQL.
 *
 * Invariants: the client needs no password and never gets one; the database's session key is passed on as it is, so that a request to cancel works through
 * any worker.
 *
 * Source: PostgreSQL 15 documentation, chapter 55 "Frontend/Backend Protocol".
 */
import type { GatewayError } from '../../../base/errors.ts';
import type { Session, SessionChannel } from '../../workload.ts';
import { ByteReader, clientSource } from '../database/byte-reader.ts';
import { findLogins, logInWith } from '../database/credentials.ts';
import { findReadOnlySwitch } from '../database/guard.ts';
import { readDatabaseOptions } from '../database/options.ts';
import { type Begun, type DatabaseClient, runDatabase } from '../database/run-database.ts';
import { LOGIN_MS } from '../database/upstream.ts';
import type { ConnectionProtocol } from '../index.ts';
import type { Ending } from '../outcome.ts';
import { passCancel } from './cancel.ts';
import { connectAs } from './connect.ts';
import { LoginRefused } from './login.ts';
import { encodeFatal, encodeMessage } from './messages.ts';
import { readBeginning } from './startup.ts';
import { PostgresStatements, type StatementsInit } from './statements.ts';

/** The protocol of connections to PostgreSQL. */
export const postgres: ConnectionProtocol = {
  run: (session, components) => runDatabase(session, components, (channel) => new PostgresClient(channel)),
};

/** Neither TLS nor GSSAPI. */
const DECLINED = Buffer.from('N');

class PostgresClient implements DatabaseClient {
  readonly #channel: SessionChannel;

  constructor(channel: SessionChannel) {
    this.#channel = channel;
  }

  /** Undefined: it was a request to cancel, and is done, or a client that left at once. */
  async begin(session: Session): Promise<Begun | undefined> {
    const { record, vault, cancelled } = session;
    const { stream } = this.#channel;
    const signal = AbortSignal.any([cancelled, AbortSignal.timeout(LOGIN_MS)]);
    const reader = new ByteReader(clientSource(stream), signal);
    try {
      const startup = await readBeginning(reader, () => void stream.send(DECLINED));
      if (startup.kind === 'goodbye') return undefined;
      const options = readDatabaseOptions(record);
      if (startup.kind === 'cancel') {
        await passCancel({ target: record, options, message: startup.message, signal });
        return undefined;
      }
      const logins = await findLogins(vault, record, signal);
      const { socket, user, forClient } = await logInWith(logins, async (login) => ({
        ...(await connectAs(login, { target: record, options, startup, signal })),
        user: login.user,
      }));
      return {
        socket,
        user,
        welcome: () => void stream.send(Buffer.concat(forClient)),
        watch: (sink, end) =>
          new PostgresStatements({ sink, ...(options.readOnly ? readOnlyGuards(record.title, end) : {}) }),
      };
    } finally {
      reader.release();
    }
  }

  encodeFailure(error: GatewayError): Uint8Array {
    if (error instanceof LoginRefused && error.code !== 'credential-refused') return encodeMessage('E', error.body);
    return encodeFatal(SQL_STATES[error.code] ?? '08006', `gateway: ${error.message}`, error.remedy);
  }

  /** `admin_shutdown`: what drivers take as the end of a connection. */
  encodeEnding({ reason, text }: Ending): Uint8Array {
    return encodeFatal('57P01', `gateway: ${text} (${reason})`);
  }
}

/** Ends the session where it stops being read-only. */
function readOnlyGuards(title: string, end: (ending: Ending) => void): Pick<StatementsInit, 'onText' | 'onParameter'> {
  const refuse = (what: string): void =>
    end({
      reason: 'terminated',
      text: `connections to "${title}" are read-only; ${what} is not let through, and the session ends`,
    });
  return {
    onText: (text) => {
      const found = findReadOnlySwitch(text);
      if (found !== undefined) refuse(`"${found}"`);
    },
    onParameter: (name, value) => {
      if (name === 'default_transaction_read_only' && value !== 'on') refuse('turning that off');
    },
  };
}

/** SQLSTATE by our code; anything else is a connection failure, 08006. */
const SQL_STATES: Readonly<Partial<Record<GatewayError['code'], string>>> = {
  'credential-refused': '28P01',
  'credential-missing': '28000',
  'not-allowed': '28000',
  'bad-message': '08P01',
  'not-supported': '0A000',
  'bad-config': 'F0000',
  'target-refused': '08001',
  'target-unreachable': '08001',
  'target-timeout': '08001',
  cancelled: '57P01',
};
