/**
 * The access plane's server: answers clients' requests and carries their sessions. It is *not* an authority: the running instance decides, through
 * its port, and checks every signed thing again itself.
 *
 * Invariants: nobody gets anything but a refusal without an admin key or a grant that admins signed. A session begins only with a claim
 * signed by the caller of its job. Everything that can wait has a bound (`bounds.ts`).
 */
import type { Connection, Libp2p, PeerId } from '@libp2p/interface';
import type { Audit } from '../../audit/index.ts';
import { createEd25519Verify } from '../../base/ed25519.ts';
import type { PoolPort } from '../../pool-port.ts';
import type { Desk } from '../../recording/index.ts';
import type { Reveal, Vault } from '../../vault/index.ts';
import { Protocol } from '../../wire/protocols.ts';
import type { WorkloadTable } from '../../workloads/index.ts';
import { formatMultiaddr, parseAccessAddress } from '../address.ts';
import { CONTROL_STREAMS_MAX, STREAMS_MAX } from '../bounds.ts';
import { BufferReclaim } from '../buffer-reclaim.ts';
import { type AccessLog, silentLog } from '../log.ts';
import { createAccessNode, startAccessNode } from '../node.ts';
import { type StreamTakers, takeStreams } from '../transport/mux-streams.ts';
import { ControlServer } from './control.ts';
import { DeskServer } from './desk.ts';
import { Directory } from './directory.ts';
import { Ledger } from './ledger.ts';
import { OpeningServer } from './openings.ts';
import { Relay } from './relay.ts';
import { SessionServer } from './sessions.ts';
import { Visitors } from './visitors.ts';
import { Worker } from './worker.ts';

/** What the server starts with. */
export interface AccessServerInit {
  /** Ed25519 seed of the instance, 32 bytes. */
  readonly identity: Uint8Array;
  /** `proveInstance` of the pool's access key and this instance's id; another one after the pool secret was replaced. */
  readonly proof: () => Uint8Array;
  /** The sealed statement that the pool secret was replaced; left out: it never was. */
  readonly succession?: Uint8Array | undefined;
  /** IP addresses or host names with their port; port 0 picks a free one. */
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  /** `host:port` or multiaddr under which clients reach this instance, in addition to the addresses it listens on. */
  readonly announce: readonly string[];
  readonly port: PoolPort;
  readonly workloads: WorkloadTable;
  readonly vault: Vault;
  /** X25519 key that clients seal credentials to; null: this vault takes none from them. */
  readonly vaultKey: () => Uint8Array | null;
  /** Shows secrets; left out: nothing is revealed. */
  readonly reveal?: Reveal;
  readonly audit: Audit;
  /** Answers questions about this instance's sessions and recordings. */
  readonly desk: Desk;
  readonly log?: AccessLog;
}

/** The running server. */
export interface AccessServer {
  /** Multiaddrs with the port really bound: announced ones first, loopback last. */
  addresses(): readonly string[];
  /** Sessions under way on this instance. */
  sessions(): number;
  /** Connections of clients, and of instances that relay for them. */
  connections(): number;
  /** Who is connected with this instance, as far as libp2p remembers: nobody else is remembered. */
  peers(): Promise<readonly string[]>;
  /** Closes everything now, sessions too. */
  stop(): Promise<void>;
}

/** Listens and serves from then on. Throws `address-in-use`, `bad-config`. */
export async function startAccessServer(init: AccessServerInit): Promise<AccessServer> {
  const listen = init.listen.map(({ host, port }) => formatMultiaddr(host, port));
  const announce = init.announce.map(parseAccessAddress);
  const reclaim = new BufferReclaim();
  const node = await createAccessNode({ keySeed: init.identity, listen, announce, reclaim });
  const worker = await serveProtocols(node, reclaim, init);
  await startAccessNode(node, listen);
  return {
    addresses: () => orderAddresses(node, announce),
    sessions: () => worker.sessions,
    connections: () => inbound(node).length,
    peers: async () => (await node.peerStore.all()).map(({ id }) => id.toString()),
    stop: async () => {
      await worker.stop();
      await node.stop();
    },
  };
}

async function serveProtocols(
  node: Libp2p,
  reclaim: BufferReclaim,
  { port, workloads, desk, vault, vaultKey, reveal, proof, succession, audit, log = silentLog }: AccessServerInit,
): Promise<Worker> {
  const verify = createEd25519Verify();
  const visitors = new Visitors((peer) => void forget(node, peer));
  const worker = new Worker({ port, workloads, vault, audit, reclaim, log });
  const directory = new Directory(port);
  const relay = new Relay(node, directory);
  const ledger = new Ledger(audit);
  const sessions = new SessionServer({
    port,
    verify,
    visitors,
    worker,
    relay,
    ledger,
    desk: new DeskServer({ port, desk, ledger, log }),
    log,
  });
  const openings = new OpeningServer({ port, directory, visitors, worker, ledger, log });
  const takers: StreamTakers = new Map([
    [Protocol.accessSession, (stream, connection) => void sessions.serve(stream, connection)],
    [Protocol.accessOpen, (stream, connection) => void openings.serve(stream, connection)],
  ]);
  node.addEventListener('connection:open', ({ detail }) => {
    visitors.arrive(detail);
    takeStreams(detail, takers);
  });
  await node.handle(
    Protocol.accessControl,
    (stream, connection) =>
      new ControlServer(
        { port, directory, verify, visitors, proof, succession, vaultKey, reveal: reveal ?? null, audit, ledger, log },
        stream,
        connection,
      ).start(),
    { maxInboundStreams: CONTROL_STREAMS_MAX },
  );
  // For what arrives before the connection is made known here.
  for (const [protocol, take] of takers)
    await node.handle(protocol, take, { maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX });
  return worker;
}

/** libp2p remembers every peer it has met, also those that come with a new key each time. */
async function forget(node: Libp2p, peer: PeerId): Promise<void> {
  if (node.getConnections(peer).length > 0) return;
  await node.peerStore.delete(peer).catch(() => undefined);
}

function inbound(node: Libp2p): readonly Connection[] {
  return node.getConnections().filter(({ direction }) => direction === 'inbound');
}

function orderAddresses(node: Libp2p, announced: readonly string[]): readonly string[] {
  const rank = (address: string): number => {
    if (announced.some((own) => address === own || address.startsWith(`${own}/`))) return 0;
    return /^\/(?:ip4\/127\.|ip6\/::1\/)/.test(address) ? 2 : 1;
  };
  return node
    .getMultiaddrs()
    .map(String)
    .sort((left, right) => rank(left) - rank(right));
}
