/**
 * Discovery: which hosts of a range answer, what listens there, and what has changed since the last look at the same range. Connects are paced, protocols
 * are spoken up to the point where a server says who it is, and nothing is logged in to. It is *not* a port scanner for foreign networks: outside of
 * what the instance allows it refuses. A discovery of a record is another matter: it logs in with the record's credential and lists the accounts there.
 */

import { GatewayError } from '../../base/errors.ts';
import type { NetworkRange } from '../../base/network-range.ts';
import type { Vault } from '../../vault/index.ts';
import { assertAllowed, readScope, scopeId, scopeIds, scopeOfPart } from '../../wire/discovery-scope.ts';
import type { JobNotice } from '../../wire/job.ts';
import type { TargetRecord } from '../../wire/record.ts';
import type { Task, TaskOutcome, TaskWorkload } from '../task.ts';
import { lookAround } from './accounts/index.ts';
import { knownsOf, type Listed } from './delta.ts';
import { locate } from './locate.ts';
import { assertOnlyOne, runOf } from './one-at-a-time.ts';
import { type Earlier, outcomeOf, outcomeOfLook } from './outcome.ts';
import { type ScanProgress, scan } from './scan.ts';

/** What discovering needs of its instance. */
export interface DiscoveryComponents {
  readonly allowed: readonly NetworkRange[];
  /** Discoveries of a range that the pool knows of, newest first. */
  jobsOf(scopeId: string): readonly JobNotice[];
  /** The output of an ended job; null if it cannot be had any more. */
  readOutput(jobId: string, signal: AbortSignal): Promise<unknown>;
  /** The vault for one job: what it reads stands in the audit. */
  vaultOf(notice: JobNotice): Vault;
  /** A clock that only goes forward. */
  atMs(): number;
}

/** The workload over its components. */
export function createDiscovery(components: DiscoveryComponents): TaskWorkload {
  return { kind: 'discovery', run: (task) => run(task, components) };
}

async function run(task: Task, components: DiscoveryComponents): Promise<TaskOutcome> {
  return task.record === null ? runScan(task, components) : runLook(task, task.record, components);
}

/** What the record's credential lets see at its target. */
async function runLook(task: Task, record: TargetRecord, components: DiscoveryComponents): Promise<TaskOutcome> {
  const { notice, cancelled: signal } = task;
  assertOnlyOne(notice, components.jobsOf(notice.recordId));
  const beganMs = components.atMs();
  task.report(`logging in at ${record.title}`, 0);
  const inventory = await lookAround(record, components.vaultOf(notice), signal);
  const seconds = (components.atMs() - beganMs) / 1000;
  return outcomeOfLook({ record, inventory, seconds, before: await lastRun(notice, components, signal) });
}

async function runScan(task: Task, components: DiscoveryComponents): Promise<TaskOutcome> {
  const { notice, parameters, cancelled: signal } = task;
  const whole = readScope(parameters);
  const scope = scopeOfPart(whole);
  if (notice.recordId !== scopeId(scope))
    throw new GatewayError('bad-usage', 'the job names another range than its parameters');
  assertAllowed(scope, components.allowed);
  assertOnlyOne(
    notice,
    scopeIds(whole).flatMap((id) => components.jobsOf(id)),
  );
  const beganMs = components.atMs();
  const onProgress = (progress: ScanProgress): void => tell(task, progress, components.atMs() - beganMs);
  const { located, notes } = await locate(scope.hosts, components.allowed);
  if (scope.ranges.length === 0 && located.length === 0) throw new GatewayError('target-unreachable', notes.join('; '));
  const result = await scan({ ...scope, hosts: located }, { signal, atMs: components.atMs, onProgress });
  const seconds = (components.atMs() - beganMs) / 1000;
  return outcomeOf({ whole, result, notes, seconds, before: await lastRun(notice, components, signal) });
}

function tell({ report }: Task, progress: ScanProgress, elapsedMs: number): void {
  const { tried, total, hostsUp, found } = progress;
  const perSecond = (tried * 1000) / Math.max(1, elapsedMs);
  const leftSeconds = Math.ceil((total - tried) / Math.max(1, perSecond));
  report(
    `${tried} of ${total} connects, ${Math.round(perSecond)}/s, ${hostsUp} hosts up, ${found} services, about ${leftSeconds} s left`,
    Math.floor((tried * 1000) / total),
  );
}

async function lastRun(own: JobNotice, components: DiscoveryComponents, signal: AbortSignal): Promise<Earlier | null> {
  const last = components.jobsOf(own.recordId).find((job) => runOf(job) !== runOf(own) && job.state === 'succeeded');
  if (last === undefined) return null;
  const output = await components.readOutput(last.jobId, signal);
  const isOurs = typeof output === 'object' && output !== null && 'found' in output && Array.isArray(output.found);
  return isOurs ? { jobId: last.jobId, found: knownsOf(output.found as readonly Listed[]) } : null;
}
