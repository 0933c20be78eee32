/** Pure: what an instance says of itself, of the limit it holds and of its topic. */
import { formatUnixMs } from '../../base/stamp.ts';
import type { MemberView, PoolView } from '../../core/index.ts';
import type { PoolPort } from '../../pool-port.ts';
import type { InstanceFacts } from '../instance-facts.ts';
import { reportSeat } from './member-reports.ts';
import type { HealthReport, PolicyReport, PoolReport, ShownState, StatusReport, TopicReport } from './report.ts';

/** What the reports of this file are made from. */
export interface InstanceSource {
  readonly port: Pick<PoolPort, 'instanceId' | 'gateway' | 'unixMs'>;
  readonly view: PoolView;
  readonly facts: InstanceFacts;
}

/** The line above every table. */
export function reportPool({ port, view, facts }: InstanceSource): PoolReport {
  const live = view.members.filter(({ rank }) => rank !== null);
  return {
    gateway: { uid: port.gateway.uid, name: port.gateway.name },
    self: view.self,
    name: facts.name,
    limit: {
      maxInstances: view.limit.maxInstances,
      version: view.limit.version,
      expiresAt: view.limit.expiresUnixMs === null ? null : formatUnixMs(view.limit.expiresUnixMs),
    },
    seatsHeld: view.admission.seatsHeld,
    waiting: live.filter(({ record }) => record.seat === null).length,
    agreement: { agree: view.admission.agree, of: view.admission.of },
  };
}

/** Who this instance is and how it stands. */
export function reportStatus({ port, view, facts }: InstanceSource): StatusReport {
  const self = ownMember(view);
  return {
    instanceId: port.instanceId,
    name: facts.name,
    state: view.state,
    gateway: { uid: port.gateway.uid, name: port.gateway.name },
    version: facts.version,
    platform: facts.platform,
    startedAt: formatUnixMs(facts.startedUnixMs),
    uptimeMs: Math.max(0, port.unixMs() - facts.startedUnixMs),
    processId: facts.processId,
    dataDir: facts.dataDir,
    listen: facts.listening(),
    rank: self?.rank ?? null,
    seat: reportSeat(self?.record.seat ?? null),
    reason: ownReason(view),
    limit: { maxInstances: view.limit.maxInstances, version: view.limit.version },
  };
}

/** Whether this instance is admitted and serving, and why not. */
export function reportHealth({ port, view, facts }: InstanceSource): HealthReport {
  const auditFailure = facts.auditFailure();
  const healthy = view.state === 'admitted' && auditFailure === null;
  return {
    healthy,
    state: view.state,
    reason: auditFailure === null ? reasonOf(view) : `takes no jobs: the audit log cannot be written (${auditFailure})`,
    instanceId: port.instanceId,
    name: facts.name,
    gateway: { uid: port.gateway.uid, name: port.gateway.name },
    version: facts.version,
    uptimeMs: Math.max(0, port.unixMs() - facts.startedUnixMs),
    seatsHeld: view.admission.seatsHeld,
    maxInstances: view.admission.maxInstances,
  };
}

function reasonOf(view: PoolView): string {
  return view.state === 'admitted' ? 'admitted and serving' : unhealthyReason(view.state, ownReason(view));
}

/** The limit in force, who signed it and who holds it. */
export function reportPolicy({ self, limit, members }: PoolView): PolicyReport {
  const holders = members.filter(
    ({ record, rank, held }) => record.instanceId === self || (rank !== null && held?.limitDigest === limit.digest),
  );
  return {
    maxInstances: limit.maxInstances,
    version: limit.version,
    issuedAt: formatUnixMs(limit.issuedUnixMs),
    expiresAt: limit.expiresUnixMs === null ? null : formatUnixMs(limit.expiresUnixMs),
    digest: limit.digest,
    signedBy: limit.signedBy,
    heldBy: holders.map(({ record }) => record.instanceId),
    history: limit.history.map(({ maxInstances, version, issuedUnixMs }) => ({
      maxInstances,
      version,
      issuedAt: formatUnixMs(issuedUnixMs),
    })),
  };
}

/** Where the pool talks. */
export function reportTopic(facts: InstanceFacts): TopicReport {
  return { topic: facts.topic, poolId: facts.poolId, meshPeers: facts.meshPeers() };
}

function ownMember(view: PoolView): MemberView | undefined {
  return view.members.find(({ record }) => record.instanceId === view.self);
}

function ownReason(view: PoolView): string {
  return view.admission.order.find(({ instanceId }) => instanceId === view.self)?.reason ?? '';
}

function unhealthyReason(state: ShownState, reason: string): string {
  const said: Readonly<Record<ShownState, string>> = {
    admitted: 'admitted and serving',
    candidate: 'joining the pool, not admitted yet',
    standby: 'standing by until a seat is free',
    draining: 'draining: sessions finish, no new jobs',
    left: 'has left the pool',
    suspect: 'suspected to be gone by other instances',
    dead: 'declared dead by other instances',
    evicted: 'evicted by an admin',
  };
  return reason === '' ? said[state] : `${said[state]} (${reason})`;
}
