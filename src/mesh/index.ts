/**
 * The mesh plane: carries messages between the instances of one pool, over libp2p, in a private network keyed from the pool secret. It is *not*
 * a protocol: whom to dial, who is alive, what a message means and what to do about a lost one is decided by its owner.
 *
 * Invariants: whoever does not know the pool secret fails before any handler runs. There is at most one link per peer, and per peer `link-up` and
 * `link-down` alternate, beginning with `link-up`. On one link messages arrive in the order sent. Everything that can wait has a bound (`bounds.ts`).
 */
import type { InstanceId } from '../base/ids.ts';
import type { LinkDownReason } from './link.ts';
import type { MeshLog } from './log.ts';
import { PoolMesh } from './pool-mesh.ts';

export { DialError, type DialReason } from './dial-error.ts';
export type { LinkDownReason } from './link.ts';
export type { MeshLog } from './log.ts';

/** What the mesh tells its owner. */
export type MeshEvent =
  /** Messages can be sent to that instance. */
  | { readonly kind: 'link-up'; readonly peer: InstanceId }
  /** They no longer can; what was sent and not answered may be lost. */
  | { readonly kind: 'link-down'; readonly peer: InstanceId; readonly reason: LinkDownReason }
  | { readonly kind: 'direct'; readonly from: InstanceId; readonly bytes: Uint8Array }
  /** Published on the pool topic by any instance, passed on by any other: who sent it is only what it says itself. Seldom, one arrives twice. */
  | { readonly kind: 'gossip'; readonly bytes: Uint8Array }
  /** Local discovery heard an instance that is not connected; repeated while that is so. Not verified: anyone on the network can claim it. */
  | { readonly kind: 'peer-found'; readonly addresses: readonly string[] }
  /** Whoever was dialled has replaced the pool secret of this instance, and shows the statement of the pool, which is not verified here. */
  | { readonly kind: 'secret-replaced'; readonly succession: Uint8Array }
  /** Somebody at this address came with a pool secret that was replaced, and was refused. */
  | { readonly kind: 'former-refused'; readonly address: string };

/** Where to listen. */
export interface ListenAddress {
  /** IP address or host name; `0.0.0.0` and `::` stand for every address of the machine. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

/** What a mesh knows of pool secrets before the present one. */
export interface MeshRekeyed {
  /** What the former secret gave, while instances that know no other are let in; null: none is. */
  readonly former: {
    readonly poolTopic: string;
    readonly networkKey: Uint8Array;
    readonly discoveryTag: string;
    readonly untilUnixMs: number;
  } | null;
  /** Network keys of earlier secrets: whoever comes with one is told that it was replaced. */
  readonly replacedKeys: readonly Uint8Array[];
  /** What they are told: the statement signed by admins. */
  readonly succession: Uint8Array;
}

/** What a mesh starts with. */
export interface MeshInit {
  /** Ed25519 seed, 32 bytes. */
  readonly identity: Uint8Array;
  readonly poolTopic: string;
  /** Private network key, 32 bytes derived from the pool secret. */
  readonly networkKey: Uint8Array;
  /** Names this pool in local discovery; derived from the pool secret. */
  readonly discoveryTag: string;
  /** After the pool secret was replaced. */
  readonly rekeyed?: MeshRekeyed | undefined;
  readonly listen: readonly ListenAddress[];
  /** `host:port` or multiaddr under which others reach this instance, in addition to the addresses it listens on. */
  readonly announce: readonly string[];
  /** Look for instances on the local network. */
  readonly mdns: boolean;
  /** Called synchronously, in order, between `start` and `stop`. Must not throw. */
  onEvent(event: MeshEvent): void;
  readonly log?: MeshLog;
}

/** The mesh plane of one instance. */
export interface Mesh {
  /** Listens and takes part from then on. Throws `address-in-use`, `bad-config`. */
  start(signal: AbortSignal): Promise<void>;
  /** Sends what is queued (half a second at most), closes everything. No event follows the call. */
  stop(): Promise<void>;
  /** Queues a message to a linked instance; false at once if there is no link or its queue is full: then nothing was or will be sent. Throws `bad-message` above 1 MiB. */
  send(to: string, bytes: Uint8Array): boolean;
  /** Sends to every instance, without guarantee. The same bytes published again within half a minute are dropped. Throws `bad-message` above 64 KiB. */
  publish(bytes: Uint8Array): void;
  /**
   * Dials the addresses of one instance (`host:port` or multiaddr, with or without `/p2p/ID`): the next one is tried alongside when the one before is slow,
   * three seconds at most for each; the peer id of who answered. Already connected counts as success. `link-up` follows. Throws the most telling
   * `DialError`, or `bad-usage` for text that is no address.
   */
  connect(addresses: readonly string[], signal: AbortSignal): Promise<InstanceId>;
  /** Closes the connection to that peer now; `link-down` is reported before this returns. */
  disconnect(peer: string): void;
  /** Multiaddrs with peer id under which this instance may be reached, with the port really bound: announced ones first, loopback last. */
  listenAddresses(): readonly string[];
  /** Peers with a link, in the order of their ids. */
  linkedPeers(): readonly InstanceId[];
  /** Peers known to be subscribed to the pool topic, in the order of their ids. */
  gossipPeers(): readonly string[];
}

/** Makes the mesh plane, not yet started. */
export function createMesh(init: MeshInit): Mesh {
  return new PoolMesh(init);
}
