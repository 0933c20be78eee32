import { GatewayError } from '../base/errors.ts';
import type { Label } from './member-record.ts';
import { COMPLEXITY_DEFAULT, type Complexity, parseComplexity } from './password-complexity.ts';
import type { TargetRecord } from './record.ts';

/** Pure: how a record is rotated, as its labels say. Labels are part of the record, so an admin has signed them and every instance holds them. */

/** Labels with a meaning for rotation. */
export const RotationLabel = {
  /** Id of the record whose credential makes the change; without it the account changes itself. */
  admin: 'rotation.admin',
  complexity: 'rotation.complexity',
  /** Script of the worker that logs in and changes, in place of what the protocol says. */
  script: 'rotation.script',
  /** Scripts of the worker to run before and after. */
  before: 'rotation.before',
  after: 'rotation.after',
  /** `yes`: nothing rotates it. */
  disabled: 'rotation.disabled',
  /** `every 30d`, or `cron` and six fields: when it is rotated without being asked. */
  schedule: 'rotation.schedule',
  /** Time zone of a cron. */
  zone: 'rotation.zone',
  /** Longest that it begins after its due time. */
  jitter: 'rotation.jitter',
  /** When the schedule was set, in milliseconds since 1970: nothing is due before. */
  scheduledFrom: 'rotation.from',
  /** `yes`: when a session has ended, too. */
  afterSession: 'rotation.after-session',
} as const;

/** Characters of a script's name. */
export const SCRIPT_NAME_MAX = 100;

/** True for the name of a file in the scripts folder: never a path. */
export function isScriptName(name: string): boolean {
  return name.length <= SCRIPT_NAME_MAX && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name);
}

/** How a record is rotated. */
export interface RotationProfile {
  readonly adminRecordId: string | null;
  readonly complexity: Complexity;
  readonly script: string | null;
  readonly before: string | null;
  readonly after: string | null;
  readonly isDisabled: boolean;
}

/** Reads a record's profile. Throws `bad-usage` for a complexity that cannot be read. */
export function readProfile({ labels }: Pick<TargetRecord, 'labels'>): RotationProfile {
  const value = (key: string): string | null => labels.find((label) => label.key === key)?.value ?? null;
  const complexity = value(RotationLabel.complexity);
  return {
    adminRecordId: value(RotationLabel.admin),
    complexity: complexity === null ? COMPLEXITY_DEFAULT : parseComplexity(complexity),
    script: value(RotationLabel.script),
    before: value(RotationLabel.before),
    after: value(RotationLabel.after),
    isDisabled: value(RotationLabel.disabled) === 'yes',
  };
}

/** The record's labels with these changes: null takes one away. */
export function changeLabels(
  labels: readonly Label[],
  changes: Readonly<Record<string, string | null | undefined>>,
): readonly Label[] {
  const kept = labels.filter(({ key }) => changes[key] === undefined);
  const set = Object.entries(changes).flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [{ key, value }],
  );
  return [...kept, ...set].sort((left, right) => (left.key < right.key ? -1 : 1));
}

/** Throws `not-allowed` for a record that must not be rotated now. */
export function assertRotatable({ title }: TargetRecord, { isDisabled }: RotationProfile): void {
  if (isDisabled)
    throw new GatewayError('not-allowed', `rotation of "${title}" is disabled`, {
      remedy: `pam rotation edit -r "${title}" --enable`,
    });
}
