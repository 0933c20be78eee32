/** Pure: how a record is rotated, as JSON and as text. */

import { formatComplexity } from '../../../wire/password-complexity.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { readProfile } from '../../../wire/rotation-profile.ts';
import type { Style } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';

/** How a record is rotated. */
export interface RotationReport {
  readonly record: string;
  readonly title: string;
  readonly protocol: string;
  readonly disabled: boolean;
  /** Id of the record whose credential makes the change; null: the account changes itself. */
  readonly adminRecord: string | null;
  readonly passwordComplexity: string;
  readonly script: string | null;
  readonly before: string | null;
  readonly after: string | null;
}

/** The document of one record. Throws `bad-usage` for labels that nothing can be made of. */
export function reportRotation(record: TargetRecord): RotationReport {
  const { adminRecordId, complexity, script, before, after, isDisabled } = readProfile(record);
  return {
    record: record.recordId,
    title: record.title,
    protocol: record.protocol,
    disabled: isDisabled,
    adminRecord: adminRecordId,
    passwordComplexity: formatComplexity(complexity),
    script,
    before,
    after,
  };
}

/** A fact per line. */
export function renderRotation(report: RotationReport, { palette }: Style): readonly string[] {
  const facts: readonly (readonly [string, string])[] = [
    ['record', `${report.title} (${report.record})`],
    ['rotation', report.disabled ? 'disabled' : 'enabled'],
    ['target', report.script === null ? report.protocol : `script ${report.script}`],
    ['changed by', report.adminRecord === null ? 'the account itself' : `record ${report.adminRecord}`],
    ['complexity', report.passwordComplexity],
    ['before', report.before ?? '–'],
    ['after', report.after ?? '–'],
  ];
  return facts.map(([name, value]) => `${palette.faint(name.padEnd(12))}${printable(value)}`);
}
