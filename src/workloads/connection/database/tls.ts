import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { GatewayError } from '../../../base/errors.ts';
import type { DatabaseOptions } from './options.ts';

/** What TLS is started with. */
export interface TlsInit {
  readonly socket: Socket;
  readonly host: string;
  readonly options: Pick<DatabaseOptions, 'tls' | 'tlsCaFile' | 'tlsPin'>;
  readonly signal: AbortSignal;
}

/**
 * The same connection inside TLS, paused. Only `verify-full` and a pin check the certificate. Throws `tls-failed` with what is wrong with it. The socket closes each
 * direction on its own, and is reset as a TCP socket is.
 */
export async function startTls({ socket, host, options, signal }: TlsInit): Promise<TLSSocket> {
  const verify = options.tls === 'verify-full' && options.tlsPin === undefined;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const secured = connect({
    socket,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...authorities(options.tlsCaFile),
    rejectUnauthorized: verify,
    minVersion: 'TLSv1.2',
  });
  const onAbort = (): void => reject(new GatewayError('timeout', `${host}: the TLS handshake did not end in time`));
  secured.once('secureConnect', resolve);
  secured.on('error', (cause) => reject(tlsError(host, cause)));
  secured.once('close', () => reject(new GatewayError('target-reset', `${host}: closed during the TLS handshake`)));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    await promise;
    assertPinned(secured, host, options.tlsPin);
  } catch (error) {
    secured.destroy();
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  secured.pause();
  // What wraps a TCP socket cannot reset it by itself.
  secured.resetAndDestroy = () => {
    socket.resetAndDestroy();
    return secured.destroy();
  };
  return secured;
}

/** Read for every connection: a renewed file counts at once. */
function authorities(file: string | undefined): { readonly ca?: Buffer } {
  if (file === undefined) return {};
  try {
    return { ca: readFileSync(file) };
  } catch (cause) {
    throw new GatewayError('bad-config', `database.tls-ca: ${cause instanceof Error ? cause.message : file}`, {
      cause,
      remedy: 'The file has to be on every instance that takes connections.',
    });
  }
}

function assertPinned(secured: TLSSocket, host: string, pin: string | undefined): void {
  if (pin === undefined) return;
  const { raw } = secured.getPeerCertificate();
  const shown = `SHA256:${createHash('sha256').update(raw).digest('base64').replace('=', '')}`;
  if (shown === pin) return;
  throw new GatewayError(
    'tls-failed',
    `${host}: the certificate is not the pinned one: it is ${shown}, pinned is ${pin}`,
    {
      remedy: 'If it was renewed, change the label database.tls-pin; otherwise somebody stands in between.',
    },
  );
}

/** Why a certificate was not accepted, in words; the code of the library is kept for whoever searches for it. */
function tlsError(host: string, cause: NodeJS.ErrnoException): GatewayError {
  const code = cause.code ?? 'unknown';
  return new GatewayError('tls-failed', `${host}: TLS failed: ${cause.message} (${code})`, {
    cause,
    remedy: remedyOf(code),
  });
}

function remedyOf(code: string): string {
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return "The certificate is for another name: write that one as the record's host.";
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return "Name the authority's file on the workers: --label database.tls-ca=FILE, or pin the certificate with database.tls-pin.";
    case 'CERT_HAS_EXPIRED':
      return "Renew the database's certificate.";
    default:
      return "Look at the database's TLS settings.";
  }
}
