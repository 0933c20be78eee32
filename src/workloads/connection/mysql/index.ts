/**
 * MySQL and MariaDB: the gateway logs in with the record's credential, then passes bytes. The server speaks first in this protocol, so the client is greeted
 * in the server's name: with its version, thread and abilities, as far as both sides and the gateway have them. It does *not* understand SQL.
 *
 * Invariants: the client needs no password, whatever it sends is ignored; what it may do in the session was agreed on by both sides; nobody becomes another user in
 * a session, since that would ask for a password that the client does not have.
 *
 * Source: MySQL 8.0 source documentation, "Connection Phase".
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { GatewayError } from '../../../base/errors.ts';
import { dialTarget } from '../../tunnel/dial.ts';
import type { Session, SessionChannel } from '../../workload.ts';
import { ByteReader, clientSource, socketSource } from '../database/byte-reader.ts';
import { findLogins, type Login, logInWith } from '../database/credentials.ts';
import { findReadOnlySwitch } from '../database/guard.ts';
import { type DatabaseOptions, readDatabaseOptions } from '../database/options.ts';
import { type Begun, type DatabaseClient, runDatabase } from '../database/run-database.ts';
import { LOGIN_MS } from '../database/upstream.ts';
import type { ConnectionProtocol } from '../index.ts';
import type { Ending } from '../outcome.ts';
import type { ConnectionOptions } from '../record-options.ts';
import { type ClientAnswer, decodeClientAnswer, encodeGreeting, type Greeting, greetingForClient } from './greeting.ts';
import { type LoggedIn, LoginRefused, logIn, readGreeting, readPacket } from './login.ts';
import { Answer, Capability, encodeError, encodePacket } from './packets.ts';
import { Command, MysqlStatements, type StatementsInit } from './statements.ts';

/** The protocol of connections to MySQL and MariaDB. */
export const mysql: ConnectionProtocol = {
  run: (session, components) => runDatabase(session, components, (channel) => new MysqlClient(channel)),
};

class MysqlClient implements DatabaseClient {
  readonly #channel: SessionChannel;
  #sequence = 0;
  #isGreeted = false;

  constructor(channel: SessionChannel) {
    this.#channel = channel;
  }

  async begin({ record, vault, cancelled }: Session, { fileTransfer }: ConnectionOptions): Promise<Begun> {
    const signal = AbortSignal.any([cancelled, AbortSignal.timeout(LOGIN_MS)]);
    const options = readDatabaseOptions(record);
    const logins = await findLogins(vault, record, signal);
    const dial = (): Promise<Greeted> => reach({ ...record, fileTransfer }, signal);
    let greeted: Greeted | undefined = await dial();
    try {
      const answer = await this.#greet(greetingForClient(greeted.greeting, freshScramble()), signal);
      const connect = async (login: Login): Promise<LoggedIn & Login> => {
        // The first one logs in where the client was greeted from, so that the thread it was told is the one it has.
        const { socket, greeting } = greeted ?? (await dial());
        greeted = undefined;
        const { host } = record;
        try {
          return { ...login, ...(await logIn({ socket, greeting, answer, host, ...login, options, signal })) };
        } catch (error) {
          socket.destroy();
          throw error;
        }
      };
      const { socket, ok, capabilities, user } = await logInWith(logins, connect);
      if (options.readOnly) await setReadOnly(socket, signal);
      return {
        socket,
        user,
        welcome: () => this.#welcome(answer, ok),
        watch: (sink, end) => new MysqlStatements({ sink, capabilities, ...guards(record.title, options, end) }),
      };
    } catch (error) {
      greeted?.socket.destroy();
      throw error;
    }
  }

  encodeFailure(error: GatewayError): Uint8Array {
    const remedy = error.remedy === undefined ? '' : `. ${error.remedy}`;
    const code = ERROR_NUMBERS[error.code] ?? 1105;
    const own = encodeError(code, `gateway: ${error.message}${remedy}`, this.#isGreeted ? 'HY000' : undefined);
    const isTheirs = error instanceof LoginRefused && error.code !== 'credential-refused' && this.#isGreeted;
    return encodePacket(this.#sequence, isTheirs ? error.payload : own);
  }

  /** As the answer to the command that was sent last, which is the first packet after it. */
  encodeEnding({ reason, text }: Ending): Uint8Array {
    return encodePacket(1, encodeError(1105, `gateway: ${text} (${reason})`, 'HY000'));
  }

  /** Greets the client and reads its answer. */
  async #greet(greeting: Greeting, signal: AbortSignal): Promise<ClientAnswer> {
    const reader = new ByteReader(clientSource(this.#channel.stream), signal);
    try {
      this.#send(encodeGreeting(greeting));
      this.#isGreeted = true;
      const { sequence, payload } = await readPacket(reader, 'the client');
      this.#sequence = sequence + 1;
      return decodeClientAnswer(payload);
    } finally {
      reader.release();
    }
  }

  /** Lets the client in with the server's welcome. */
  #welcome(answer: ClientAnswer, ok: Buffer): void {
    // One that has sent a proof waits to hear that it was good.
    const isWaiting = answer.plugin === 'caching_sha2_password' && answer.authentication.length > 1;
    if (isWaiting) this.#send(Buffer.of(Answer.more, SHA2_DONE));
    this.#send(ok);
  }

  #send(payload: Uint8Array): void {
    this.#channel.stream.send(encodePacket(this.#sequence, payload));
    this.#sequence += 1;
  }
}

/** `caching_sha2_password`: the proof was good. */
const SHA2_DONE = 3;

/** The server's numbers by our code; anything else is 1105, `ER_UNKNOWN_ERROR`. */
const ERROR_NUMBERS: Readonly<Partial<Record<GatewayError['code'], number>>> = {
  'credential-refused': 1045,
  'credential-missing': 1045,
  'not-allowed': 1045,
  'bad-message': 1043,
  'target-refused': 2003,
  'target-unreachable': 2003,
  'target-timeout': 2003,
  cancelled: 1317,
};

/** Ends the session where it would become another one than was granted. */
function guards(
  title: string,
  { readOnly }: DatabaseOptions,
  end: (ending: Ending) => void,
): Pick<StatementsInit, 'onText' | 'onCommand'> {
  const refuse = (text: string): void => end({ reason: 'terminated', text: `${text}; the session ends` });
  return {
    onText: (text) => {
      const found = readOnly ? findReadOnlySwitch(text) : undefined;
      if (found !== undefined) refuse(`connections to "${title}" are read-only, and "${found}" is not let through`);
    },
    onCommand: (command) => {
      if (command === Command.changeUser) refuse('a session cannot become that of another user');
      if (command === Command.resetConnection && readOnly)
        refuse(`connections to "${title}" are read-only and cannot be reset`);
    },
  };
}

interface Greeted {
  readonly socket: Socket;
  readonly greeting: Greeting;
}

interface Reached {
  readonly host: string;
  readonly port: number;
  readonly fileTransfer: boolean;
}

/** A server that did not offer to ask for files is never allowed to: what it greets with bounds what both sides agree on. */
async function reach({ fileTransfer, ...target }: Reached, signal: AbortSignal): Promise<Greeted> {
  const socket = await dialTarget(target, signal);
  try {
    const greeting = await readGreeting(socket, signal);
    const capabilities = fileTransfer ? greeting.capabilities : (greeting.capabilities & ~Capability.localFiles) >>> 0;
    return { socket, greeting: { ...greeting, capabilities } };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Random, without zero bytes, which end it. */
function freshScramble(): Buffer {
  return Buffer.from(randomBytes(20).map((byte) => (byte % 0x7e) + 1));
}

/** Before the client is let in; the server refuses to write from then on. */
async function setReadOnly(socket: Socket, signal: AbortSignal): Promise<void> {
  const reader = new ByteReader(socketSource(socket), signal);
  try {
    socket.write(
      encodePacket(0, Buffer.concat([Buffer.of(Command.query), Buffer.from('SET SESSION TRANSACTION READ ONLY')])),
    );
    const { payload } = await readPacket(reader, 'the database');
    if (payload[0] === Answer.error) throw new LoginRefused(payload);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    reader.release();
  }
}
