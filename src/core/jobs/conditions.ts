/** Pure: the conditions of a grant. Each answer is what is missing, in words for the user, or null. */
import { isInRange, parseAddressRange } from '../../base/address-range.ts';
import { formatUnixMs } from '../../base/stamp.ts';
import { REASON_PARAMETER } from '../../wire/access-job.ts';
import { type Grant, type GrantHours, NO_CONDITIONS, WEEK_MINUTES } from '../../wire/grant.ts';
import type { JobRequest } from '../../wire/job.ts';

/** Kinds of job whose content is recorded where a grant demands it; the others cannot be had under such a grant. */
const RECORDED_KINDS: readonly JobRequest['kind'][] = ['connection', 'rotation', 'discovery'];
const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
/** 1970-01-01 was a Thursday; the week begins on Monday. */
const EPOCH_DAY_OF_WEEK = 3;

/** Where the client is, as far as this instance knows. */
export type Source =
  /** Its address, as seen by this instance or by the member that passed the request on. */
  | { readonly kind: 'address'; readonly address: string }
  /** Judged by whoever saw the client. */
  | { readonly kind: 'elsewhere' };

/** An address as an input or a message carries it; null: nobody here has seen the client. */
export function sourceOf(address: string | null): Source {
  return address === null ? { kind: 'elsewhere' } : { kind: 'address', address };
}

/** Why the grant does not count at this time, or null. Asked again while a session runs. */
export function timeProblem({ name, conditions, expiresUnixMs }: Grant, poolUnixMs: number): string | null {
  const { notBeforeUnixMs, hours } = conditions ?? NO_CONDITIONS;
  if (expiresUnixMs !== null && expiresUnixMs <= poolUnixMs) return `the grant of ${name} has expired`;
  if (notBeforeUnixMs !== null && poolUnixMs < notBeforeUnixMs)
    return `the grant of ${name} counts from ${formatUnixMs(notBeforeUnixMs)} on`;
  if (hours !== null && !isWithin(hours, poolUnixMs))
    return `the grant of ${name} does not count at this hour (${hours.zone})`;
  return null;
}

/** Why a job may not begin under the grant, besides its time, or null. */
export function conditionProblem(grant: Grant, request: JobRequest, source: Source): string | null {
  const { recordingRequired, reasonRequired } = grant.conditions ?? NO_CONDITIONS;
  const from = sourceProblem(grant, source);
  if (from !== null) return from;
  if (recordingRequired && !RECORDED_KINDS.includes(request.kind))
    return `the grant of ${grant.name} demands recording, and a ${request.kind} is not recorded`;
  if (reasonRequired && !givesReason(request))
    return `the grant of ${grant.name} demands a reason: name one with --reason`;
  return null;
}

/** Why the client may not come from where it is, or null. */
export function sourceProblem({ name, conditions }: Grant, source: Source): string | null {
  const { sources } = conditions ?? NO_CONDITIONS;
  if (sources.length === 0 || source.kind === 'elsewhere') return null;
  const ranges = sources.flatMap((text) => parseAddressRange(text) ?? []);
  if (ranges.some((range) => isInRange(source.address, range))) return null;
  return `the grant of ${name} does not count from ${source.address === '' ? 'an unknown address' : source.address}`;
}

function givesReason({ parameters }: JobRequest): boolean {
  return parameters.some(({ name, value }) => name === REASON_PARAMETER && value.trim() !== '');
}

/** True when the time lies in one of the windows of the week. */
export function isWithin({ offsets, windows }: GrantHours, unixMs: number): boolean {
  const minute = minuteOfWeek(unixMs, offsetAt(offsets, unixMs));
  return windows.some(({ fromMinute, toMinute }) => fromMinute <= minute && minute < toMinute);
}

function offsetAt(offsets: GrantHours['offsets'], unixMs: number): number {
  const passed = offsets.filter(({ fromUnixMs }) => fromUnixMs <= unixMs);
  return (passed.at(-1) ?? offsets[0])?.westToEastMinutes ?? 0;
}

function minuteOfWeek(unixMs: number, westToEastMinutes: number): number {
  const minutes = Math.floor(unixMs / MINUTE_MS) + westToEastMinutes + EPOCH_DAY_OF_WEEK * DAY_MINUTES;
  return ((minutes % WEEK_MINUTES) + WEEK_MINUTES) % WEEK_MINUTES;
}
