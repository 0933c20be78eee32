import type { AccessClient } from '../../../../../access/client/index.ts';
import { GatewayError } from '../../../../../base/errors.ts';
import { isFinal, type JobNotice } from '../../../../../wire/job.ts';
import type { Connected } from '../../../connection.ts';
import { type JobOutput, readOutput } from '../../job-output.ts';
import { type Findings, readFindings } from '../findings.ts';
import { mergeFindings } from './merge.ts';

/** What the pool knows of a discovery, in one piece or cut into parts. */
export interface KnownDiscovery {
  /** Of a cut one: made up from its parts. */
  readonly notice: JobNotice;
  /** Null: there is none. */
  readonly findings: Findings | null;
  /** Why not all of it can be had; null: it can. */
  readonly outputMissing: string | null;
}

/** Reads a discovery through whichever instance is asked. Throws `not-found`. */
export async function readDiscovery(
  { client }: Connected,
  jobId: string,
  signal: AbortSignal,
): Promise<KnownDiscovery> {
  const whole = await findJob(client, jobId, signal);
  if (whole !== null) {
    if (whole.kind !== 'discovery') throw notFound(jobId);
    const { output, outputMissing } = await readOutput(client, whole, signal);
    return { notice: whole, findings: output === null ? null : readFindings(output), outputMissing };
  }
  const { notices } = await client.request({ kind: 'list-jobs', jobKind: 'discovery', parent: jobId }, 'jobs', signal);
  const parts = latestOfParts(notices);
  const outputs: JobOutput[] = [];
  for (const part of parts) outputs.push(await readOutput(client, part, signal));
  const findings = outputs.flatMap(({ output }) => (output === null ? [] : [readFindings(output)]));
  return {
    notice: joinNotices(jobId, parts, findings[0]?.parts ?? parts.length),
    findings: findings.length === 0 ? null : mergeFindings(findings),
    outputMissing: summarise(outputs),
  };
}

/** Null: no job has this id; it may be that of the parts of one. */
async function findJob(client: AccessClient, jobId: string, signal: AbortSignal): Promise<JobNotice | null> {
  try {
    return (await client.request({ kind: 'job-info', jobId }, 'job', signal)).notice;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'not-found') return null;
    throw error;
  }
}

function summarise(outputs: readonly JobOutput[]): string | null {
  const missing = outputs.flatMap(({ outputMissing }) => outputMissing ?? []);
  return missing.length === 0 ? null : `${missing.length} of ${outputs.length} parts cannot be had: ${missing[0]}`;
}

function notFound(jobId: string): GatewayError {
  return new GatewayError('not-found', `Discovery "${jobId}" not found`, {
    remedy: 'pam action discover status shows those that the pool knows.',
  });
}

/** A part that was lost has a later job of its own. */
export function latestOfParts(newestFirst: readonly JobNotice[]): readonly JobNotice[] {
  const byRange = new Map<string, JobNotice>();
  for (const notice of newestFirst) if (!byRange.has(notice.recordId)) byRange.set(notice.recordId, notice);
  return [...byRange.values()];
}

/** Pure: one notice for all parts. It has succeeded when all have, and runs as long as one does. */
export function joinNotices(jobId: string, parts: readonly JobNotice[], of: number): JobNotice {
  const [first] = parts;
  if (first === undefined) throw notFound(jobId);
  const unfinished = parts.find(({ state }) => !isFinal(state));
  const failed = parts.find(({ state }) => state !== 'succeeded');
  const perMille = parts.reduce((sum, { progress }) => sum + (progress?.donePerMille ?? 0), 0);
  const done = parts.filter(({ state }) => state === 'succeeded').length;
  const times = (at: (part: JobNotice) => number | null): readonly number[] => parts.flatMap((part) => at(part) ?? []);
  const ended = unfinished === undefined ? endOf(failed, { begun: parts.length, of }) : null;
  return {
    ...first,
    jobId,
    parent: null,
    worker: null,
    state: unfinished?.state ?? ended?.state ?? first.state,
    error: ended?.error ?? null,
    submittedUnixMs: Math.min(...parts.map(({ submittedUnixMs }) => submittedUnixMs)),
    startedUnixMs: earliest(times(({ startedUnixMs }) => startedUnixMs)),
    endedUnixMs: ended === null ? null : Math.max(0, ...times(({ endedUnixMs }) => endedUnixMs)),
    progress: {
      message: `${done} of ${of} parts done`,
      donePerMille: Math.floor(perMille / Math.max(of, parts.length)),
      outputBytes: 0,
    },
  };
}

/** Parts are begun by whoever started the discovery and waits for it: without that one the rest is never looked at. */
function endOf(
  failed: JobNotice | undefined,
  { begun, of }: { readonly begun: number; readonly of: number },
): Pick<JobNotice, 'state' | 'error'> {
  if (failed !== undefined) return failed;
  if (begun >= of) return { state: 'succeeded', error: null };
  const message = `${of - begun} of ${of} parts were never begun: who started the discovery did not wait for its end`;
  return { state: 'cancelled', error: { code: 'cancelled', message } };
}

function earliest(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.min(...times);
}
