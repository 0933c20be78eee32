import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Connection } from '@libp2p/interface';
import { assertDefined } from '../base/assert.ts';
import { keyPairFromSeed } from '../base/ed25519.ts';
import { GatewayError } from '../base/errors.ts';
import { compareIds, type InstanceId, parseKeyId } from '../base/ids.ts';
import { formatMultiaddr, orderListenAddresses, parseDialAddress } from './address.ts';
import { FRAME_BYTES_MAX, GOSSIP_DATA_BYTES_MAX, STOP_FLUSH_MS } from './bounds.ts';
import { DialError } from './dial-error.ts';
import { Dialer } from './dialer.ts';
import { type Frame, FrameKind } from './frame.ts';
import { PoolGossip } from './gossip.ts';
import type { ListenAddress, Mesh, MeshEvent, MeshInit } from './index.ts';
import { type MeshLog, silentLog } from './log.ts';
import { NetworkProtector } from './network-protector.ts';
import { createMeshNode, type MeshNode, startMeshNode } from './node.ts';
import { LINK_PROTOCOL, Peer } from './peer.ts';

/** How late an instance that knows only the former secret may be shut out. */
const FORMER_LOOK_MS = 500;

interface Running {
  readonly node: MeshNode;
  readonly gossip: PoolGossip;
  readonly dialer: Dialer;
  readonly protector: NetworkProtector;
  readonly announced: readonly string[];
}

/** Joins node, links, gossip and dialer; see `index.ts` for what is promised. */
export class PoolMesh implements Mesh {
  readonly #init: MeshInit;
  readonly #log: MeshLog;
  readonly #self: InstanceId;
  readonly #peers = new Map<InstanceId, Peer>();
  readonly #stopping = new AbortController();
  #running: Running | undefined;
  #watch: NodeJS.Timeout | undefined;

  constructor(init: MeshInit) {
    this.#init = init;
    this.#log = init.log ?? silentLog;
    this.#self = keyPairFromSeed(init.identity).id;
  }

  async start(signal: AbortSignal): Promise<void> {
    const running = await this.#create();
    const { node, gossip } = running;
    node.addEventListener('connection:open', ({ detail }) => this.#connectionOpened(detail));
    node.addEventListener('connection:close', ({ detail }) => this.#connectionClosed(detail));
    await node.handle(LINK_PROTOCOL, (stream, connection) => {
      this.#peerOf(connection)?.acceptStream(stream, connection);
    });
    this.#running = running;
    await startMeshNode(node);
    gossip.subscribe();
    this.#watchFormer(running);
    if (!signal.aborted) return;
    await this.stop();
    throw new GatewayError('cancelled', 'start of the mesh was cancelled');
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    const deadline = AbortSignal.timeout(STOP_FLUSH_MS);
    await Promise.all([...this.#peers.values()].map((peer) => peer.close(deadline)));
    clearInterval(this.#watch);
    await this.#running?.node.stop();
    for (const peer of this.#peers.values()) peer.abort();
    this.#peers.clear();
  }

  send(to: string, bytes: Uint8Array): boolean {
    assertSize(bytes, FRAME_BYTES_MAX);
    const id = parseKeyId(to);
    return id !== undefined && (this.#peers.get(id)?.send(FrameKind.direct, bytes) ?? false);
  }

  publish(bytes: Uint8Array): void {
    assertSize(bytes, GOSSIP_DATA_BYTES_MAX);
    void this.#running?.gossip.publish(bytes).then((reached) => {
      if (reached !== undefined) this.#sendToRest(bytes, reached);
    });
  }

  async connect(addresses: readonly string[], signal: AbortSignal): Promise<InstanceId> {
    const running = this.#running;
    if (running === undefined || this.#stopping.signal.aborted) {
      throw new DialError('cancelled', addresses[0] ?? 'no address', { detail: 'the mesh does not run' });
    }
    const peer = await running.dialer.connect(addresses, AbortSignal.any([signal, this.#stopping.signal]));
    return assertDefined(parseKeyId(peer), 'the node refuses identities that are not Ed25519');
  }

  disconnect(peer: string): void {
    const id = parseKeyId(peer);
    if (id !== undefined) this.#peers.get(id)?.abort();
  }

  listenAddresses(): readonly string[] {
    if (this.#running === undefined) return [];
    const { node, announced } = this.#running;
    return orderListenAddresses(node.getMultiaddrs().map(String), announced);
  }

  linkedPeers(): readonly InstanceId[] {
    const linked = [...this.#peers].filter(([, peer]) => peer.connection !== undefined);
    return linked.map(([id]) => id).sort(compareIds);
  }

  gossipPeers(): readonly string[] {
    return this.#running?.gossip.subscribers() ?? [];
  }

  async #create(): Promise<Running> {
    const { identity, rekeyed } = this.#init;
    const listen = await Promise.all(this.#init.listen.map(listenMultiaddr));
    const announced = this.#init.announce.map((text) => parseDialAddress(text).address.toString());
    const gossip = new PoolGossip({
      topic: this.#init.poolTopic,
      formerTopic: rekeyed?.former?.poolTopic,
      usesFormer: () => this.#former !== null,
      onMessage: (bytes) => this.#emit({ kind: 'gossip', bytes }),
    });
    const protector = this.#createProtector();
    const dialer: Dialer = new Dialer({
      dial: (address, options) => node.dial(address, options),
      isConnected: (peer) => this.#isConnected(peer),
    });
    const node = await createMeshNode({
      identity,
      protector,
      listen,
      announce: announced,
      gossip: gossip.service,
      refusesDialled: (peerId, { remoteAddr }) => {
        return parseKeyId(peerId.toString()) === undefined || dialer.refuses(peerId, remoteAddr);
      },
      discovery: this.#discoveryTags().map((tag) => ({
        tag,
        log: this.#log,
        onFound: (peer, addresses) => this.#found(peer, addresses),
      })),
    });
    return { node, gossip, dialer, protector, announced };
  }

  /** What the former pool secret gave, as long as it counts. */
  get #former(): NonNullable<MeshInit['rekeyed']>['former'] {
    const former = this.#init.rekeyed?.former ?? null;
    return former !== null && Date.now() < former.untilUnixMs ? former : null;
  }

  #discoveryTags(): readonly string[] {
    const former = this.#former;
    if (!this.#init.mdns) return [];
    return former === null ? [this.#init.discoveryTag] : [this.#init.discoveryTag, former.discoveryTag];
  }

  #createProtector(): NetworkProtector {
    const { networkKey, rekeyed } = this.#init;
    return new NetworkProtector(
      {
        key: networkKey,
        former: () => this.#former?.networkKey ?? null,
        replaced: rekeyed?.replacedKeys ?? [],
        succession: rekeyed?.succession ?? new Uint8Array(0),
      },
      {
        onReplaced: (succession) => this.#emit({ kind: 'secret-replaced', succession }),
        onRefused: (address) => this.#emit({ kind: 'former-refused', address }),
      },
    );
  }

  /** When the former secret counts no more, whoever knows no other is out at once. */
  #watchFormer({ protector, gossip }: Running): void {
    if (this.#former === null) return;
    this.#watch = setInterval(() => {
      if (this.#former !== null) return;
      clearInterval(this.#watch);
      protector.shutOutFormer();
      gossip.leaveFormer();
    }, FORMER_LOOK_MS).unref();
  }

  #isConnected(peer: string): boolean {
    const id = parseKeyId(peer);
    return id !== undefined && (this.#peers.get(id)?.isConnected ?? false);
  }

  #found(peer: string, addresses: readonly string[]): void {
    if (peer !== this.#self && !this.#isConnected(peer)) this.#emit({ kind: 'peer-found', addresses });
  }

  #connectionOpened(connection: Connection): void {
    if (connection.status === 'open') this.#peerOf(connection)?.addConnection(connection);
  }

  #connectionClosed(connection: Connection): void {
    const id = parseKeyId(connection.remotePeer.toString());
    const peer = id === undefined ? undefined : this.#peers.get(id);
    if (id === undefined || peer === undefined) return;
    peer.removeConnection(connection);
    if (!peer.hasConnections) this.#peers.delete(id);
  }

  #peerOf(connection: Connection): Peer | undefined {
    const id = parseKeyId(connection.remotePeer.toString());
    if (id === undefined) return undefined;
    const known = this.#peers.get(id);
    if (known !== undefined) return known;
    const peer = this.#createPeer(id);
    this.#peers.set(id, peer);
    return peer;
  }

  #createPeer(id: InstanceId): Peer {
    return new Peer({
      id,
      opens: compareIds(this.#self, id) < 0,
      log: this.#log,
      onUp: (connection) => {
        this.#running?.gossip.attach(connection.remotePeer, connection);
        this.#emit({ kind: 'link-up', peer: id });
      },
      onDown: (reason) => {
        this.#running?.gossip.detach(id);
        this.#emit({ kind: 'link-down', peer: id, reason });
      },
      onFrame: (frame) => this.#received(id, frame),
    });
  }

  #received(from: InstanceId, { kind, payload }: Frame): void {
    if (kind === FrameKind.direct) this.#emit({ kind: 'direct', from, bytes: payload });
    if (kind === FrameKind.gossip && payload.length <= GOSSIP_DATA_BYTES_MAX)
      this.#emit({ kind: 'gossip', bytes: payload });
  }

  /** A link stands before gossip has exchanged subscriptions over it, and gossip may lose a stream: those peers get the message over the link. */
  #sendToRest(bytes: Uint8Array, reached: ReadonlySet<string>): void {
    for (const [id, peer] of this.#peers) {
      if (!reached.has(id)) peer.send(FrameKind.gossip, bytes);
    }
  }

  #emit(event: MeshEvent): void {
    if (this.#stopping.signal.aborted) return;
    try {
      this.#init.onEvent(event);
    } catch (error) {
      // libp2p would swallow it: a bug in the owner must be seen.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

async function listenMultiaddr({ host, port }: ListenAddress): Promise<string> {
  if (isIP(host) !== 0) return formatMultiaddr(host, port);
  try {
    const { address } = await lookup(host);
    return formatMultiaddr(address, port);
  } catch (cause) {
    throw new GatewayError('bad-config', `mesh listen host "${host}" is not known`, {
      remedy: 'Use an IP address of this machine with --listen-mesh HOST:PORT.',
      cause,
    });
  }
}

function assertSize(bytes: Uint8Array, max: number): void {
  if (bytes.length <= max) return;
  throw new GatewayError('bad-message', `message of ${bytes.length} bytes, allowed are ${max}`);
}
