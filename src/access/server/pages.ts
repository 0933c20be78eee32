import { compareText } from '../../base/bytes.ts';
import { compareIds, type InstanceId } from '../../base/ids.ts';
import type { MemberView } from '../../core/index.ts';
import type { PoolPort } from '../../pool-port.ts';
import type { MemberSummary } from '../../wire/access-member.ts';
import {
  type AccessAnswer,
  ENTRY_POINTS_MAX,
  type EntryPoint,
  MEMBER_PAGE_MAX,
  RECORD_PAGE_MAX,
} from '../../wire/access-message.ts';
import { JOB_NOTICES_MAX } from '../../wire/bounds.ts';
import type { JobKind } from '../../wire/job.ts';
import type { TargetRecord } from '../../wire/record.ts';
import { type Caller, maySee } from './caller.ts';

/** Pure: what an instance tells of the pool and its records, in pages that fit a frame. */
export function poolPage(port: PoolPort, after: InstanceId | null): AccessAnswer {
  const { limit, members } = port.view();
  const sorted = [...members].sort((left, right) => compareIds(left.record.instanceId, right.record.instanceId));
  const rest = after === null ? sorted : sorted.filter(({ record }) => compareIds(record.instanceId, after) > 0);
  const page = rest.slice(0, MEMBER_PAGE_MAX);
  return {
    kind: 'pool',
    gatewayUid: port.gateway.uid,
    gatewayName: port.gateway.name,
    maxInstances: limit.maxInstances,
    limitVersion: limit.version,
    members: page.map(summarise),
    next: rest.length > page.length ? (page.at(-1)?.record.instanceId ?? null) : null,
  };
}

/** Records that the caller may see. */
export function recordPage(
  port: PoolPort,
  caller: Caller,
  asked: { readonly match: string | null; readonly after: string | null },
): AccessAnswer {
  const { match, after } = asked;
  const found: readonly TargetRecord[] = match === null ? port.records.list() : port.records.find(match);
  const rest = found
    .filter((record) => (after === null || compareText(record.recordId, after) > 0) && maySee(caller, record))
    .sort((left, right) => compareText(left.recordId, right.recordId));
  const page = rest.slice(0, RECORD_PAGE_MAX);
  return { kind: 'records', records: page, next: rest.length > page.length ? (page.at(-1)?.recordId ?? null) : null };
}

/** Jobs looked through for a page: all that an instance remembers. */
const JOBS_LOOKED_THROUGH = 5000;

/** Jobs of a kind, newest first: the caller's own, or anybody's for an admin. */
export function jobPage(
  port: PoolPort,
  caller: Caller,
  asked: { readonly jobKind: JobKind; readonly parent: string | null },
): AccessAnswer {
  const notices = port.jobs
    .jobs(JOBS_LOOKED_THROUGH)
    .filter(({ kind, parent }) => kind === asked.jobKind && (asked.parent === null || parent === asked.parent))
    .filter((notice) => caller.grant === null || notice.caller === caller.id);
  return { kind: 'jobs', notices: notices.slice(0, JOB_NOTICES_MAX) };
}

/** Schedules of records that the caller may see. */
export function schedulePage(
  port: PoolPort,
  caller: Caller,
  { match, after }: { readonly match: string | null; readonly after: string | null },
): AccessAnswer {
  const rest = port.schedules.list().filter(({ recordId }) => {
    const [record] = port.records.find(recordId);
    const isMeant = (match === null || match === recordId) && (after === null || compareText(recordId, after) > 0);
    return isMeant && record !== undefined && maySee(caller, record);
  });
  const rows = rest.slice(0, RECORD_PAGE_MAX);
  return { kind: 'schedules', rows, next: rest.length > rows.length ? (rows.at(-1)?.recordId ?? null) : null };
}

/** Members that serve, this one first. */
export function entryPoints(port: PoolPort): readonly EntryPoint[] {
  const { members, self } = port.view();
  const serving = members.filter(({ record, state }) => record.instanceId === self || state === 'admitted');
  const own = serving.filter(({ record }) => record.instanceId === self);
  const others = serving.filter(({ record }) => record.instanceId !== self);
  return [...own, ...others]
    .slice(0, ENTRY_POINTS_MAX)
    .map(({ record }) => ({ instanceId: record.instanceId, addresses: record.accessAddresses }));
}

function summarise({ record, state, rank, load, held, lastHeardMs }: MemberView): MemberSummary {
  return {
    instanceId: record.instanceId,
    name: record.name,
    state,
    rank,
    version: record.version,
    platform: record.platform,
    joinedUnixMs: record.joinedAt.unixMs,
    startedUnixMs: record.startedAt.unixMs,
    seatLimitVersion: record.seat?.limitVersion ?? null,
    heldLimitVersion: held?.limitVersion ?? null,
    load,
    lastHeardMs: Math.max(0, Math.round(lastHeardMs)),
    accessAddresses: record.accessAddresses,
    heldPolicyVersion: held?.policyVersion ?? null,
  };
}
