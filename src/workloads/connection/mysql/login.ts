import { constants, publicEncrypt } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { GatewayError } from '../../../base/errors.ts';
import { ByteReader, socketSource } from '../database/byte-reader.ts';
import { startTls } from '../database/tls.ts';
import { assertMaySendCleartext, type LoginInit, passwordOf } from '../database/upstream.ts';
import {
  answerForServer,
  type ClientAnswer,
  decodeGreeting,
  encodeAnswerHead,
  encodeClientAnswer,
  type Greeting,
} from './greeting.ts';
import {
  Answer,
  Capability,
  decodeError,
  encodePacket,
  HEAD_BYTES,
  LOGIN_PACKET_BYTES_MAX,
  readText,
} from './packets.ts';
import { hidePassword, proveCachingSha2, proveNative } from './scramble.ts';

/** A packet of either side while logging in. */
export interface Packet {
  readonly sequence: number;
  readonly payload: Buffer;
}

/** A connection that is logged in. */
export interface LoggedIn {
  /** Paused, ready for the first command. */
  readonly socket: Socket;
  /** The server's welcome, for the client. */
  readonly ok: Buffer;
  /** What was agreed on. */
  readonly capabilities: number;
}

/** The next packet; throws `bad-message` for one that is too long. */
export async function readPacket(reader: ByteReader, who: string): Promise<Packet> {
  const head = await reader.take(HEAD_BYTES);
  const length = head.readUIntLE(0, 3);
  const sequence = head[3] ?? 0;
  if (length > LOGIN_PACKET_BYTES_MAX) {
    throw new GatewayError('bad-message', `${who} does not speak the MySQL protocol (packet of ${length} bytes)`);
  }
  return { sequence, payload: Buffer.from(await reader.take(length)) };
}

/** The database's own error while logging in. */
export class LoginRefused extends GatewayError {
  /** The error packet's payload, as the server sent it. */
  readonly payload: Buffer;

  constructor(payload: Buffer) {
    const { code, state, message } = decodeError(payload);
    super(
      code === ACCESS_DENIED ? 'credential-refused' : 'target-refused',
      `the database says: ${message} (${code}${state === '' ? '' : `, ${state}`})`,
    );
    this.payload = payload;
  }
}

/** `ER_ACCESS_DENIED_ERROR`. */
const ACCESS_DENIED = 1045;
/** Packets of a login at most. */
const PACKETS_MAX = 20;

/** Reads the greeting that every server begins with, and leaves the socket paused. */
export async function readGreeting(socket: Socket, signal: AbortSignal): Promise<Greeting> {
  const reader = new ByteReader(socketSource(socket), signal);
  try {
    const { payload } = await readPacket(reader, 'what answers there');
    if (payload[0] === Answer.error) throw new LoginRefused(payload);
    // Whoever speaks on before the client has answered would speak before TLS.
    if (reader.held > 0)
      throw new GatewayError('target-refused', 'the server sends more than its greeting before it is answered');
    return decodeGreeting(payload);
  } finally {
    reader.release();
  }
}

/** What logging in to MySQL takes besides. */
export interface MysqlLoginInit extends LoginInit {
  readonly greeting: Greeting;
  readonly answer: ClientAnswer;
}

/** Makes the connection as safe as the options say and logs in. Throws `LoginRefused`, `tls-failed`, `credential-refused`, `credential-missing`, `not-supported`. */
export async function logIn(init: MysqlLoginInit): Promise<LoggedIn> {
  const { greeting, options, user, credential } = init;
  const tls = wantsTls(init);
  const password = passwordOf(credential);
  const plugin = greeting.plugin === 'caching_sha2_password' ? greeting.plugin : 'mysql_native_password';
  const authentication = prove(plugin, password, greeting.scramble) ?? Buffer.alloc(0);
  const database = init.answer.database ?? options.database;
  const answer = answerForServer(init.answer, { greeting, user, database, plugin, authentication, tls });
  let { socket } = init;
  if (tls) {
    socket.write(encodePacket(1, encodeAnswerHead(answer)));
    socket = await startTls({ ...init, socket });
  }
  const login = new Login({ ...init, socket }, { password, scramble: greeting.scramble, plugin });
  try {
    socket.write(encodePacket(tls ? 2 : 1, encodeClientAnswer(answer)));
    return { socket, ok: await login.run(), capabilities: answer.capabilities };
  } finally {
    login.release();
  }
}

function wantsTls({ greeting, options, host }: MysqlLoginInit): boolean {
  if (options.tls === 'disable') return false;
  if ((greeting.capabilities & Capability.tls) !== 0) return true;
  if (options.tls === 'prefer') return false;
  throw new GatewayError(
    'tls-failed',
    `${host}: the database does not offer TLS, and the record demands database.tls=${options.tls}`,
    {
      remedy: 'Turn TLS on at the database, or give the record the label database.tls=prefer.',
    },
  );
}

/** The first proof of a plugin; undefined for one that is not known. */
function prove(plugin: string, password: string, scramble: Buffer): Buffer | undefined {
  if (plugin === 'mysql_native_password') return proveNative(password, scramble);
  return plugin === 'caching_sha2_password' ? proveCachingSha2(password, scramble) : undefined;
}

/** What `caching_sha2_password` says besides a key. */
const Sha2 = { requestKey: 2, fastDone: 3, sendPassword: 4 } as const;

class Login {
  readonly #init: MysqlLoginInit;
  readonly #reader: ByteReader;
  readonly #password: string;
  #scramble: Buffer;
  #plugin: string;

  constructor(
    init: MysqlLoginInit,
    { password, scramble, plugin }: { readonly password: string; readonly scramble: Buffer; readonly plugin: string },
  ) {
    this.#init = init;
    this.#reader = new ByteReader(socketSource(init.socket), init.signal);
    this.#password = password;
    this.#scramble = scramble;
    this.#plugin = plugin;
  }

  release(): void {
    this.#reader.release();
  }

  /** The payload of the welcome. */
  async run(): Promise<Buffer> {
    for (let packets = 0; packets < PACKETS_MAX; packets++) {
      const { sequence, payload } = await readPacket(this.#reader, 'the database');
      if (payload[0] === Answer.ok) return payload;
      if (payload[0] === Answer.error) throw new LoginRefused(payload);
      const next = this.#answer(payload);
      if (next !== undefined) this.#init.socket.write(encodePacket(sequence + 1, next));
    }
    throw new GatewayError('target-refused', `the database sent ${PACKETS_MAX} packets without letting anybody in`);
  }

  #answer(payload: Buffer): Buffer | undefined {
    if (payload[0] === Answer.end) return this.#switchPlugin(payload);
    if (payload[0] !== Answer.more)
      throw new GatewayError('target-refused', 'the database answers the login with something unknown');
    if (this.#plugin !== 'caching_sha2_password')
      throw new GatewayError('target-refused', `unexpected question of ${this.#plugin}`);
    if (payload[1] === Sha2.fastDone) return undefined;
    return payload[1] === Sha2.sendPassword ? this.#sendPassword() : this.#encryptPassword(payload.subarray(1));
  }

  #switchPlugin(payload: Buffer): Buffer {
    const { text: plugin, end } = readText(payload, 1);
    this.#plugin = plugin;
    this.#scramble = payload.subarray(end, end + 20);
    if (plugin === 'mysql_clear_password') {
      assertMaySendCleartext(this.#isEncrypted(), this.#init.options);
      return Buffer.from(`${this.#password}\0`);
    }
    const proof = prove(plugin, this.#password, this.#scramble);
    if (proof !== undefined) return proof;
    throw new GatewayError(
      'not-supported',
      `the database wants ${plugin || 'a password of before MySQL 4.1'} to log in, which the gateway cannot`,
      {
        remedy: 'It can mysql_native_password, caching_sha2_password and mysql_clear_password.',
      },
    );
  }

  /** Inside TLS the whole password is sent; without it only where that is allowed, and then at least encrypted with a key that the server is asked for. */
  #sendPassword(): Buffer {
    assertMaySendCleartext(this.#isEncrypted(), this.#init.options);
    return this.#isEncrypted() ? Buffer.from(`${this.#password}\0`) : Buffer.of(Sha2.requestKey);
  }

  #encryptPassword(key: Buffer): Buffer {
    // Nobody asked for the key unless it may be used: a server that sends one by itself gets nothing.
    if (!this.#init.options.allowCleartext)
      throw new GatewayError('target-refused', 'the database sent a key that it was not asked for');
    try {
      return publicEncrypt(
        { key: key.toString('latin1'), padding: constants.RSA_PKCS1_OAEP_PADDING },
        hidePassword(this.#password, this.#scramble),
      );
    } catch (cause) {
      throw new GatewayError('target-refused', 'the key of the database is none', { cause });
    }
  }

  #isEncrypted(): boolean {
    return this.#init.socket instanceof TLSSocket;
  }
}
