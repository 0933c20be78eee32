import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { GatewayError } from '../../../base/errors.ts';
import { ByteReader, socketSource } from '../database/byte-reader.ts';
import { startTls } from '../database/tls.ts';
import { assertMaySendCleartext, type LoginInit, passwordOf } from '../database/upstream.ts';
import {
  decodeErrorFields,
  encodeMessage,
  encodeStartup,
  encodeTlsRequest,
  int32,
  LOGIN_MESSAGE_BYTES_MAX,
  type StartupMessage,
} from './messages.ts';
import { Scram } from './scram.ts';

/** A connection that is logged in. */
export interface LoggedIn {
  /** Paused, ready for the first statement. */
  readonly socket: Socket;
  /** What the server sent that is for the client, up to its being ready: notices, parameters, the key for cancelling. */
  readonly forClient: readonly Buffer[];
}

/** The database's own error while logging in: shown to the client as it came. */
export class LoginRefused extends GatewayError {
  /** The body of the error message. */
  readonly body: Buffer;
  readonly sqlState: string;

  /** `body` as the server sent it. */
  constructor(body: Buffer) {
    const fields = decodeErrorFields(body);
    const code = fields.get('C') ?? '';
    super(
      code.startsWith('28') ? 'credential-refused' : 'target-refused',
      `the database says: ${fields.get('M') ?? 'an error'} (${code})`,
    );
    this.body = body;
    this.sqlState = code;
  }
}

/** Messages of a login at most: notices included. */
const MESSAGES_MAX = 500;
/** Kinds of authentication by number: 55.7, "Authentication…". */
const Authentication = { ok: 0, cleartext: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 } as const;

/**
 * Makes the connection to the database as safe as the options say, and paused. What stands before TLS is not trusted: a server that has already sent more
 * than its answer is refused (CVE-2021-23222).
 */
export async function secure({
  socket,
  host,
  options,
  signal,
}: Pick<LoginInit, 'socket' | 'host' | 'options' | 'signal'>): Promise<Socket> {
  if (options.tls === 'disable') return socket;
  const reader = new ByteReader(socketSource(socket), signal);
  let answer: string;
  try {
    socket.write(encodeTlsRequest());
    answer = (await reader.take(1)).toString('latin1');
    if (answer === 'S' && reader.held > 0)
      throw new GatewayError('tls-failed', `${host}: bytes before the TLS handshake`);
  } finally {
    reader.release();
  }
  if (answer === 'S') return startTls({ socket, host, options, signal });
  if (answer === 'N' && options.tls === 'prefer') return socket;
  if (answer === 'N') {
    throw new GatewayError(
      'tls-failed',
      `${host}: the database does not offer TLS, and the record demands database.tls=${options.tls}`,
      {
        remedy: 'Turn TLS on at the database, or give the record the label database.tls=prefer.',
      },
    );
  }
  throw new GatewayError('target-refused', `${host}: what answers there is no PostgreSQL server`);
}

/** Logs in on a connection that `secure` made. Throws `LoginRefused`, `credential-refused`, `credential-missing`, `target-reset`, `timeout`. */
export async function logIn(init: LoginInit, startup: StartupMessage): Promise<LoggedIn> {
  const login = new Login(init);
  try {
    init.socket.write(encodeStartup(startup));
    return { socket: init.socket, forClient: await login.run() };
  } finally {
    login.release();
  }
}

class Login {
  readonly #init: LoginInit;
  readonly #reader: ByteReader;
  readonly #forClient: Buffer[] = [];
  #scram: Scram | undefined;

  constructor(init: LoginInit) {
    this.#init = init;
    this.#reader = new ByteReader(socketSource(init.socket), init.signal);
  }

  release(): void {
    this.#reader.release();
  }

  /** Until the server is ready: an unknown database, say, is only refused after the password was accepted. */
  async run(): Promise<readonly Buffer[]> {
    let isIn = false;
    for (let messages = 0; messages < MESSAGES_MAX; messages++) {
      const { type, body } = await this.#next();
      if (type === 'E') throw new LoginRefused(body);
      if (type !== 'R') this.#forClient.push(encodeMessage(type, body));
      else if (await this.#authenticate(body)) {
        isIn = true;
        this.#forClient.push(encodeMessage(type, body));
      }
      if (type === 'Z' && isIn) return this.#forClient;
    }
    throw new GatewayError('target-refused', `the database sent ${MESSAGES_MAX} messages without letting anybody in`);
  }

  async #next(): Promise<{ readonly type: string; readonly body: Buffer }> {
    const head = await this.#reader.take(5);
    const length = head.readUInt32BE(1);
    if (length < 4 || length > LOGIN_MESSAGE_BYTES_MAX) {
      throw new GatewayError(
        'target-refused',
        `what answers there is no PostgreSQL server (message of ${length} bytes)`,
      );
    }
    return { type: String.fromCharCode(head[0] ?? 0), body: Buffer.from(await this.#reader.take(length - 4)) };
  }

  /** True when the server lets us in. */
  async #authenticate(body: Buffer): Promise<boolean> {
    if (body.length < 4) throw new GatewayError('bad-message', 'an authentication message without a kind');
    const kind = body.readUInt32BE(0);
    const data = body.subarray(4);
    const { credential, user } = this.#init;
    switch (kind) {
      case Authentication.ok:
        return this.#assertProved();
      case Authentication.cleartext:
        assertMaySendCleartext(this.#tls() !== undefined, this.#init.options);
        return this.#send(passwordOf(credential));
      case Authentication.md5:
        return this.#send(md5Password({ user, password: passwordOf(credential), salt: data }));
      case Authentication.sasl:
        return this.#startScram(
          data
            .toString('utf8')
            .split('\0')
            .filter((name) => name !== ''),
        );
      case Authentication.saslContinue:
        await this.#scram?.continue(data.toString('utf8'));
        return this.#send(Buffer.from(this.#scram?.response ?? ''));
      case Authentication.saslFinal:
        this.#scram?.finish(data.toString('utf8'));
        this.#isProved = true;
        return false;
      default:
        throw new GatewayError(
          'not-supported',
          `the database asks for authentication ${kind} (GSSAPI, SSPI, …); the gateway has a password`,
          {
            remedy: 'Let the role log in with scram-sha-256 in pg_hba.conf.',
          },
        );
    }
  }

  #isProved = false;

  /** Whoever began SCRAM has to end it: a server that lets us in without its own proof does not know the password. */
  #assertProved(): true {
    if (this.#scram === undefined || this.#isProved) return true;
    throw new GatewayError('credential-refused', 'the database did not prove that it knows the password');
  }

  #startScram(mechanisms: readonly string[]): false {
    this.#scram = new Scram(mechanisms, passwordOf(this.#init.credential), this.#tls());
    const first = Buffer.from(this.#scram.response);
    return this.#send(this.#scram.mechanism, int32(first.length), first);
  }

  #tls(): TLSSocket | undefined {
    const { socket } = this.#init;
    return socket instanceof TLSSocket ? socket : undefined;
  }

  #send(...parts: readonly (string | Uint8Array)[]): false {
    this.#init.socket.write(encodeMessage('p', ...parts));
    return false;
  }
}

/** The answer to an MD5 challenge: 55.2.1. */
function md5Password({
  user,
  password,
  salt,
}: {
  readonly user: string;
  readonly password: string;
  readonly salt: Buffer;
}): string {
  const md5 = (...parts: readonly (string | Buffer)[]): string => {
    const hash = createHash('md5');
    for (const part of parts) hash.update(part);
    return hash.digest('hex');
  };
  return `md5${md5(md5(password, user), salt)}`;
}
