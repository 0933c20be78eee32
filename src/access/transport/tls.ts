import { constants } from 'node:crypto';
import { Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import type {
  ConnectionEncrypter,
  MessageStream,
  SecureConnectionOptions,
  SecuredConnection,
  StreamMuxerFactory,
  Upgrader,
} from '@libp2p/interface';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { createEd25519Verify } from '../../base/ed25519.ts';
import { GatewayError } from '../../base/errors.ts';
import { publicKeyOf } from '../../base/ids.ts';
import { SOCKET_IDLE_MS } from '../bounds.ts';
import type { BufferReclaim } from '../buffer-reclaim.ts';
import { type Certificate, identifyPeer } from './certificate.ts';
import { TlsConnection } from './tls-connection.ts';

/** What libp2p hands to an encrypter. */
export interface TlsComponents {
  readonly upgrader: Upgrader;
}

/** Spoken when nothing else is agreed on (libp2p specs, tls/tls.md, ALPN). */
const ALPN_NONE = 'libp2p';
const PROTOCOL = '/tls/1.0.0';

/**
 * libp2p's TLS 1.3 (libp2p specs, tls/tls.md), wire-compatible with `@libp2p/tls`, which passes every byte through JavaScript streams
 * on both sides of the cipher and makes a certificate for every connection. This one gives the TCP handle to Node's TLS.
 */
export function nativeTls(
  shown: Certificate,
  reclaim: BufferReclaim,
): (components: TlsComponents) => ConnectionEncrypter {
  return (components) => new NativeTls(shown, components, reclaim);
}

class NativeTls implements ConnectionEncrypter {
  readonly protocol = PROTOCOL;
  readonly #components: TlsComponents;
  readonly #reclaim: BufferReclaim;
  readonly #context: SecureContext;
  readonly #verify = createEd25519Verify();

  constructor({ certificate, privateKey }: Certificate, components: TlsComponents, reclaim: BufferReclaim) {
    // The upgrader is made after the encrypters: it is looked up when it is needed.
    this.#components = components;
    this.#reclaim = reclaim;
    this.#context = createSecureContext({
      cert: certificate,
      key: privateKey,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      // A resumed session would show no certificate, and connections live long.
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
  }

  secureInbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> {
    return this.#secure(connection, true, options);
  }

  secureOutbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> {
    return this.#secure(connection, false, options);
  }

  async #secure(
    below: MessageStream,
    isServer: boolean,
    options: SecureConnectionOptions = {},
  ): Promise<SecuredConnection> {
    const muxers =
      options.skipStreamMuxerNegotiation === true ? NO_MUXERS : this.#components.upgrader.getStreamMuxers();
    const tcp = takeSocket(below);
    const early = await takeEarly(below);
    if (early !== undefined) tcp.unshift(early);
    const shared = {
      secureContext: this.#context,
      ALPNProtocols: [...muxers.keys(), ALPN_NONE],
      rejectUnauthorized: false,
    };
    const socket = isServer
      ? new TLSSocket(tcp, { ...shared, isServer, requestCert: true })
      : connectTls({ ...shared, socket: tcp, minVersion: 'TLSv1.3' });
    try {
      await handshake(socket, below, options.signal);
      return this.#identify(below, socket, { options, muxers });
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  #identify(
    below: MessageStream,
    socket: TLSSocket,
    { options, muxers }: { options: SecureConnectionOptions; muxers: ReadonlyMap<string, StreamMuxerFactory> },
  ): SecuredConnection {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw new GatewayError('not-allowed', 'the peer showed no certificate');
    const id = identifyPeer(certificate.raw, this.#verify);
    const expected = options.remotePeer?.toString();
    if (expected !== undefined && expected !== id) {
      throw new GatewayError('not-allowed', `${id} is there, ${expected} is expected`);
    }
    socket.setTimeout(SOCKET_IDLE_MS, () => socket.destroy());
    const streamMuxer = muxers.get(typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : '');
    return {
      connection: new TlsConnection(below, socket, this.#reclaim),
      remotePeer: peerIdFromPublicKey(publicKeyFromRaw(publicKeyOf(id) ?? new Uint8Array(0))),
      ...(streamMuxer === undefined ? {} : { streamMuxer }),
    };
  }
}

const NO_MUXERS: ReadonlyMap<string, StreamMuxerFactory> = new Map();

/** The TCP socket under a libp2p connection, which gives it up but is told when it closes. */
function takeSocket(below: MessageStream): Socket {
  const socket = 'socket' in below ? below.socket : undefined;
  if (!(socket instanceof Socket)) throw new GatewayError('not-supported', 'native TLS needs a TCP connection');
  socket.pause();
  socket.removeAllListeners('data');
  socket.removeAllListeners('drain');
  // Its idle time is counted by the TLS socket from now on: the TCP socket sees no bytes any more.
  socket.setTimeout(0);
  return socket;
}

/** What arrived together with the last message of the negotiation before. */
async function takeEarly(below: MessageStream): Promise<Uint8Array | undefined> {
  if (below.readBufferLength === 0) return undefined;
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  below.addEventListener('message', ({ data }) => resolve(data.subarray()), { once: true });
  return promise;
}

async function handshake(socket: TLSSocket, below: MessageStream, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(new GatewayError('timeout', 'the TLS handshake took too long'));
  const onClose = (): void =>
    reject(new GatewayError('unreachable', 'the connection was closed during the TLS handshake'));
  // OpenSSL tells of the handshake from inside of a read of the connection. Whatever hangs on the promise would run in there too, and
  // the process would crash when it closes the connection: OpenSSL reads on in freed memory.
  socket.once('secure', () => setImmediate(resolve));
  socket.on('error', reject);
  socket.once('close', onClose);
  below.addEventListener('close', onClose);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted === true) onAbort();
    await promise;
  } finally {
    socket.removeListener('close', onClose);
    below.removeEventListener('close', onClose);
    signal?.removeEventListener('abort', onAbort);
  }
}
