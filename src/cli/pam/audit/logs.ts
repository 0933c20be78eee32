import type { AccessClient } from '../../../access/client/index.ts';
import { GatewayError } from '../../../base/errors.ts';
import type { MemberSummary } from '../../../wire/access-member.ts';
import type { AccessAnswer, AuditMatch } from '../../../wire/access-message.ts';
import { type Connected, clientInit } from '../connection.ts';
import { liveMembers, readPool } from '../pool-view.ts';

/** The log of one instance, read from that instance itself: nobody else's word counts for it. */
export interface InstanceLog {
  readonly instanceId: string;
  readonly name: string;
  /** Entries behind a sequence number, or the newest. Throws what the instance says, `unreachable`. */
  page(query: AuditQuestion, signal: AbortSignal): Promise<Extract<AccessAnswer, { kind: 'audit' }>>;
}

/** Which entries are wanted. */
export interface AuditQuestion {
  readonly after: number | null;
  readonly most: number;
  readonly match: AuditMatch | null;
}

/** An instance of the pool whose log could not be read, and why. */
export interface SilentInstance {
  readonly instanceId: string;
  readonly name: string;
  readonly reason: string;
}

/** What is read of a pool. */
export interface PoolLogs {
  readonly logs: readonly InstanceLog[];
  readonly silent: readonly SilentInstance[];
}

/** Instances that are connected to at the same time. */
const CONNECTING_MAX = 8;

/** Opens the logs of all live instances, does the work, and closes every connection. */
export async function withLogs<T>(
  connected: Connected,
  signal: AbortSignal,
  work: (logs: PoolLogs) => Promise<T>,
): Promise<T> {
  const members = liveMembers(await readPool(connected.client, signal));
  const clients: AccessClient[] = [];
  const logs: InstanceLog[] = [];
  const silent: SilentInstance[] = [];
  try {
    const waiting = [...members];
    const connectNext = async (): Promise<void> => {
      for (let member = waiting.shift(); member !== undefined; member = waiting.shift()) {
        const { instanceId, name } = member;
        try {
          const client = await connectTo(connected, member, signal);
          clients.push(client);
          logs.push(logOf(client, member));
        } catch (error) {
          if (!(error instanceof GatewayError) || error.code === 'not-allowed') throw error;
          silent.push({ instanceId, name, reason: error.message });
        }
      }
    };
    await Promise.all(Array.from({ length: CONNECTING_MAX }, connectNext));
    const order = members.map(({ instanceId }) => String(instanceId));
    logs.sort((left, right) => order.indexOf(left.instanceId) - order.indexOf(right.instanceId));
    return await work({ logs, silent });
  } finally {
    await Promise.all(clients.map((client) => client.stop()));
  }
}

/** A connection with this very instance. Throws `unreachable` when somebody else answers at its addresses. */
async function connectTo(
  { profile }: Connected,
  { instanceId, accessAddresses, name }: MemberSummary,
  signal: AbortSignal,
): Promise<AccessClient> {
  if (accessAddresses.length === 0) throw new GatewayError('unreachable', `${name} has told no address for clients`);
  const { connectAccess } = await import('../../../access/client/index.ts');
  const client = await connectAccess(clientInit({ ...profile, addresses: accessAddresses }), signal);
  if ((await client.welcome(signal)).instanceId === instanceId) return client;
  await client.stop();
  throw new GatewayError('unreachable', `another instance answers at the addresses of ${name}`);
}

function logOf(client: AccessClient, { instanceId, name }: MemberSummary): InstanceLog {
  return {
    instanceId,
    name,
    page: async (query, signal) => {
      const page = await client.request({ kind: 'audit-page', ...query }, 'audit', signal);
      if (page.instanceId === instanceId) return page;
      throw new GatewayError('unreachable', `${name} was lost while its log was read`);
    },
  };
}

/** Entries of one question. */
const PAGE = 500;

/** Every line of a log that matches, from the oldest on. */
export async function* readLog(
  log: InstanceLog,
  { match, signal }: { readonly match: AuditMatch | null; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  let after = 0;
  for (;;) {
    const page = await log.page({ after, most: PAGE, match }, signal);
    yield* page.lines;
    if (page.next >= page.end || page.next <= after) return;
    after = page.next;
  }
}
