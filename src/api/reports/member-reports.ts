/** Pure: members, load and admission, from the snapshot of the core. */
import { assertDefined } from '../../base/assert.ts';
import { formatUnixMs } from '../../base/stamp.ts';
import type { MemberView, PoolView } from '../../core/index.ts';
import type { Seat } from '../../wire/member-record.ts';
import type { LoadSample } from '../../wire/pulse.ts';
import type {
  AdmissionReport,
  InstanceLoadReport,
  LoadReport,
  MemberReport,
  MembersReport,
  SeatReport,
} from './report.ts';

const KIB = 1024;

/** All known members. */
export function reportMembers(view: PoolView): MembersReport {
  return { self: view.self, members: view.members.map(reportMember) };
}

function reportMember({ record, state, rank, load, lastHeardMs, linked, clockOffsetMs }: MemberView): MemberReport {
  return {
    instanceId: record.instanceId,
    name: record.name,
    state,
    rank,
    joinedAt: formatUnixMs(record.joinedAt.unixMs),
    startedAt: formatUnixMs(record.startedAt.unixMs),
    version: record.version,
    platform: record.platform,
    addresses: record.meshAddresses,
    accessAddresses: record.accessAddresses,
    capabilities: record.capabilities,
    labels: Object.fromEntries(record.labels.map(({ key, value }) => [key, value])),
    seat: reportSeat(record.seat),
    load: { perMille: load === null ? null : loadPerMille(load), sessions: load === null ? null : countSessions(load) },
    lastHeardMs,
    linked,
    clockOffsetMs,
  };
}

/** A seat as shown. */
export function reportSeat(seat: Seat | null): SeatReport | null {
  if (seat === null) return null;
  const { limitVersion, maxInstances, grantedAt, handedOverBy } = seat;
  return { limitVersion, maxInstances, grantedAt: formatUnixMs(grantedAt.unixMs), handedOverBy };
}

/** How full an instance is, for people: the greater of the memory it has promised and how busy its process is, of 1000. */
export function loadPerMille({ reservedKib, budgetKib, busyPerMille }: LoadSample): number {
  return Math.min(1000, Math.max(Math.floor((reservedKib * 1000) / budgetKib), busyPerMille));
}

/** Sessions of all kinds. */
export function countSessions({ sessions }: LoadSample): number {
  return sessions.reduce((sum, { count }) => sum + count, 0);
}

/** What this instance believes of the load of each live member. */
export function reportLoad(view: PoolView): LoadReport {
  const live = view.members.filter(({ rank, load }) => rank !== null && load !== null);
  return { self: view.self, instances: live.map(reportInstanceLoad) };
}

function reportInstanceLoad({ record, state, load: sample, lastHeardMs }: MemberView): InstanceLoadReport {
  const load = assertDefined(sample, 'members without a sample are left out');
  return {
    instanceId: record.instanceId,
    name: record.name,
    state,
    perMille: loadPerMille(load),
    busyPerMille: load.busyPerMille,
    sessions: Object.fromEntries(load.sessions.map(({ kind, count }) => [kind, count])),
    reservedBytes: load.reservedKib * KIB,
    budgetBytes: load.budgetKib * KIB,
    ageMs: lastHeardMs,
  };
}

/** Who holds a seat, why, and whether all see it alike. */
export function reportAdmission({ admission, members }: PoolView): AdmissionReport {
  const names = new Map(members.map(({ record }) => [record.instanceId, record.name]));
  return {
    limit: { maxInstances: admission.maxInstances, version: admission.limitVersion },
    seatsHeld: admission.seatsHeld,
    order: admission.order.map((row) => ({
      ...row,
      joinedAt: formatUnixMs(row.joinedAt.unixMs),
      seat: reportSeat(row.seat),
    })),
    agreement: {
      agree: admission.agree,
      of: admission.of,
      differ: admission.differ.map(({ instanceId, what }) => ({ instanceId, name: names.get(instanceId) ?? '', what })),
    },
    hint: overLimitHint(admission.seatsHeld, admission.maxInstances),
  };
}

/** `3 running, limit 2: stop 1`, or null when no more run than the limit allows: lowering the limit stops nobody by itself. */
export function overLimitHint(running: number, maxInstances: number): string | null {
  return running > maxInstances ? `${running} running, limit ${maxInstances}: stop ${running - maxInstances}` : null;
}
