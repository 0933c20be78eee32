import {
  type GossipSub,
  type GossipSubComponents,
  type GossipsubOpts,
  gossipsub,
  StrictNoSign,
  TopicValidatorResult,
} from '@chainsafe/libp2p-gossipsub';
import type { Connection, PeerId, Stream, Topology } from '@libp2p/interface';
import { sha256 } from '../base/bytes.ts';
import {
  GOSSIP_DATA_BYTES_MAX,
  GOSSIP_DONT_WANT_BYTES,
  GOSSIP_INCOMPLETE_HEARTBEATS_MAX,
  GOSSIP_PACKET_BYTES_MAX,
  GOSSIP_PRUNE_BACKOFF_MS,
  GOSSIP_QUEUE_BYTES_MAX,
  GOSSIP_SEEN_MS,
  STREAMS_MAX,
} from './bounds.ts';

const GOSSIP_PROTOCOL_PREFIX = '/meshsub/';

/** What gossip needs. */
export interface PoolGossipInit {
  readonly topic: string;
  /** The topic of the former pool secret, where there is one. */
  readonly formerTopic?: string | undefined;
  /** True while instances are let in that know only the former topic: all others know it too, so it is where messages go. */
  usesFormer?(): boolean;
  onMessage(bytes: Uint8Array): void;
}

interface Attachment {
  readonly peerId: PeerId;
  readonly connection: Connection;
  /** Heartbeats in a row without our stream to the peer. */
  mutedHeartbeats: number;
  /** Heartbeats in a row without the peer's subscription. */
  silentHeartbeats: number;
}

/**
 * The pool topic over gossipsub. Members sign their messages themselves, so gossipsub adds no signature, no sender and no sequence number, and
 * tells messages apart by the hash of their bytes.
 *
 * Gossipsub would open its streams to a peer on whichever connection is identified first, and loses a peer for good when that is the one of two
 * simultaneous connections which is then closed. So it does not see connections: it learns of a peer when the link is up and with the link's
 * connection, and forgets it with the link.
 */
export class PoolGossip {
  readonly #init: PoolGossipInit;
  readonly #attached = new Map<string, Attachment>();
  #topology: Topology | undefined;
  #router: GossipSub | undefined;

  constructor(init: PoolGossipInit) {
    this.#init = init;
  }

  /** Makes the libp2p service. */
  readonly service = (components: GossipSubComponents): GossipSub => {
    const topics = this.#topics();
    const router = gossipsub(options(topics))(this.#withoutConnections(components));
    for (const topic of topics) {
      router.topicValidators.set(topic, (_peer, { data }) =>
        data.length <= GOSSIP_DATA_BYTES_MAX ? TopicValidatorResult.Accept : TopicValidatorResult.Reject,
      );
    }
    router.addEventListener('message', ({ detail }) => {
      if (topics.includes(detail.topic)) this.#init.onMessage(detail.data);
    });
    router.addEventListener('gossipsub:heartbeat', () => this.#repair());
    this.#router = router;
    return router;
  };

  /** Joins the pool topic, and the former one; the node must run. */
  subscribe(): void {
    for (const topic of this.#topics()) this.#router?.subscribe(topic);
  }

  /** Leaves the topic of the former pool secret. */
  leaveFormer(): void {
    const { formerTopic } = this.#init;
    if (formerTopic !== undefined) this.#router?.unsubscribe(formerTopic);
  }

  /** Exchanges gossip with the peer over this connection from now on. */
  attach(peerId: PeerId, connection: Connection): void {
    const attachment: Attachment = { peerId, connection, mutedHeartbeats: 0, silentHeartbeats: 0 };
    this.#attached.set(peerId.toString(), attachment);
    // Streams of an earlier link that just broke make gossipsub forget the peer, some microtasks later: after that it learns of this one.
    setImmediate(() => {
      if (this.#attached.get(peerId.toString()) === attachment) this.#connect(attachment);
    });
  }

  /** Ends the exchange with the peer. */
  detach(peer: string): void {
    const attachment = this.#attached.get(peer);
    if (attachment === undefined) return;
    this.#attached.delete(peer);
    this.#disconnect(attachment);
  }

  /** Peers known to be subscribed to the pool topic, in the order of their ids. */
  subscribers(): readonly string[] {
    return (this.#router?.getSubscribers(this.#topic) ?? []).map(String).sort();
  }

  /** Sends the message to everyone subscribed; the peers it went to, or undefined if these bytes were published just before. */
  async publish(bytes: Uint8Array): Promise<ReadonlySet<string> | undefined> {
    try {
      const result = await this.#router?.publish(this.#topic, bytes);
      return new Set(result?.recipients.map(String));
    } catch (error) {
      if (error instanceof Error && error.message === 'PublishError.Duplicate') return undefined;
      return new Set();
    }
  }

  #topics(): readonly string[] {
    const { topic, formerTopic } = this.#init;
    return formerTopic === undefined ? [topic] : [topic, formerTopic];
  }

  /** Where messages go at this moment. */
  get #topic(): string {
    const { topic, formerTopic, usesFormer } = this.#init;
    return formerTopic !== undefined && usesFormer?.() === true ? formerTopic : topic;
  }

  /** The components with a registrar that keeps gossipsub's wish to hear of connections to itself. */
  #withoutConnections(components: GossipSubComponents): GossipSubComponents {
    const { privateKey, peerId, peerStore, connectionManager, logger, registrar } = components;
    const registrarWithoutConnections: GossipSubComponents['registrar'] = {
      getProtocols: () => registrar.getProtocols(),
      handle: (protocol, handler, handlerOptions) => registrar.handle(protocol, handler, handlerOptions),
      unhandle: (protocol, unhandleOptions) => registrar.unhandle(protocol, unhandleOptions),
      getHandler: (protocol) => registrar.getHandler(protocol),
      use: (protocol, middleware) => registrar.use(protocol, middleware),
      unuse: (protocol) => registrar.unuse(protocol),
      getMiddleware: (protocol) => registrar.getMiddleware(protocol),
      // The same topology is registered for each version of the protocol: one is enough.
      register: async (protocol, topology) => {
        this.#topology = topology;
        return protocol;
      },
      unregister: () => undefined,
      getTopologies: () => [],
    };
    return { privateKey, peerId, peerStore, connectionManager, logger, registrar: registrarWithoutConnections };
  }

  #connect({ peerId, connection }: Attachment): void {
    if (connection.status === 'open') this.#topology?.onConnect?.(peerId, connection);
  }

  #disconnect({ peerId, connection }: Attachment): void {
    this.#topology?.onDisconnect?.(peerId);
    // Gossipsub only half-closes them, and they would count against the connection's streams.
    for (const stream of gossipStreams(connection)) stream.abort(new Error('the exchange of gossip ended'));
  }

  /**
   * Gossipsub does not reopen a stream that broke (a full queue, a reset), and keeps one for good that was reset while it was opened. Where ours to a linked
   * peer is missing, gossipsub is asked for it; where that does not help, or the peer's subscription stays out, the exchange with that peer starts afresh.
   */
  #repair(): void {
    const subscribers = new Set(this.subscribers());
    for (const [peer, attachment] of this.#attached) {
      const hasOwnStream = gossipStreams(attachment.connection).some(
        ({ direction, writeStatus }) => direction === 'outbound' && writeStatus === 'writable',
      );
      attachment.mutedHeartbeats = hasOwnStream ? 0 : attachment.mutedHeartbeats + 1;
      attachment.silentHeartbeats = subscribers.has(peer) ? 0 : attachment.silentHeartbeats + 1;
      if (Math.max(attachment.mutedHeartbeats, attachment.silentHeartbeats) > GOSSIP_INCOMPLETE_HEARTBEATS_MAX) {
        attachment.mutedHeartbeats = 0;
        attachment.silentHeartbeats = 0;
        this.#disconnect(attachment);
      } else if (!hasOwnStream) {
        this.#connect(attachment);
      }
    }
  }
}

function gossipStreams(connection: Connection): readonly Stream[] {
  return connection.streams.filter(({ protocol }) => protocol.startsWith(GOSSIP_PROTOCOL_PREFIX));
}

function options(topics: readonly string[]): Partial<GossipsubOpts> {
  return {
    allowedTopics: [...topics],
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: ({ data }) => sha256(data),
    emitSelf: false,
    fallbackToFloodsub: false,
    // Small pools: a message goes to everyone subscribed, whether grafted or not.
    floodPublish: true,
    batchPublish: true,
    allowPublishToZeroTopicPeers: true,
    D: 6,
    Dlo: 4,
    Dhi: 12,
    // Announced each second to all who are not grafted, in pools up to about 16: who is not connected to the publisher misses nothing.
    Dlazy: 12,
    idontwantMinDataSize: GOSSIP_DONT_WANT_BYTES,
    pruneBackoff: GOSSIP_PRUNE_BACKOFF_MS,
    unsubcribeBackoff: GOSSIP_PRUNE_BACKOFF_MS,
    graftFloodThreshold: GOSSIP_PRUNE_BACKOFF_MS / 2,
    seenTTL: GOSSIP_SEEN_MS,
    maxInboundDataLength: GOSSIP_PACKET_BYTES_MAX,
    maxOutboundBufferSize: GOSSIP_QUEUE_BYTES_MAX,
    maxInboundStreams: STREAMS_MAX,
    maxOutboundStreams: STREAMS_MAX,
    // No peer exchange and no tags: who is connected is the owner's business.
    doPX: false,
    tagMeshPeers: false,
    // Scoring judges strangers. Members are known, and many may share one address, for which gossipsub would mute them.
    scoreParams: { topics: {}, IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0, appSpecificWeight: 0 },
  };
}
