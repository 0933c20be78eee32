/** A pool as the core shows it, at one fixed moment, and a port that answers from it: what the reports and tables are made from in tests. */

import { createHash } from 'node:crypto';
import type { ControlSource } from '../../src/api/index.ts';
import { createEventList } from '../../src/api/index.ts';
import { formatKeyId, type InstanceId } from '../../src/base/ids.ts';
import type { MemberView, PoolView } from '../../src/core/index.ts';
import type { PoolPort } from '../../src/pool-port.ts';
import type { JobNotice, TraceStep } from '../../src/wire/job.ts';
import type { MemberRecord, Seat } from '../../src/wire/member-record.ts';
import type { TargetRecord } from '../../src/wire/record.ts';

/** 2026-01-15 14:00:00 UTC: the moment all of this is seen. */
export const NOW_UNIX_MS = Date.UTC(2026, 0, 15, 14, 0, 0);
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** The id of an instance or caller that exists only here. */
export function idOf(name: string): InstanceId {
  return formatKeyId(new Uint8Array(createHash('sha256').update(name).digest()));
}

/** The instance that is asked. */
export const SELF = idOf('gw-a');
/** The record that jobs are for. */
export const RECORD: TargetRecord = {
  gatewayUid: 'Dmg5bh63p3Yj7ov738BTAw',
  recordId: 'REC0RDw1thB4se64urlIdA',
  revision: 2,
  deleted: false,
  type: 'machine',
  title: 'web-1',
  host: '10.0.0.5',
  port: 22,
  protocol: 'ssh',
  user: 'deploy',
  labels: [{ key: 'site', value: 'berlin' }],
  changedUnixMs: NOW_UNIX_MS - 90 * MINUTE,
  parentId: null,
};

function seatUnder(limitVersion: number, maxInstances: number): Seat {
  return {
    limitVersion,
    maxInstances,
    grantedAt: { unixMs: NOW_UNIX_MS - 58 * MINUTE, counter: 0 },
    handedOverBy: null,
  };
}

function recordOf(name: string, changes: Partial<MemberRecord> = {}): MemberRecord {
  const joined = { unixMs: NOW_UNIX_MS - 59 * MINUTE, counter: 0 };
  return {
    instanceId: idOf(name),
    startId: 'a'.repeat(32),
    incarnation: 1,
    sequence: 7,
    issuedAt: joined,
    startedAt: { unixMs: NOW_UNIX_MS - 60 * MINUTE, counter: 0 },
    state: 'admitted',
    joinedAt: joined,
    seat: seatUnder(6, 3),
    successor: null,
    replaces: null,
    claim: 0,
    name,
    version: '0.1.0',
    platform: 'linux-x64',
    capabilities: ['tunnel'],
    labels: [],
    meshAddresses: [`/ip4/10.0.0.${name.charCodeAt(3)}/tcp/7400/p2p/${idOf(name)}`],
    accessAddresses: [`/ip4/10.0.0.${name.charCodeAt(3)}/tcp/7401/p2p/${idOf(name)}`],
    ...changes,
  };
}

function memberOf(record: MemberRecord, changes: Partial<MemberView> = {}): MemberView {
  return {
    record,
    state: record.state,
    rank: 0,
    load: {
      number: 3,
      reservedKib: 210 * 1024,
      budgetKib: 1024 * 1024,
      busyPerMille: 420,
      sessions: [{ kind: 'tunnel', count: 21 }],
    },
    held: {
      limitVersion: 7,
      limitDigest: '1122334455667788',
      recordsDigest: '00',
      admissionDigest: '00',
      credentialsDigest: '00',
      policyVersion: 0,
      policyDigest: '00',
    },
    lastHeardMs: 220,
    clockOffsetMs: 3,
    linked: true,
    ...changes,
  };
}

/** Three that serve under a limit lowered to two, one that waits, one that is suspected, one that is gone. */
export const MEMBERS: readonly MemberView[] = [
  memberOf(recordOf('gw-a'), { lastHeardMs: 0, clockOffsetMs: null, linked: false }),
  memberOf(recordOf('gw-b', { joinedAt: { unixMs: NOW_UNIX_MS - 58 * MINUTE, counter: 1 } }), {
    rank: 1,
    load: {
      number: 9,
      reservedKib: 900 * 1024,
      budgetKib: 1024 * 1024,
      busyPerMille: 300,
      sessions: [{ kind: 'tunnel', count: 90 }],
    },
  }),
  memberOf(
    recordOf('gw-c', {
      state: 'draining',
      joinedAt: { unixMs: NOW_UNIX_MS - 12 * MINUTE, counter: 0 },
      seat: { ...seatUnder(6, 3), handedOverBy: idOf('gw-x') },
    }),
    { rank: 2, linked: false, clockOffsetMs: -4200, lastHeardMs: 1500 },
  ),
  memberOf(
    recordOf('gw-d-with-a-very-long-name', {
      state: 'standby',
      seat: null,
      joinedAt: { unixMs: NOW_UNIX_MS - 9 * SECOND, counter: 0 },
    }),
    { rank: 3, load: null, held: null },
  ),
  memberOf(recordOf('gw-e', { seat: null }), { state: 'dead', rank: null, linked: false, lastHeardMs: 65 * SECOND }),
];

/** The view of `gw-a`. */
export const VIEW: PoolView = {
  self: SELF,
  state: 'admitted',
  limit: {
    maxInstances: 2,
    version: 7,
    issuedUnixMs: NOW_UNIX_MS - 5 * MINUTE,
    expiresUnixMs: NOW_UNIX_MS + 30 * 24 * 60 * MINUTE,
    digest: '1122334455667788',
    signedBy: [idOf('admin')],
    history: [
      { maxInstances: 2, version: 7, issuedUnixMs: NOW_UNIX_MS - 5 * MINUTE },
      { maxInstances: 3, version: 6, issuedUnixMs: NOW_UNIX_MS - 60 * MINUTE },
    ],
  },
  members: MEMBERS,
  admission: {
    seatsHeld: 3,
    maxInstances: 2,
    limitVersion: 7,
    order: MEMBERS.filter(({ rank }) => rank !== null).map(({ record, rank, state }) => ({
      instanceId: record.instanceId,
      name: record.name,
      rank: rank ?? 0,
      state: state === 'dead' || state === 'evicted' ? 'suspect' : state,
      joinedAt: record.joinedAt,
      seat: record.seat,
      reason: record.seat === null ? 'standing by: 3 of 2 seats held' : 'seat granted under limit version 6 (max 3)',
    })),
    agree: 3,
    of: 4,
    differ: [{ instanceId: idOf('gw-c'), what: 'holds limit version 6' }],
  },
};

function jobOf(changes: Partial<JobNotice>): JobNotice {
  return {
    jobId: '3J98t1WpEZ73CNmQviecrn',
    kind: 'tunnel',
    recordId: RECORD.recordId,
    parent: null,
    caller: idOf('admin'),
    state: 'running',
    entry: SELF,
    worker: idOf('gw-b'),
    submittedUnixMs: NOW_UNIX_MS - 40 * SECOND,
    startedUnixMs: NOW_UNIX_MS - 39 * SECOND,
    endedUnixMs: null,
    error: null,
    bytesIn: 1536,
    bytesOut: 3 * 1024 * 1024,
    progress: null,
    ...changes,
  };
}

/** One that runs, one that failed at its target. */
export const JOBS: readonly JobNotice[] = [
  jobOf({}),
  jobOf({
    jobId: 'F41LEDt1WpEZ73CNmQviec',
    state: 'failed',
    endedUnixMs: NOW_UNIX_MS - 38 * SECOND,
    error: { code: 'target-refused', message: 'connect ECONNREFUSED 10.0.0.5:22' },
    bytesIn: 0,
    bytesOut: 0,
  }),
];

/** The path of the first job. */
export const STEPS: readonly TraceStep[] = [
  { atUnixMs: NOW_UNIX_MS - 39_980, instanceId: idOf('gw-b'), what: 'accepted', detail: 'journal written' },
  { atUnixMs: NOW_UNIX_MS - 40_000, instanceId: SELF, what: 'submitted', detail: 'tunnel on web-1' },
  { atUnixMs: NOW_UNIX_MS - 39_990, instanceId: SELF, what: 'forwarded', detail: `to ${idOf('gw-b')}` },
  { atUnixMs: NOW_UNIX_MS - 39_000, instanceId: idOf('gw-b'), what: 'running', detail: '10.0.0.5:22' },
];

/** What tests change of the port: by default everything that would act is refused. */
export function portOf(changes: Partial<PoolPort> = {}): PoolPort {
  const refused = async () =>
    ({ kind: 'refused', failure: { code: 'not-supported', message: 'not in this test' } }) as const;
  return {
    instanceId: SELF,
    startId: 'b'.repeat(32),
    gateway: { uid: RECORD.gatewayUid, name: 'prod-eu', adminKeys: [idOf('admin')], threshold: 1 },
    unixMs: () => NOW_UNIX_MS,
    view: () => VIEW,
    jobs: { jobs: (most) => JOBS.slice(0, most), trace: () => STEPS },
    records: {
      list: () => [RECORD],
      find: (text) => [RECORD].filter(({ recordId, title }) => text === recordId || text === title),
      isRemoved: () => false,
    },
    submit: refused,
    openSession: refused,
    jobProgress: () => undefined,
    jobReport: () => undefined,
    jobEnded: () => undefined,
    queryJob: async (jobId) => {
      const notice = JOBS.find((job) => job.jobId === jobId) ?? null;
      return { kind: 'job', notice, steps: notice === null ? [] : STEPS };
    },
    queryOutput: refused,
    cancelJob: refused,
    offerLimit: refused,
    offerPolicy: refused,
    policies: [],
    grantProblem: () => null,
    offerRecord: refused,
    credentials: { editions: () => [] },
    schedules: { list: () => [] },
    offerEdition: refused,
    drainMember: refused,
    ...changes,
  };
}

/** Everything the control socket and the HTTP listener need, for the data directory of a test. */
export function sourceOf(dataDir: string, changes: Partial<ControlSource> = {}): ControlSource {
  const events = createEventList();
  events.add(
    { level: 'info', event: 'admitted', detail: { limitVersion: 6, maxInstances: 3 } },
    NOW_UNIX_MS - 58 * MINUTE,
  );
  events.add(
    { level: 'warn', event: 'member-suspected', detail: { instance: idOf('gw-e') } },
    NOW_UNIX_MS - 70 * SECOND,
  );
  return {
    port: portOf(),
    facts: {
      name: 'gw-a',
      version: '0.1.0',
      platform: 'linux-x64',
      startedUnixMs: NOW_UNIX_MS - 60 * MINUTE,
      processId: 4711,
      dataDir,
      topic: '/pam-mesh/1/pool/px7vqj6ac7fwj4f25cssnsmn5i',
      poolId: 'ltpnezb6e3dwhvxh',
      listening: () => ({
        mesh: [`/ip4/10.0.0.1/tcp/7400/p2p/${SELF}`],
        access: [`/ip4/10.0.0.1/tcp/7401/p2p/${SELF}`],
        http: '127.0.0.1:8099',
      }),
      auditFailure: () => null,
      meshPeers: () => [idOf('gw-b'), idOf('gw-c')],
    },
    events,
    settings: { name: 'gw-a', mdns: true },
    drain: () => undefined,
    stop: () => undefined,
    onBug: (error) => {
      throw error;
    },
    ...changes,
  };
}
