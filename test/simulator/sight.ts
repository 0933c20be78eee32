import type { InstanceId } from '../../src/base/ids.ts';
import { STAMP_ZERO, type Stamp } from '../../src/base/stamp.ts';
import type { PoolMachine } from '../../src/core/index.ts';
import type { MemberState, Seat } from '../../src/wire/member-record.ts';
import type { HostClock } from './host-clock.ts';

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
  return {
    state,
    seat: own.seat,
    joinedAt: own.joinedAt,
    successor: own.successor,
    limit: { version, maxInstances, digest },
  };
}

/** True while it holds a seat: admitted, or draining and not yet handed over. */
export function holdsSeat({ state, seat, successor }: SelfSight): boolean {
  return seat !== null && (state === 'admitted' || (state === 'draining' && successor === null));
}

/** What a process believes of everybody, in one line. */
export function describeView(
  world: { now(): number },
  { machine, clock }: { machine: PoolMachine; clock: HostClock },
): string {
  const { limit, members, admission } = machine.view({ atMs: clock.atMs(world.now()) });
  const rows = members.map(({ record, state, rank }) => {
    const { name, sequence, joinedAt, seat, successor } = record;
    const held = seat === null ? '' : ` seat v${seat.limitVersion}/${seat.maxInstances}`;
    return `${rank ?? '-'} ${name} ${state}@${sequence} ${joinedAt.unixMs % 1e7}/${joinedAt.counter}${held}${successor === null ? '' : ' handed over'}`;
  });
  return `limit ${limit.maxInstances} v${limit.version}, ${admission.seatsHeld} seats: ${rows.join('; ')}`;
}
