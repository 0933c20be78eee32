import type { InstanceId } from '../base/ids.ts';
import type { Held, LoadSample } from '../wire/pulse.ts';
import { contendersOf } from './admission/contenders.ts';
import { seatOwners } from './admission/seats.ts';
import type { CoreContext } from './core-context.ts';
import { compareOrder, isLive, type Member } from './membership/member-table.ts';
import type { AdmissionRow, AdmissionView, MemberView, PoolView } from './view.ts';

/** What the machine's parts say of this instance itself. */
export interface OwnFacts {
  readonly load: LoadSample;
  readonly held: Held;
}

/** A snapshot of what this instance believes, for people. */
export function poolView(context: CoreContext, own: OwnFacts, atMs: number): PoolView {
  const { table, limits, self } = context;
  const ranks = new Map(table.live().map(({ record }, rank) => [record.instanceId, rank]));
  const members = [...table.all()].sort(
    (a, b) => Number(isLive(b)) - Number(isLive(a)) || compareOrder(a.record, b.record),
  );
  return {
    self,
    state: context.own.record.state,
    limit: limits.view(),
    members: members.map((member) =>
      memberView(member, { context, own, atMs, rank: ranks.get(member.record.instanceId) ?? null }),
    ),
    admission: admissionView(context),
  };
}

interface MemberViewParts {
  readonly context: CoreContext;
  readonly own: OwnFacts;
  readonly atMs: number;
  readonly rank: number | null;
}

function memberView(member: Member, { context, own, atMs, rank }: MemberViewParts): MemberView {
  const isSelf = member.record.instanceId === context.self;
  return {
    record: member.record,
    state: shownState(member),
    rank,
    load: isSelf ? own.load : member.load,
    held: isSelf ? own.held : (member.pulse?.held ?? null),
    lastHeardMs: isSelf ? 0 : Math.max(0, Math.round(atMs - member.heardAtMs)),
    clockOffsetMs: isSelf ? 0 : member.clockOffsetMs,
    linked: isSelf || member.linked,
  };
}

function shownState({ record, opinion, evicted }: Member): MemberView['state'] {
  if (evicted) return 'evicted';
  if (record.state === 'left') return 'left';
  return opinion === 'alive' ? record.state : opinion;
}

function admissionView(context: CoreContext): AdmissionView {
  const { table, limits } = context;
  const live = table.live();
  const owners = seatOwners(contendersOf(context));
  const digest = table.admissionDigest(limits.digest);
  const differ = live.flatMap((member) => difference(member, context, digest));
  return {
    seatsHeld: owners.length,
    maxInstances: limits.current.maxInstances,
    limitVersion: limits.current.version,
    order: live.map((member, rank) => admissionRow(member, rank, owners, context)),
    agree: live.length - differ.length,
    of: live.length,
    differ,
  };
}

function difference(member: Member, { self, limits }: CoreContext, digest: string): AdmissionView['differ'] {
  const { instanceId } = member.record;
  if (instanceId === self) return [];
  const held = member.pulse?.held;
  if (held === undefined) return [{ instanceId, what: 'has not told its view yet' }];
  if (held.limitVersion !== limits.current.version) {
    return [{ instanceId, what: `holds limit version ${held.limitVersion}, this instance ${limits.current.version}` }];
  }
  if (held.limitDigest !== limits.current.digest)
    return [{ instanceId, what: `holds another limit with version ${held.limitVersion}` }];
  return held.admissionDigest === digest ? [] : [{ instanceId, what: 'sees other members, states or seats' }];
}

function admissionRow(member: Member, rank: number, owners: readonly InstanceId[], context: CoreContext): AdmissionRow {
  const { record, opinion } = member;
  return {
    instanceId: record.instanceId,
    name: record.name,
    rank,
    state: opinion === 'suspect' ? 'suspect' : record.state,
    joinedAt: record.joinedAt,
    seat: record.seat,
    reason: reasonOf(member, owners, context),
  };
}

function reasonOf({ record, opinion }: Member, owners: readonly InstanceId[], { limits }: CoreContext): string {
  const owns = owners.includes(record.instanceId);
  if (owns && opinion === 'suspect') return 'seat kept until it answers or is declared dead';
  if (record.state === 'draining')
    return owns ? 'draining; its seat is freed when its sessions have ended' : 'draining after giving its seat up';
  if (owns && record.seat !== null) {
    const from = record.seat.handedOverBy === null ? '' : `, handed over by ${record.seat.handedOverBy}`;
    return `seat granted under limit version ${record.seat.limitVersion} (max ${record.seat.maxInstances})${from}`;
  }
  if (owns) return 'takes over a seat';
  const { maxInstances, version } = limits.current;
  if (owners.length >= maxInstances)
    return `waiting: ${owners.length} of ${maxInstances} seats are held (limit version ${version})`;
  return 'waiting for the others to grant a free seat';
}
