import { GatewayError } from '../../../../../base/errors.ts';
import { isFinal, type JobNotice } from '../../../../../wire/job.ts';
import type { Connected } from '../../../connection.ts';
import { findJob } from '../../await-job.ts';
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
  if (whole !== null && whole.kind !== 'discovery') throw notFound(jobId);
  if (whole !== null && whole.state !== 'lost') {
    const { output, outputMissing } = await readOutput(client, whole, signal);
    return { notice: whole, findings: output === null ? null : readFindings(output), outputMissing };
  }
  const { notices } = await client.request({ kind: 'list-jobs', jobKind: 'discovery', parent: jobId }, 'jobs', signal);
  const parts = latestOfParts(whole === null ? notices : [...notices, whole]);
  const outputs: JobOutput[] = [];
  for (const part of parts) outputs.push(await readOutput(client, part, signal));
  const findings = outputs.flatMap(({ output }) => (output === null ? [] : [readFindings(output)]));
  return {
    notice: joinNotices(jobId, parts, { of: findings[0]?.parts ?? parts.length, nowUnixMs: Date.now() }),
    findings: findings.length === 0 ? null : mergeFindings(findings),
    outputMissing: summarise(outputs),
  };
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

/** From the end of a part until the pool must have gone on with the next one, or with the same elsewhere. */
export const GOES_ON_MS = 15_000;

/** Pure: true if all parts that are known have ended well, and so short a time ago that more may follow. */
export function mayGoOn(parts: readonly JobNotice[], nowUnixMs: number): boolean {
  const isDone = parts.every(({ state }) => state === 'succeeded');
  return isDone && parts.some(({ endedUnixMs }) => nowUnixMs - (endedUnixMs ?? 0) < GOES_ON_MS);
}

/** Pure: one notice for all parts. It has succeeded when all have, and runs as long as one does or is about to. */
export function joinNotices(
  jobId: string,
  parts: readonly JobNotice[],
  { of, nowUnixMs }: { readonly of: number; readonly nowUnixMs: number },
): JobNotice {
  const [first] = parts;
  if (first === undefined) throw notFound(jobId);
  const isDone = parts.length >= of && parts.every(({ state }) => state === 'succeeded');
  const goesOn = ({ state, endedUnixMs }: JobNotice): boolean =>
    !isDone && (state === 'succeeded' || state === 'lost') && nowUnixMs - (endedUnixMs ?? 0) < GOES_ON_MS;
  const stopped = parts.some(({ state }) => state === 'failed' || state === 'cancelled');
  const unfinished = parts.find(({ state }) => !isFinal(state)) ?? (stopped ? undefined : parts.find(goesOn));
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
    state: ended?.state ?? (unfinished !== undefined && !isFinal(unfinished.state) ? unfinished.state : 'running'),
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

/** Who has done a part goes on with the next one: only where that one and its keeper are lost at once the rest is never looked at. */
function endOf(
  failed: JobNotice | undefined,
  { begun, of }: { readonly begun: number; readonly of: number },
): Pick<JobNotice, 'state' | 'error'> {
  if (failed !== undefined) return failed;
  if (begun >= of) return { state: 'succeeded', error: null };
  const message = `${of - begun} of ${of} parts were never begun: the instances that were to go on with them were lost`;
  return { state: 'cancelled', error: { code: 'cancelled', message } };
}

function earliest(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.min(...times);
}
