/** Pure: when a record is rotated without being asked, as its labels say. Labels are part of the record: an admin has signed them, and every instance holds them. */
import type { TargetRecord } from './record.ts';
import { RotationLabel } from './rotation-profile.ts';

/** Due times, each a whole second; none lies before `fromUnixMs`, when the schedule was set. */
export type Schedule = {
  readonly fromUnixMs: number;
  /** Every record begins so much later at the most, each by a time of its own: many records with one schedule do not begin at once. */
  readonly jitterMs: number;
} & (
  | { readonly kind: 'every'; readonly periodMs: number }
  /** Six fields, seconds first, in a time zone by its IANA name. */
  | { readonly kind: 'cron'; readonly pattern: string; readonly zone: string }
);

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3600_000,
  d: 24 * 3600_000,
  w: 7 * 24 * 3600_000,
};
/** The zone of a cron that names none. */
export const ZONE_DEFAULT = 'UTC';
const PERIOD = /^([1-9]\d{0,4})([smhdw])$/;

/** Milliseconds of a time like `90s`, `30d`; undefined for anything else. */
export function parsePeriod(text: string): number | undefined {
  const [, count, unit] = PERIOD.exec(text) ?? [];
  return count === undefined || unit === undefined ? undefined : Number(count) * (UNIT_MS[unit] ?? 0);
}

/** The schedule of a record; null: nothing rotates it by itself, or its labels cannot be read. */
export function readSchedule({ labels, deleted }: Pick<TargetRecord, 'labels' | 'deleted'>): Schedule | null {
  const value = (key: string): string | null => labels.find((label) => label.key === key)?.value ?? null;
  const text = value(RotationLabel.schedule);
  if (text === null || deleted || value(RotationLabel.disabled) === 'yes') return null;
  const fromUnixMs = Number(value(RotationLabel.scheduledFrom) ?? Number.NaN);
  if (!Number.isSafeInteger(fromUnixMs) || fromUnixMs < 0) return null;
  const jitterMs = parsePeriod(value(RotationLabel.jitter) ?? '') ?? 0;
  const [kind, ...rest] = text.split(' ');
  const periodMs = parsePeriod(rest.join(' '));
  if (kind === 'every' && periodMs !== undefined) return { kind, periodMs, jitterMs, fromUnixMs };
  if (kind !== 'cron') return null;
  return { kind, pattern: rest.join(' '), zone: value(RotationLabel.zone) ?? ZONE_DEFAULT, jitterMs, fromUnixMs };
}

/** True for a record whose account gets a new credential when a session with it has ended. */
export function rotatesAfterSession({ labels }: Pick<TargetRecord, 'labels'>): boolean {
  const value = (key: string): string | undefined => labels.find((label) => label.key === key)?.value;
  return value(RotationLabel.afterSession) === 'yes' && value(RotationLabel.disabled) !== 'yes';
}
