import type { AccessClient } from '../../access/client/index.ts';
import type { MemberSummary } from '../../wire/access-member.ts';
import type { PoolPage } from '../../wire/access-message.ts';
import { MEMBERS_MAX } from '../../wire/bounds.ts';

/** The pool as one instance sees it. */
export interface PoolSummary {
  readonly gatewayUid: string;
  readonly gatewayName: string;
  readonly maxInstances: number;
  readonly limitVersion: number;
  /** Oldest in the order of decisions first, the dead and the gone last. */
  readonly members: readonly MemberSummary[];
}

/** Reads the whole pool, page by page. What the answering instance holds itself is in the page, not beside its name. */
export async function readPool(client: AccessClient, signal: AbortSignal): Promise<PoolSummary> {
  const members: MemberSummary[] = [];
  let page: PoolPage | undefined;
  do {
    page = await client.request({ kind: 'pool-view', after: page?.next ?? null }, 'pool', signal);
    members.push(...page.members);
  } while (page.next !== null && members.length <= MEMBERS_MAX);
  const { gatewayUid, gatewayName, maxInstances, limitVersion } = page;
  const { instanceId: answering } = await client.welcome(signal);
  const known = members.map((member) =>
    member.instanceId === answering ? { ...member, heldLimitVersion: limitVersion } : member,
  );
  return { gatewayUid, gatewayName, maxInstances, limitVersion, members: known.sort(compareRank) };
}

/** Members that take part, whether they serve or wait. */
export function liveMembers({ members }: PoolSummary): readonly MemberSummary[] {
  return members.filter(({ rank }) => rank !== null);
}

/** Members that hold a seat: what the limit counts. */
export function countRunning(pool: PoolSummary): number {
  return liveMembers(pool).filter(({ seatLimitVersion }) => seatLimitVersion !== null).length;
}

/** The highest version that any live instance holds: an instance that was cut off must not make the next version too low. */
export function highestLimitVersion(pool: PoolSummary): number {
  return Math.max(pool.limitVersion, ...liveMembers(pool).map(({ heldLimitVersion }) => heldLimitVersion ?? 0));
}

function compareRank(left: MemberSummary, right: MemberSummary): number {
  return (left.rank ?? Number.MAX_SAFE_INTEGER) - (right.rank ?? Number.MAX_SAFE_INTEGER);
}
