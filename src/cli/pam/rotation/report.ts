/** Pure: how a record is rotated, as JSON and as text. */

import { formatUnixMs } from '../../../base/stamp.ts';
import { formatComplexity } from '../../../wire/password-complexity.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { RotationLabel, readProfile } from '../../../wire/rotation-profile.ts';
import { rotatesAfterSession } from '../../../wire/rotation-schedule.ts';
import type { ScheduleRow } from '../../../wire/schedule-row.ts';
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
  /** `every 30d`, `cron …` with its zone, or `on demand`. */
  readonly schedule: string;
  readonly jitter: string | null;
  readonly afterSession: boolean;
  /** When it begins next; null: nothing is due, or the asked instance does not know yet. */
  readonly next: string | null;
  /** The due time that was carried out last, or is being carried out. */
  readonly last: { readonly due: string; readonly instance: string | null; readonly jobId: string | null } | null;
  /** Id of the instance that carries it out. */
  readonly owner: string | null;
  /** Why a due time that has come has not begun; null: nothing waits. */
  readonly waiting: string | null;
}

/** The document of one record. Throws `bad-usage` for labels that nothing can be made of. */
export function reportRotation(record: TargetRecord, row?: ScheduleRow): RotationReport {
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
    schedule: formatSchedule(record),
    jitter: labelOf(record, RotationLabel.jitter),
    afterSession: rotatesAfterSession(record),
    ...reportDue(row),
  };
}

function reportDue(row: ScheduleRow | undefined): Pick<RotationReport, 'next' | 'last' | 'owner' | 'waiting'> {
  if (row === undefined) return { next: null, last: null, owner: null, waiting: null };
  const { nextUnixMs, lastUnixMs, lastOwner, lastJobId, owner, waiting } = row;
  return {
    next: nextUnixMs === null ? null : formatUnixMs(nextUnixMs),
    last: lastUnixMs === null ? null : { due: formatUnixMs(lastUnixMs), instance: lastOwner, jobId: lastJobId },
    owner,
    waiting,
  };
}

function formatSchedule(record: TargetRecord): string {
  const zone = labelOf(record, RotationLabel.zone);
  const schedule = labelOf(record, RotationLabel.schedule) ?? 'on demand';
  return zone === null ? schedule : `${schedule} ${zone}`;
}

function labelOf({ labels }: TargetRecord, key: string): string | null {
  return labels.find((label) => label.key === key)?.value ?? null;
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
    ['schedule', `${report.schedule}${report.jitter === null ? '' : `, up to ${report.jitter} later`}`],
    ['sessions', report.afterSession ? 'rotated when one has ended' : '–'],
    ...dueFacts(report),
  ];
  return facts.map(([name, value]) => `${palette.faint(name.padEnd(12))}${printable(value)}`);
}

function dueFacts({ next, last, owner, waiting }: RotationReport): readonly (readonly [string, string])[] {
  if (owner === null) return [];
  return [
    ['next', next ?? '–'],
    ['last', last === null ? '–' : `${last.due} (job ${last.jobId ?? '–'})`],
    ['owner', owner],
    ...(waiting === null ? [] : [['waiting', waiting] as const]),
  ];
}
