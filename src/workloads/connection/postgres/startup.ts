import { GatewayError } from '../../../base/errors.ts';
import type { ByteReader } from '../database/byte-reader.ts';
import {
  decodeStartupParameters,
  PROTOCOL_MAJOR,
  STARTUP_BYTES_MAX,
  StartupCode,
  type StartupMessage,
} from './messages.ts';

/** How a client begins. */
export type Beginning =
  | ({ readonly kind: 'startup' } & StartupMessage)
  /** A connection of its own that asks to cancel what another one is doing: the message as it came. */
  | { readonly kind: 'cancel'; readonly message: Buffer }
  /** It takes its leave before it began, as drivers do that were closed while they connected. */
  | { readonly kind: 'goodbye' };

const HEAD_BYTES = 8;
/** `Terminate` (`X`, length 4) where a length is expected. */
const TERMINATE_HEAD = 0x5800_0000;
/** TLS and GSSAPI may each be asked for once before a client begins. */
const OFFERS_MAX = 4;

/**
 * Reads how the client begins. TLS and GSSAPI are declined: the bytes between the local port and here are inside the access plane's TLS already. Trust: the
 * client controls every byte.
 */
export async function readBeginning(client: ByteReader, decline: () => void): Promise<Beginning> {
  for (let offers = 0; offers <= OFFERS_MAX; offers++) {
    const head = await client.take(HEAD_BYTES);
    const length = head.readUInt32BE(0);
    const code = head.readUInt32BE(4);
    if (length === TERMINATE_HEAD) return { kind: 'goodbye' };
    if (length < HEAD_BYTES || length > STARTUP_BYTES_MAX) {
      throw new GatewayError(
        'bad-message',
        `the client does not speak PostgreSQL's protocol (startup message of ${length} bytes)`,
      );
    }
    const body = await client.take(length - HEAD_BYTES);
    if (code === StartupCode.cancel) return { kind: 'cancel', message: Buffer.concat([head, body]) };
    if (code === StartupCode.tls || code === StartupCode.gss) {
      decline();
      continue;
    }
    if (code >>> 16 !== PROTOCOL_MAJOR) {
      throw new GatewayError(
        'not-supported',
        `protocol version ${code >>> 16}.${code & 0xffff} of the client is not supported; it is 3`,
      );
    }
    return { kind: 'startup', version: code, parameters: decodeStartupParameters(body) };
  }
  throw new GatewayError('bad-message', 'the client keeps asking for encryption');
}
