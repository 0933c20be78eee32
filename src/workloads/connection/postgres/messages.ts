/**
 * Pure: messages of PostgreSQL's frontend/backend protocol 3 that the gateway reads or writes itself. Integers are big endian; a length counts itself.
 *
 *     startup     int32 length, int32 code, …                 SSLRequest, GSSENCRequest, CancelRequest, StartupMessage
 *     otherwise   byte type, int32 length, …
 *
 * Source: PostgreSQL 15 documentation, chapter 55.7 "Message Formats", 55.8 "Error and Notice Message Fields".
 */
import { GatewayError } from '../../../base/errors.ts';

/** Codes in the place of a version. */
export const StartupCode = { cancel: 80_877_102, tls: 80_877_103, gss: 80_877_104 } as const;
/** Major version 3 in the high half of the version. */
export const PROTOCOL_MAJOR = 3;
/** Bytes of a startup message at most: the server's own limit. */
export const STARTUP_BYTES_MAX = 10_000;
/** Bytes of a message while logging in at most: an error with all its fields is far below. */
export const LOGIN_MESSAGE_BYTES_MAX = 64 * 1024;

/** What a client wants to begin with. */
export interface StartupMessage {
  readonly version: number;
  readonly parameters: ReadonlyMap<string, string>;
}

/** A message with the length of its body in front, and a type before that unless it is a startup message. */
export function encodeMessage(type: string, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)));
  const head = Buffer.alloc(type.length + 4);
  head.write(type, 'latin1');
  head.writeUInt32BE(body.length + 4, type.length);
  return Buffer.concat([head, body]);
}

/** A 32-bit number. */
export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** Asks the server for TLS. */
export function encodeTlsRequest(): Buffer {
  return encodeMessage('', int32(StartupCode.tls));
}

/** Begins a session. */
export function encodeStartup({ version, parameters }: StartupMessage): Buffer {
  return encodeMessage('', int32(version), ...[...parameters].flat(), Buffer.alloc(1));
}

/** The parameters in the body of a startup message, behind the version. Throws `bad-message`. */
export function decodeStartupParameters(body: Buffer): ReadonlyMap<string, string> {
  const words = body.toString('utf8').split('\0');
  // Each text ends with a zero byte, and so does the list.
  if (words.pop() !== '' || words.pop() !== '' || words.length % 2 !== 0) {
    throw new GatewayError('bad-message', 'the client sent a startup message that is none');
  }
  const parameters = new Map<string, string>();
  for (let place = 0; place + 1 < words.length; place += 2) parameters.set(words[place] ?? '', words[place + 1] ?? '');
  return parameters;
}

/** An error the session ends with, as every client shows it. `code` is an SQLSTATE. */
export function encodeFatal(code: string, message: string, hint?: string): Buffer {
  const fields = ['SFATAL', 'VFATAL', `C${code}`, `M${message}`, ...(hint === undefined ? [] : [`H${hint}`])];
  return encodeMessage('E', ...fields, Buffer.alloc(1));
}

/** Fields of an error or a notice, by their letter. */
export function decodeErrorFields(body: Buffer): ReadonlyMap<string, string> {
  const fields = body
    .toString('utf8')
    .split('\0')
    .filter((field) => field !== '');
  return new Map(fields.map((field) => [field.slice(0, 1), field.slice(1)]));
}
