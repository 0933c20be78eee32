import { compareIds, type InstanceId } from '../../base/ids.ts';
import { compareStamps, type Stamp } from '../../base/stamp.ts';
import type { MemberState, Seat } from '../../wire/member-record.ts';
import { compareOrder } from '../membership/member-table.ts';

/** What admission needs to know of a live member: nothing else may enter a decision. */
export interface Contender {
  readonly instanceId: InstanceId;
  readonly joinedAt: Stamp;
  readonly state: MemberState;
  readonly seat: Seat | null;
  readonly successor: InstanceId | null;
  /** Its record names a seat it held before its restart and wants to resume: counted as its own until it turns out to be gone. */
  readonly resumes: boolean;
  readonly suspect: boolean;
  /** Its stamp is earlier than this instance believes; it does not queue until it stamps anew. */
  readonly stampTooEarly: boolean;
}

/** Who owns a seat: the holders themselves and the successors to whom one was handed. Sorted by id. */
export function seatOwners(contenders: readonly Contender[]): readonly InstanceId[] {
  const live = new Set(contenders.map(({ instanceId }) => instanceId));
  const owners = new Set<InstanceId>();
  for (const contender of contenders) {
    if (!ownsSeat(contender)) continue;
    // A successor that is not known yet, or is gone, leaves the seat with the draining holder: never a gap.
    const { successor, instanceId } = contender;
    owners.add(successor !== null && live.has(successor) ? successor : instanceId);
  }
  return [...owners].sort(compareIds);
}

function ownsSeat({ state, seat, resumes }: Contender): boolean {
  if (seat === null) return false;
  return state === 'admitted' || state === 'draining' || (state === 'candidate' && resumes);
}

/** Those who wait for a seat, in the order of decisions. */
export function queue(contenders: readonly Contender[], owners: readonly InstanceId[]): readonly Contender[] {
  const seated = new Set(owners);
  return contenders
    .filter(({ state }) => state === 'candidate' || state === 'standby')
    .filter(({ instanceId, suspect, stampTooEarly }) => !seated.has(instanceId) && !suspect && !stampTooEarly)
    .sort(compareOrder);
}

/** What `admit` looks at. */
export interface AdmitQuestion {
  readonly maxInstances: number;
  readonly contenders: readonly Contender[];
  /** Instances to which this one has promised a seat that they do not show yet. */
  readonly promised: readonly InstanceId[];
  readonly claimant: InstanceId;
}

/** Whether a claimant may take a seat, with the numbers behind it. */
export interface Admission {
  readonly verdict: 'seat' | 'no-room' | 'not-your-turn';
  /** Place among those who wait, from 0. */
  readonly position: number;
  /** Seats neither held nor promised. */
  readonly room: number;
}

/** DESIGN §5.2: a seat exactly when the position among the waiting is below the limit minus the seats held. Pure. */
export function admit({ maxInstances, contenders, promised, claimant }: AdmitQuestion): Admission {
  const owners = seatOwners(contenders);
  const others = owners.filter((owner) => owner !== claimant);
  const pending = promised.filter((id) => id !== claimant && !others.includes(id));
  const room = maxInstances - others.length - pending.length;
  if (owners.includes(claimant)) return { verdict: room > 0 ? 'seat' : 'no-room', position: 0, room };
  const waiting = queue(contenders, owners).filter(({ instanceId }) => !pending.includes(instanceId));
  const position = waiting.findIndex(({ instanceId }) => instanceId === claimant);
  if (room <= 0) return { verdict: 'no-room', position: Math.max(position, 0), room };
  if (position < 0) return { verdict: 'not-your-turn', position: waiting.length, room };
  return { verdict: position < room ? 'seat' : 'not-your-turn', position, room };
}

/** What `yields` looks at. */
export interface YieldQuestion {
  readonly maxInstances: number;
  readonly contenders: readonly Contender[];
  readonly self: InstanceId;
  /** Most instances allowed when a seat was granted: its own limit, or a newer one issued before the grant. */
  readonly grantedUnder: (seat: Seat) => number;
}

/**
 * Whether a holder has to give its seat up: its rank among the holders is at or beyond both the limit its seat was granted under and
 * the current one. Lowering the limit alone therefore stops nobody. Pure.
 */
export function yields({ maxInstances, contenders, self, grantedUnder }: YieldQuestion): boolean {
  const owners = new Set(seatOwners(contenders));
  const serving = contenders.filter(({ state }) => state === 'admitted' || state === 'draining');
  const holders = serving.filter(({ instanceId }) => owners.has(instanceId)).sort(compareOrder);
  const rank = holders.findIndex(({ instanceId }) => instanceId === self);
  const seat = holders[rank]?.seat;
  if (seat === undefined || seat === null) return false;
  return rank >= Math.max(maxInstances, grantedUnder(seat));
}

/** True when any holder ordered before `self` is suspected: then nobody can say yet how many there are. */
export function suspectsAhead(contenders: readonly Contender[], self: Contender): boolean {
  return contenders.some((other) => other.suspect && compareStamps(other.joinedAt, self.joinedAt) <= 0);
}
