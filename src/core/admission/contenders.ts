import { digestText } from '../../base/bytes.ts';
import { compareIds, type InstanceId } from '../../base/ids.ts';
import type { CoreContext } from '../core-context.ts';
import type { Member } from '../membership/member-table.ts';
import { STAMP_EARLY_MS_MAX } from '../timing.ts';
import { type Contender, seatOwners } from './seats.ts';

/** Contenders by the list of live members they were made from: the table keeps one list until something changes. */
export type SeenContenders = WeakMap<readonly Member[], readonly Contender[]>;

/** The live members as admission sees them, in the order of decisions: the same list until the table changes. */
export function contendersOf({ table, self, seen }: CoreContext): readonly Contender[] {
  const live = table.live();
  const known = seen.get(live);
  if (known !== undefined) return known;
  const contenders = live.map((member) => contenderOf(member, self));
  seen.set(live, contenders);
  return contenders;
}

function contenderOf(member: Member, self: InstanceId): Contender {
  const { record } = member;
  const isSelf = record.instanceId === self;
  return {
    instanceId: record.instanceId,
    joinedAt: record.joinedAt,
    state: record.state,
    seat: record.seat,
    successor: record.successor,
    // From the record alone wherever possible: a pool that restarts as a whole must see the same owners everywhere.
    resumes: isSelf || member.resumes || !isStampTooEarly(member),
    suspect: member.opinion === 'suspect',
    stampTooEarly: !isSelf && isStampTooEarly(member),
  };
}

/** A candidate that stamps itself before the time at which this instance first met it jumps the queue. */
export function isStampTooEarly({ record, metAt }: Member): boolean {
  if (metAt === null || (record.state !== 'candidate' && record.state !== 'standby')) return false;
  return record.joinedAt.unixMs < metAt.unixMs - STAMP_EARLY_MS_MAX;
}

/** What two instances must see alike for one to grant the other a seat. */
export interface SharedView {
  readonly membersDigest: string;
  readonly holdersDigest: string;
}

/** The view that matters for this claimant's claim: its own seat, if any, is not part of it. */
export function sharedView(contenders: readonly Contender[], claimant: InstanceId): SharedView {
  const members = contenders.map(({ instanceId }) => instanceId).sort(compareIds);
  const holders = seatOwners(contenders).filter((owner) => owner !== claimant);
  return { membersDigest: digestText(members), holdersDigest: digestText(holders) };
}
