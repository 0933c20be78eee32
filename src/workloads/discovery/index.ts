/**
 * Discovery: which hosts of a range answer, what listens there, and what has changed since the last look at the same range. Connects are paced, protocols
 * are spoken up to the point where a server says who it is, and nothing is logged in to. It is *not* a port scanner for foreign networks: outside of
 * what the instance allows it refuses. A discovery of a record is another matter: it logs in with the record's credential and lists the accounts there.
 */

import { GatewayError } from '../../base/errors.ts';
import type { NetworkRange } from '../../base/network-range.ts';
import type { Vault } from '../../vault/index.ts';
import { assertAllowed, readScope, type Scope, scopeId, scopeIds, scopeOfPart } from '../../wire/discovery-scope.ts';
import { isFinal, type JobNotice } from '../../wire/job.ts';
import type { TargetRecord } from '../../wire/record.ts';
import type { Task, TaskOutcome, TaskWorkload } from '../task.ts';
import { type Inventory, lookAround } from './accounts/index.ts';
import { compareRuns, type Known, knownsOf, type Listed } from './delta.ts';
import { locate } from './locate.ts';
import { type Found, type ScanProgress, type ScanResult, scan } from './scan.ts';

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
  assertOnlyOne(notice, [notice.recordId], components);
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
  assertOnlyOne(notice, scopeIds(whole), components);
  const beganMs = components.atMs();
  const onProgress = (progress: ScanProgress): void => tell(task, progress, components.atMs() - beganMs);
  const { located, notes } = await locate(scope.hosts, components.allowed);
  if (scope.ranges.length === 0 && located.length === 0) throw new GatewayError('target-unreachable', notes.join('; '));
  const result = await scan({ ...scope, hosts: located }, { signal, atMs: components.atMs, onProgress });
  const seconds = (components.atMs() - beganMs) / 1000;
  return outcomeOf({ whole, result, notes, seconds, before: await lastRun(notice, components, signal) });
}

/**
 * One discovery of a range at a time, all its parts together: of two that began together the one that was asked for first goes on. Everybody knows of
 * the same jobs, so everybody decides alike, and nobody has to be asked.
 */
function assertOnlyOne(own: JobNotice, ids: readonly string[], { jobsOf }: DiscoveryComponents): void {
  const jobs = ids.flatMap((id) => jobsOf(id));
  const began = (run: string): number =>
    Math.min(...[...jobs, own].filter((job) => runOf(job) === run).map(({ submittedUnixMs }) => submittedUnixMs));
  const [ownRun, ownBegan] = [runOf(own), began(runOf(own))];
  const isEarlier = (run: string): boolean => began(run) < ownBegan || (began(run) === ownBegan && run < ownRun);
  // Of one run each part has a job of its own; a second job for the same part takes the place of one that was lost.
  const other = jobs.find((job) => runOf(job) !== ownRun && !isFinal(job.state) && isEarlier(runOf(job)));
  if (other === undefined) return;
  throw new GatewayError(
    'already-exists',
    `discovery ${runOf(other)} of the same range runs on ${other.worker ?? '–'}`,
    { remedy: `pam action discover status -j ${runOf(other)} shows how far it is.` },
  );
}

/** What a job is part of: the discovery that it was cut from, or itself. */
function runOf({ jobId, parent }: JobNotice): string {
  return parent ?? jobId;
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

async function lastRun(
  own: JobNotice,
  components: DiscoveryComponents,
  signal: AbortSignal,
): Promise<{ readonly jobId: string; readonly found: readonly Known[] } | null> {
  const last = components.jobsOf(own.recordId).find((job) => runOf(job) !== runOf(own) && job.state === 'succeeded');
  if (last === undefined) return null;
  const output = await components.readOutput(last.jobId, signal);
  const isOurs = typeof output === 'object' && output !== null && 'found' in output && Array.isArray(output.found);
  return isOurs ? { jobId: last.jobId, found: knownsOf(output.found as readonly Listed[]) } : null;
}

function outcomeOf(run: {
  readonly whole: Scope;
  readonly result: ScanResult;
  readonly notes: readonly string[];
  readonly seconds: number;
  readonly before: Awaited<ReturnType<typeof lastRun>>;
}): TaskOutcome {
  const { whole, result, notes, seconds, before } = run;
  const delta = before === null ? { added: [], changed: [], gone: [] } : compareRuns(before.found, result.services);
  const { tried, hostsUp, services, isCut } = result;
  const message = `${services.length} services on ${hostsUp} hosts, ${tried} connects in ${seconds.toFixed(1)} s${isCut ? '; there were more' : ''}`;
  const output = {
    found: services.map(reported),
    delta,
    since: before?.jobId ?? null,
    hostsUp,
    tried,
    seconds,
    cut: isCut,
    record: null,
    parts: whole.part?.of ?? 1,
    notes,
  };
  return { state: 'succeeded', error: null, message, output };
}

function outcomeOfLook(run: {
  readonly record: TargetRecord;
  readonly inventory: Inventory;
  readonly seconds: number;
  readonly before: Awaited<ReturnType<typeof lastRun>>;
}): TaskOutcome {
  const { record, inventory, seconds, before } = run;
  const { version, system, accounts, databases, machines, notes } = inventory;
  const { host, port, protocol } = record;
  const place = { host, port, service: protocol, version, banner: '', system, certificate: null, hostKey: null };
  const found = [{ ...place, accounts, databases, machines }];
  const admins = accounts.filter(({ admin }) => admin).length;
  const others = [
    ...(databases.length > 0 ? [`${databases.length} databases`] : []),
    ...(machines.length > 0 ? [`${machines.length} machines`] : []),
  ];
  return {
    state: 'succeeded',
    error: null,
    message: [`${accounts.length} accounts, ${admins} of them admins`, ...others].join('; '),
    output: {
      found,
      delta: before === null ? { added: [], changed: [], gone: [] } : compareRuns(before.found, knownsOf(found)),
      since: before?.jobId ?? null,
      hostsUp: 1,
      tried: 1,
      seconds,
      cut: false,
      record: record.recordId,
      notes,
    },
  };
}

function reported(found: Found): object {
  return { ...found, accounts: [] };
}
