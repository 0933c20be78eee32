import type { InstanceId } from '../../src/base/ids.ts';
import { type Stamp, STAMP_ZERO } from '../../src/base/stamp.ts';
import type { PoolMachine } from '../../src/core/index.ts';
import type { MemberState, Seat } from '../../src/wire/member-record.ts';

/** What an instance says of itself at a moment. */
export interface SelfSight {
  readonly state: MemberState;
  readonly seat: Seat | null;
  readonly joinedAt: Stamp;
  readonly successor: InstanceId | null;
  readonly limit: { readonly version: number; readonly maxInstances: number; readonly digest: string };
}

/** Before the machine has said anything. */
export const NOTHING_SEEN: SelfSight = {
  state: 'candidate',
  seat: null,
  joinedAt: STAMP_ZERO,
  successor: null,
  limit: { version: 0, maxInstances: 0, digest: '' },
};

/** What the machine says of itself. */
export function seeSelf(machine: PoolMachine, atMs: number): SelfSight {
  const { self, state, limit, members } = machine.view({ atMs });
  const own = members.find(({ record }) => record.instanceId === self)?.record ?? NOTHING_SEEN;
  const { version, maxInstances, digest } = limit;
  return { state, seat: own.seat, joinedAt: own.joinedAt, successor: own.successor, limit: { version, maxInstances, digest } };
}

/** True while it holds a seat: admitted, or draining and not yet handed over. */
export function holdsSeat({ state, seat, successor }: SelfSight): boolean {
  return seat !== null && (state === 'admitted' || (state === 'draining' && successor === null));
}
