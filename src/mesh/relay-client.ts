import { type CircuitRelayTransportComponents, circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import type { Connection, Topology, Transport } from '@libp2p/interface';
import { RELAYED_STREAMS_MAX, RELAYS_MAX, RESERVE_TIMEOUT_MS } from './bounds.ts';

/**
 * libp2p's circuit relay (libp2p specs, relay/circuit-v2) as its client: dials through relays and holds reservations on them. Left to itself it looks for
 * relays on its own, dials whatever discovery finds, and has lost relays redialled. So it sees a world in which there is nothing to
 * find: it learns of a relay only by `ask`.
 */
export class RelayClient {
  #topology: Topology | undefined;

  /** Each of these holds one reservation. */
  readonly listen: readonly string[] = Array.from({ length: RELAYS_MAX }, () => '/p2p-circuit');

  /** Makes the libp2p transport. */
  readonly transport = (components: CircuitRelayTransportComponents): Transport => {
    const transport = circuitRelayTransport({
      maxInboundStopStreams: RELAYED_STREAMS_MAX,
      maxOutboundStopStreams: RELAYED_STREAMS_MAX,
      reservationCompletionTimeout: RESERVE_TIMEOUT_MS,
    });
    return transport(this.#secluded(components));
  };

  /** Asks the other side of this connection for a reservation, unless there are enough. If it is granted, the listen addresses show it. */
  ask(connection: Connection): void {
    this.#topology?.onConnect?.(connection.remotePeer, connection);
  }

  #secluded(components: CircuitRelayTransportComponents): CircuitRelayTransportComponents {
    const { peerId, addressManager, connectionGater, connectionManager, events, logger, upgrader } = components;
    const { peerStore, registrar, transportManager } = components;
    return {
      peerId,
      addressManager,
      connectionGater,
      events,
      logger,
      upgrader,
      connectionManager: withChanges(connectionManager, { isDialable: async () => false }),
      peerStore: withChanges(peerStore, {
        all: async () => [],
        // A tag would have the relay redialled: that is the owner's decision.
        merge: (peer, { tags: _, ...data }, options) => peerStore.merge(peer, data, options),
      }),
      registrar: withChanges(registrar, {
        register: async (protocol, topology) => {
          this.#topology = topology;
          return protocol;
        },
        unregister: () => undefined,
      }),
      // A relay that remembers a reservation we have forgotten: the connection is taken, the reservation is not renewed.
      transportManager: withChanges(transportManager, { listen: () => Promise.reject(new Error('not by the relay')) }),
      randomWalk: {
        walk: () => {
          throw new Error('relays are named by the owner');
        },
      },
    };
  }
}

/** The same object with some methods replaced. */
function withChanges<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get: (_, key) => {
      if (Object.hasOwn(changes, key)) return Reflect.get(changes, key);
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
