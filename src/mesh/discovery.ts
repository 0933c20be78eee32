import type { PeerDiscovery } from '@libp2p/interface';
import { type MulticastDNSComponents, mdns } from '@libp2p/mdns';
import { orderListenAddresses } from './address.ts';
import type { MeshLog } from './log.ts';

/** What discovery needs. */
export interface DiscoveryInit {
  /** Derived from the pool secret: pools on one network do not see each other's instances. */
  readonly tag: string;
  readonly log: MeshLog;
  onFound(peer: string, addresses: readonly string[]): void;
}

const QUERY_INTERVAL_MS = 10_000;
/** A DNS label has 63 characters; the rest is for the prefix. */
const TAG_LENGTH_MAX = 48;

/**
 * Finds instances on the local network by multicast DNS. Every answer is reported, again and again: whether to dial is the owner's decision.
 * Without multicast nothing is found and nothing fails.
 */
export function localDiscovery(init: DiscoveryInit): (components: MulticastDNSComponents) => PeerDiscovery {
  return ({ addressManager }) => {
    const service = mdns({
      serviceTag: `_pam-${init.tag.slice(0, TAG_LENGTH_MAX)}._udp.local`,
      interval: QUERY_INTERVAL_MS,
    })({
      addressManager,
      logger: { forComponent: () => debugLogger(init.log) },
    });
    service.addEventListener('peer', ({ detail }) => {
      const peer = detail.id.toString();
      const addresses = detail.multiaddrs.map((address) => `${address.toString()}/p2p/${peer}`);
      init.onFound(peer, orderListenAddresses(addresses, []));
    });
    return service;
  };
}

type Logger = ReturnType<MulticastDNSComponents['logger']['forComponent']>;

/** Passes the first complaint on as a debug line: on a host without multicast the same one comes every few seconds. */
function debugLogger(log: MeshLog): Logger {
  let complained = false;
  const complain = (_format: unknown, cause?: unknown): void => {
    if (complained) return;
    complained = true;
    log.debug({ cause: cause instanceof Error ? cause.message : undefined }, 'local discovery is not available');
  };
  const logger: Logger = Object.assign(() => undefined, {
    error: complain,
    trace: () => undefined,
    enabled: false,
    newScope: () => logger,
  });
  return logger;
}
