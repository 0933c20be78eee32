/**
 * Pure: the server's greeting (HandshakeV10) and the client's answer to it (HandshakeResponse41).
 *
 *     greeting   uint8 10, text0 version, uint32 thread, bytes[8] scramble, 0, uint16 capabilities (low), uint8 charset, uint16 status,
 *                uint16 capabilities (high), uint8 length of the scramble, bytes[6] 0, uint32 MariaDB's capabilities, scramble's rest, 0, text0 plugin
 *     answer     uint32 capabilities, uint32 most bytes of a packet, uint8 charset, bytes[19] 0, uint32 MariaDB's capabilities, text0 user,
 *                authentication, text0 database, text0 plugin, attributes: what follows `user` as the capabilities say
 */
import { GatewayError } from '../../../base/errors.ts';
import { Capability, encodeLengthEncoded, MariadbCapability, readLength, readText } from './packets.ts';

/** What a server says first. */
export interface Greeting {
  readonly version: string;
  readonly threadId: number;
  /** 20 bytes. */
  readonly scramble: Buffer;
  readonly capabilities: number;
  /** Zero for MySQL itself, which has another bit set in their place. */
  readonly mariadbCapabilities: number;
  readonly charset: number;
  readonly status: number;
  readonly plugin: string;
}

/** What a client answers. */
export interface ClientAnswer {
  readonly capabilities: number;
  readonly mariadbCapabilities: number;
  readonly packetBytesMax: number;
  readonly charset: number;
  readonly user: string;
  readonly authentication: Buffer;
  readonly database: string | undefined;
  readonly plugin: string | undefined;
  /** As they came, with their length in front. */
  readonly attributes: Buffer | undefined;
}

/** Whether the server speaks MariaDB's dialect: it leaves this bit, MySQL's `CLIENT_LONG_PASSWORD`, unset. */
const LONG_PASSWORD = 1 << 0;
const SCRAMBLE_BYTES = 20;
const FIRST_PART_BYTES = 8;
const has = (capabilities: number, bit: number): boolean => (capabilities & bit) !== 0;

/** Throws `target-refused` for what is no such greeting. */
export function decodeGreeting(payload: Buffer): Greeting {
  const refuse = (why: string): never => {
    throw new GatewayError(
      'target-refused',
      `what answers there is no MySQL or MariaDB server the gateway knows: ${why}`,
    );
  };
  if (payload[0] !== 10) return refuse(`protocol version ${payload[0]}`);
  const { text: version, end } = readText(payload, 1);
  if (payload.length < end + 31) return refuse('its greeting is too short');
  const capabilities = (payload.readUInt16LE(end + 13) | (payload.readUInt16LE(end + 18) << 16)) >>> 0;
  if (!has(capabilities, Capability.protocol41) || !has(capabilities, Capability.pluginAuthentication))
    return refuse('it is too old');
  const first = payload.subarray(end + 4, end + 4 + FIRST_PART_BYTES);
  const rest = payload.subarray(end + 31, end + 31 + SCRAMBLE_BYTES - FIRST_PART_BYTES);
  // One zero byte ends the scramble.
  const { text: plugin } = readText(payload, end + 31 + Math.max(13, (payload[end + 20] ?? 0) - FIRST_PART_BYTES));
  return {
    version,
    threadId: payload.readUInt32LE(end),
    scramble: Buffer.concat([first, rest]),
    capabilities,
    mariadbCapabilities: has(capabilities, LONG_PASSWORD) ? 0 : payload.readUInt32LE(end + 27),
    charset: payload[end + 15] ?? 0,
    status: payload.readUInt16LE(end + 16),
    plugin,
  };
}

/** The greeting as bytes. */
export function encodeGreeting(greeting: Greeting): Buffer {
  const version = Buffer.from(`${greeting.version}\0`);
  const middle = Buffer.alloc(4 + FIRST_PART_BYTES + 1 + 2 + 1 + 2 + 2 + 1 + 6 + 4);
  middle.writeUInt32LE(greeting.threadId, 0);
  greeting.scramble.copy(middle, 4, 0, FIRST_PART_BYTES);
  middle.writeUInt16LE(greeting.capabilities & 0xffff, 13);
  middle.writeUInt8(greeting.charset, 15);
  middle.writeUInt16LE(greeting.status, 16);
  middle.writeUInt16LE(greeting.capabilities >>> 16, 18);
  middle.writeUInt8(SCRAMBLE_BYTES + 1, 20);
  middle.writeUInt32LE(greeting.mariadbCapabilities >>> 0, 27);
  return Buffer.concat([
    Buffer.of(10),
    version,
    middle,
    greeting.scramble.subarray(FIRST_PART_BYTES),
    Buffer.alloc(1),
    Buffer.from(`${greeting.plugin}\0`),
  ]);
}

/** Capabilities that the gateway does not pass on: its client's way is encrypted already, and what is compressed or framed anew cannot be looked at. */
const WITHHELD =
  Capability.tls |
  Capability.compress |
  Capability.zstdCompression |
  Capability.queryAttributes |
  Capability.multiFactor |
  Capability.verifyServerCertificate;
const MARIADB_PASSED = MariadbCapability.bulk | MariadbCapability.extendedMetadata;

/** What the gateway says to its client in the server's place: the same server, without a password. */
export function greetingForClient(greeting: Greeting, scramble: Buffer): Greeting {
  return {
    ...greeting,
    scramble,
    capabilities: (greeting.capabilities & ~WITHHELD) >>> 0,
    mariadbCapabilities: greeting.mariadbCapabilities & MARIADB_PASSED,
    plugin: 'mysql_native_password',
  };
}

/** Throws `bad-message` for what is no answer; `not-supported` for one of a client older than MySQL 4.1. */
export function decodeClientAnswer(payload: Buffer): ClientAnswer {
  if (payload.length < 32) throw new GatewayError('bad-message', 'the client does not speak the MySQL protocol');
  const capabilities = payload.readUInt32LE(0);
  if (!has(capabilities, Capability.protocol41))
    throw new GatewayError('not-supported', 'the client is older than MySQL 4.1');
  if (has(capabilities, Capability.tls) && payload.length === 32) {
    throw new GatewayError(
      'not-supported',
      'the client insists on TLS; its way to the gateway is encrypted already, so turn that off',
    );
  }
  const { text: user, end } = readText(payload, 32);
  const authentication = readAuthentication(payload, end, capabilities);
  let offset = authentication.end;
  let database: string | undefined;
  let plugin: string | undefined;
  if (has(capabilities, Capability.connectWithDatabase)) ({ text: database, end: offset } = readText(payload, offset));
  if (has(capabilities, Capability.pluginAuthentication)) ({ text: plugin, end: offset } = readText(payload, offset));
  return {
    capabilities,
    mariadbCapabilities: has(capabilities, LONG_PASSWORD) ? 0 : payload.readUInt32LE(28),
    packetBytesMax: payload.readUInt32LE(4),
    charset: payload[8] ?? 0,
    user,
    authentication: authentication.bytes,
    database: database === '' ? undefined : database,
    plugin,
    attributes:
      has(capabilities, Capability.connectAttributes) && offset < payload.length ? payload.subarray(offset) : undefined,
  };
}

function readAuthentication(
  payload: Buffer,
  offset: number,
  capabilities: number,
): { readonly bytes: Buffer; readonly end: number } {
  if (has(capabilities, Capability.lengthEncodedAuthentication) || has(capabilities, Capability.secureConnection)) {
    const length = readLength(payload, offset) ?? { value: 0, end: payload.length };
    const end = Math.min(length.end + length.value, payload.length);
    return { bytes: payload.subarray(length.end, end), end };
  }
  const { end } = readText(payload, offset);
  return { bytes: payload.subarray(offset, Math.max(offset, end - 1)), end };
}

/** The first 32 bytes of an answer, which are also the whole of a request for TLS. */
export function encodeAnswerHead(
  answer: Pick<ClientAnswer, 'capabilities' | 'mariadbCapabilities' | 'packetBytesMax' | 'charset'>,
): Buffer {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(answer.capabilities >>> 0, 0);
  head.writeUInt32LE(answer.packetBytesMax, 4);
  head.writeUInt8(answer.charset, 8);
  head.writeUInt32LE(answer.mariadbCapabilities >>> 0, 28);
  return head;
}

/** The answer as bytes. */
export function encodeClientAnswer(answer: ClientAnswer): Buffer {
  const { capabilities, user, authentication, database, plugin, attributes } = answer;
  return Buffer.concat([
    encodeAnswerHead(answer),
    Buffer.from(`${user}\0`),
    encodeLengthEncoded(authentication),
    ...(has(capabilities, Capability.connectWithDatabase) ? [Buffer.from(`${database ?? ''}\0`)] : []),
    Buffer.from(`${plugin ?? ''}\0`),
    ...(has(capabilities, Capability.connectAttributes) ? [attributes ?? Buffer.alloc(1)] : []),
  ]);
}

/** What the gateway says to the server in its client's place: all that both sides know, the credential's user, and its own way to log in. */
export function answerForServer(
  answer: ClientAnswer,
  {
    greeting,
    user,
    database,
    plugin,
    authentication,
    tls,
  }: {
    readonly greeting: Greeting;
    readonly user: string;
    readonly database: string | undefined;
    readonly plugin: string;
    readonly authentication: Buffer;
    readonly tls: boolean;
  },
): ClientAnswer {
  const agreed = answer.capabilities & greeting.capabilities & ~WITHHELD & ~Capability.connectWithDatabase;
  const own =
    Capability.protocol41 |
    Capability.secureConnection |
    Capability.pluginAuthentication |
    (greeting.capabilities & Capability.lengthEncodedAuthentication) |
    (tls ? Capability.tls : 0) |
    (database === undefined ? 0 : Capability.connectWithDatabase);
  return {
    ...answer,
    capabilities: (agreed | own) >>> 0,
    mariadbCapabilities: answer.mariadbCapabilities & greeting.mariadbCapabilities & MARIADB_PASSED,
    user,
    database,
    plugin,
    authentication,
  };
}
