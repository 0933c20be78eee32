import { privateKeyFromRaw } from '@libp2p/crypto/keys';
import type { Libp2p } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { keyPairFromSeed } from '../base/ed25519.ts';
import { GatewayError } from '../base/errors.ts';
import { parseKeyId } from '../base/ids.ts';
import type { Signer } from '../config/index.ts';
import { Protocol } from '../wire/protocols.ts';
import * as bounds from './bounds.ts';
import type { BufferReclaim } from './buffer-reclaim.ts';
import { draftCertificate } from './transport/certificate.ts';
import { streamMuxer } from './transport/muxer.ts';
import { nativeTls } from './transport/tls.ts';

/** What the node is made of. */
export interface AccessNodeInit {
  /** Ed25519 seed of the instance or the client. */
  readonly keySeed: Uint8Array;
  /** Who vouches for a client in place of the seed, which is then libp2p's own and shown to nobody. */
  readonly signer?: Signer | undefined;
  /** Multiaddrs; none for a client. */
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  readonly reclaim: BufferReclaim;
  /** What the other side may open; the protocols of the access plane if it is left out. */
  readonly protocols?: readonly string[];
}

/** What an instance serves. */
const SERVED = [Protocol.accessControl, Protocol.accessSession, Protocol.accessOpen];

/**
 * Makes the libp2p node of either side, not yet started. No gossip, no identify, no relay, no discovery: a client knows where it goes, and
 * both sides know each other's keys from the handshake.
 */
export async function createAccessNode(init: AccessNodeInit): Promise<Libp2p> {
  const key = keyPairFromSeed(init.keySeed);
  const certificate = draftCertificate((init.signer ?? key).publicKey);
  const shown = certificate.complete(await (init.signer ?? key).sign(certificate.message));
  return createLibp2p({
    start: false,
    // libp2p derives the public half of a seed in JavaScript, which takes a tenth of a second; both halves are at hand here.
    privateKey: privateKeyFromRaw(Buffer.concat([init.keySeed, key.publicKey])),
    addresses: { listen: [...init.listen], appendAnnounce: [...init.announce] },
    transports: [tcp(socketOptions())],
    connectionEncrypters: [nativeTls(shown, init.reclaim)],
    streamMuxers: [streamMuxer(new Set(init.protocols ?? SERVED))],
    connectionManager: {
      maxConnections: bounds.CONNECTIONS_MAX,
      inboundConnectionThreshold: bounds.INBOUND_PER_SECOND_MAX,
      maxIncomingPendingConnections: bounds.INBOUND_PENDING_MAX,
      maxPeerAddrsToDial: bounds.DIAL_ADDRESSES_MAX,
      dialTimeout: bounds.DIAL_TIMEOUT_MS,
      addressDialTimeout: bounds.DIAL_TIMEOUT_MS,
      inboundUpgradeTimeout: bounds.UPGRADE_TIMEOUT_MS,
      inboundStreamProtocolNegotiationTimeout: bounds.STREAM_TIMEOUT_MS,
      outboundStreamProtocolNegotiationTimeout: bounds.STREAM_TIMEOUT_MS,
      maxParallelDials: 64,
      reconnectRetries: 0,
    },
    connectionMonitor: { enabled: false },
    connectionGater: {
      denyDialMultiaddr: () => false,
      // Everybody here signs with Ed25519: an id of any other kind of key belongs to nobody.
      denyInboundEncryptedConnection: (peerId) => parseKeyId(peerId.toString()) === undefined,
    },
  });
}

/** Starts the node; an address it can't listen on becomes a typed error that names it. */
export async function startAccessNode(node: Libp2p, listen: readonly string[]): Promise<void> {
  try {
    await node.start();
  } catch (cause) {
    throw new GatewayError('address-in-use', `cannot listen on ${listen.join(', ')}: ${reasonOf(cause)}`, {
      cause,
      remedy: 'Stop what uses the port, or choose another one with --listen-access HOST:PORT.',
    });
  }
}

function reasonOf(cause: unknown): string {
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause;
  return inner instanceof Error ? inner.message : String(inner);
}

function socketOptions(): Parameters<typeof tcp>[0] {
  const socket = { noDelay: true, keepAlive: true, keepAliveInitialDelay: bounds.KEEP_ALIVE_DELAY_MS };
  return {
    maxConnections: bounds.SOCKETS_MAX,
    backlog: bounds.BACKLOG,
    inboundSocketInactivityTimeout: bounds.SOCKET_IDLE_MS,
    outboundSocketInactivityTimeout: bounds.SOCKET_IDLE_MS,
    dialOpts: socket,
    listenOpts: socket,
  };
}
