import { afterEach } from 'vitest';
import { type AccessClient, startTunnel, type Tunnel, type TunnelEvent } from '../../src/access/index.ts';
import type { TargetRecord } from '../../src/wire/record.ts';
import { connectAdmin, soon, TestMember, TestPool } from './pool.ts';
import { echo, startTarget, type Target } from './targets.ts';

/** Registers what a test has to close; called in reverse order after it. */
export function closeAfterEach(): (close: () => Promise<void>) => void {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  return (close) => closers.push(close);
}

/** Members, a client, a target and a tunnel to it, all on loopback. */
export interface World {
  readonly pool: TestPool;
  readonly members: readonly TestMember[];
  readonly client: AccessClient;
  readonly target: Target;
  readonly record: TargetRecord;
  readonly tunnel: Tunnel;
  readonly events: TunnelEvent[];
  /** Of the tunnel. */
  readonly port: number;
  /** The next event of a kind; also one that has happened already and was not waited for. */
  next<K extends TunnelEvent['kind']>(kind: K): Promise<Extract<TunnelEvent, { kind: K }>>;
}

/** What differs from one member and an echoing target. */
export interface WorldInit {
  readonly onSocket?: Parameters<typeof startTarget>[0];
  readonly members?: number;
  /** Sessions run on a second member, which the client is told a wrong address of: they go through the first. */
  readonly relayed?: boolean;
  readonly prepare?: (world: Pick<World, 'pool' | 'members'>) => void;
}

/** Builds a world that `closeLater` takes down. */
export async function createWorld(
  closeLater: (close: () => Promise<void>) => void,
  init: WorldInit = {},
): Promise<World> {
  const pool = new TestPool();
  const target = await startTarget(init.onSocket ?? echo);
  closeLater(() => target.stop());
  const labels = Array.from(
    { length: init.members ?? (init.relayed === true ? 2 : 1) },
    (_, place) => `member-${place}`,
  );
  const members = await Promise.all(labels.map((label) => new TestMember(pool, label).start()));
  for (const member of members) closeLater(() => member.stop());
  init.prepare?.({ pool, members });
  const client = await connectAdmin(members.slice(0, 1));
  closeLater(() => client.stop());
  if (init.relayed === true) hideWorker(pool, client, members[1]);
  const record = pool.addRecord('127.0.0.1', target.port);
  const log = new EventLog();
  const { recordId } = record;
  const tunnel = await startTunnel({ client, recordId, port: 0, onEvent: (event) => log.add(event) }, soon());
  closeLater(() => tunnel.stop());
  const port = Number(tunnel.listening.split(':')[1]);
  const { events } = log;
  return { pool, members, client, target, record, tunnel, events, port, next: (kind) => log.next(kind) };
}

/** A place of this machine where nothing listens. */
const NOWHERE = '/ip4/127.0.0.1/tcp/9';

function hideWorker(pool: TestPool, client: AccessClient, worker: TestMember | undefined): void {
  pool.choose = () => worker?.id;
  client.place = async (job, signal) => {
    const { jobId, worker: id } = await client.submit(job, signal);
    const stream = await client.openSession({ jobId, worker: id, addresses: [NOWHERE] }, signal);
    return { jobId, worker: id, stream };
  };
}

class EventLog {
  readonly events: TunnelEvent[] = [];
  readonly #seen = new Map<string, number>();
  #wake = Promise.withResolvers<void>();

  add(event: TunnelEvent): void {
    this.events.push(event);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async next<K extends TunnelEvent['kind']>(kind: K): Promise<Extract<TunnelEvent, { kind: K }>> {
    const place = this.#seen.get(kind) ?? 0;
    for (;;) {
      const found = this.events.filter((event): event is Extract<TunnelEvent, { kind: K }> => event.kind === kind)[
        place
      ];
      if (found !== undefined) {
        this.#seen.set(kind, place + 1);
        return found;
      }
      await this.#wake.promise;
    }
  }
}
