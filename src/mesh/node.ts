import type { GossipSub, GossipSubComponents } from '@chainsafe/libp2p-gossipsub';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { type Identify, identify } from '@libp2p/identify';
import type { ConnectionGater, Libp2p } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { GatewayError } from '../base/errors.ts';
import { parseKeyId } from '../base/ids.ts';
import * as bounds from './bounds.ts';
import { type DiscoveryInit, localDiscovery } from './discovery.ts';
import type { NetworkProtector } from './network-protector.ts';

/** The libp2p node of the mesh plane. */
export type MeshNode = Libp2p<{ identify: Identify; gossip: GossipSub }>;

/** What the node is made of. */
export interface MeshNodeInit {
  readonly identity: Uint8Array;
  readonly protector: NetworkProtector;
  /** Multiaddrs. */
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  readonly gossip: (components: GossipSubComponents) => GossipSub;
  readonly refusesDialled: NonNullable<ConnectionGater['denyOutboundEncryptedConnection']>;
  /** One for each tag; none: no discovery. */
  readonly discovery: readonly DiscoveryInit[];
}

/**
 * Makes the node, not yet started. Off on purpose: connection monitor (failure detection is the core's), reconnect queue (nothing is tagged
 * for it; redialling is the owner's), relay, DHT, NAT detection. A relay for instances behind NAT adds its transport and service here.
 */
export async function createMeshNode(init: MeshNodeInit): Promise<MeshNode> {
  return createLibp2p({
    start: false,
    privateKey: await generateKeyPairFromSeed('Ed25519', init.identity),
    addresses: { listen: [...init.listen], appendAnnounce: [...init.announce] },
    transports: [tcp(tcpOptions())],
    connectionProtector: () => init.protector,
    connectionEncrypters: [noise()],
    streamMuxers: [yamux(muxerOptions())],
    connectionManager: connectionLimits(),
    connectionMonitor: { enabled: false },
    connectionGater: {
      denyInboundEncryptedConnection: (peerId) => parseKeyId(peerId.toString()) === undefined,
      denyOutboundEncryptedConnection: init.refusesDialled,
    },
    peerDiscovery: init.discovery.map(localDiscovery),
    services: {
      // Answers when asked, as gossipsub and relays require; asking on every connection would cost three milliseconds for nothing.
      identify: identify({ runOnConnectionOpen: false }),
      gossip: init.gossip,
    },
  });
}

/** Starts the node; an address it can't listen on becomes a typed error that names it. */
export async function startMeshNode(node: MeshNode): Promise<void> {
  try {
    await node.start();
  } catch (cause) {
    throw listenError(cause);
  }
}

function connectionLimits(): NonNullable<Parameters<typeof createLibp2p>[0]>['connectionManager'] & object {
  return {
    maxConnections: bounds.CONNECTIONS_MAX,
    inboundConnectionThreshold: bounds.INBOUND_PER_SECOND_MAX,
    maxIncomingPendingConnections: bounds.INBOUND_PENDING_MAX,
    maxPeerAddrsToDial: bounds.DIAL_ADDRESSES_MAX,
    dialTimeout: bounds.DIAL_TIMEOUT_MS,
    addressDialTimeout: bounds.DIAL_TIMEOUT_MS,
    inboundUpgradeTimeout: bounds.UPGRADE_TIMEOUT_MS,
    inboundStreamProtocolNegotiationTimeout: bounds.STREAM_TIMEOUT_MS,
    outboundStreamProtocolNegotiationTimeout: bounds.STREAM_TIMEOUT_MS,
    connectionCloseTimeout: bounds.STOP_FLUSH_MS,
    reconnectRetries: 0,
  };
}

function tcpOptions(): Parameters<typeof tcp>[0] & object {
  const socket = { noDelay: true, keepAlive: true, keepAliveInitialDelay: bounds.KEEP_ALIVE_DELAY_MS };
  return {
    dialOpts: socket,
    listenOpts: socket,
    maxConnections: bounds.SOCKETS_MAX,
    inboundSocketInactivityTimeout: bounds.SOCKET_IDLE_MS,
    outboundSocketInactivityTimeout: bounds.SOCKET_IDLE_MS,
  };
}

function muxerOptions(): Parameters<typeof yamux>[0] & object {
  return {
    keepAliveInterval: bounds.MUXER_PING_MS,
    maxInboundStreams: bounds.STREAMS_MAX,
    maxOutboundStreams: bounds.STREAMS_MAX,
    streamOptions: { maxStreamWindowSize: bounds.STREAM_WINDOW_BYTES_MAX },
  };
}

/** libp2p reports failed listeners as one text that holds the system's errors. */
function listenError(cause: unknown): unknown {
  const text = cause instanceof Error ? cause.message : '';
  const found = /listen (?<code>E[A-Z]+): (?<what>[^\n]*?) (?<address>\S+:\d+)\s*$/m.exec(text)?.groups;
  if (found === undefined) return cause;
  const { code, what, address } = found;
  if (code === 'EADDRINUSE') {
    return new GatewayError('address-in-use', `mesh address ${address} is already in use`, {
      remedy:
        'Stop the process that listens there, or choose another one with --listen-mesh HOST:PORT (port 0 picks a free one).',
      cause,
    });
  }
  return new GatewayError('bad-config', `cannot listen on mesh address ${address}: ${what} (${code})`, {
    remedy: 'Choose an address of this machine and a port above 1023 with --listen-mesh HOST:PORT.',
    cause,
  });
}
