/** When a record is rotated, as people write it, and the labels that say so. */
import { type Command, Option } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { NAME_LENGTH_MAX } from '../../../wire/bounds.ts';
import { RotationLabel } from '../../../wire/rotation-profile.ts';
import { parsePeriod, ZONE_DEFAULT } from '../../../wire/rotation-schedule.ts';
import { parseText, parseWord } from '../../frame/flags.ts';
import { cronOfJson } from './schedule-json.ts';

/** Flags as typed. */
export interface ScheduleOptions {
  readonly every?: string;
  readonly scheduleCron?: string;
  readonly scheduleJson?: string;
  readonly onDemand?: boolean;
  readonly zone?: string;
  readonly jitter?: string;
  readonly afterSession?: string;
}

/** Rotating oftener would leave no time for sessions. */
const PERIOD_MS_MIN = 60_000;
const JITTER_MS_MAX = 24 * 3600_000;
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] as const;

/** Adds the flags. */
export function addScheduleOptions(command: Command): Command {
  return command
    .option('--every <PERIOD>', 'rotate it every 12h, 30d, 4w, … from now on')
    .option(
      '--schedule-cron <CRON>',
      'six fields, seconds first, or five; with a "?" days of the week count from 1 = SUN',
    )
    .option('--schedule-json <JSON>', 'as {"type":"WEEKLY","weekday":"SUNDAY","time":"03:00","tz":"Europe/Zurich"}')
    .option('--on-demand', 'rotate it only when asked for')
    .option('--zone <ZONE>', 'time zone of --schedule-cron (default: UTC)')
    .option('--jitter <TIME>', 'begin later by up to this; each record by a time of its own')
    .addOption(new Option('--after-session <WHEN>', 'on: also when a session with it has ended; off'));
}

/** Labels with their new values: null takes one away, undefined leaves it. Throws `bad-usage`. */
export async function scheduleChanges(
  options: ScheduleOptions,
  nowUnixMs: number,
): Promise<Readonly<Record<string, string | null | undefined>>> {
  const { jitter, afterSession } = options;
  const schedule = await scheduleOf(options);
  const isGiven = schedule !== undefined;
  return {
    [RotationLabel.schedule]: schedule === undefined ? undefined : (schedule?.text ?? null),
    [RotationLabel.zone]: schedule === undefined ? undefined : (schedule?.zone ?? null),
    [RotationLabel.scheduledFrom]: !isGiven ? undefined : schedule === null ? null : String(wholeSecond(nowUnixMs)),
    [RotationLabel.jitter]: jitter === undefined ? (schedule === null ? null : undefined) : jitterOf(jitter, schedule),
    [RotationLabel.afterSession]:
      afterSession === undefined
        ? undefined
        : parseWord(afterSession, '--after-session', ['on', 'off']) === 'on'
          ? 'yes'
          : null,
  };
}

interface Written {
  readonly text: string;
  readonly zone: string | null;
}

/** Undefined: not to be changed; null: on demand. */
async function scheduleOf(options: ScheduleOptions): Promise<Written | null | undefined> {
  const { every, scheduleCron, scheduleJson, onDemand, zone } = options;
  const given = [every, scheduleCron, scheduleJson, onDemand].filter((one) => one !== undefined);
  if (given.length > 1)
    throw new GatewayError('bad-usage', '--every, --schedule-cron, --schedule-json and --on-demand exclude each other');
  if (zone !== undefined && scheduleCron === undefined)
    throw new GatewayError('bad-usage', '--zone belongs to --schedule-cron', {
      remedy: 'With --schedule-json the zone is its "tz".',
    });
  if (every !== undefined) return { text: `every ${periodOf(every)}`, zone: null };
  if (onDemand === true) return null;
  if (scheduleCron !== undefined)
    return cronOf({ pattern: scheduleCron, zone: zone ?? ZONE_DEFAULT, flag: '--schedule-cron' });
  if (scheduleJson === undefined) return undefined;
  const read = cronOfJson(scheduleJson);
  return read === null ? null : cronOf({ ...read, flag: '--schedule-json' });
}

async function cronOf(given: {
  readonly pattern: string;
  readonly zone: string;
  readonly flag: string;
}): Promise<Written> {
  const { zone, flag } = given;
  parseText(given.pattern, { flag, max: NAME_LENGTH_MAX - 'cron '.length });
  parseText(zone, { flag: '--zone', max: NAME_LENGTH_MAX });
  const fields = given.pattern.trim().split(/\s+/);
  const six = fields.length === 5 ? ['0', ...fields] : fields;
  const pattern = quartz(six).join(' ');
  const { assertCron } = await import('../../../cron/index.ts');
  assertCron(pattern, zone, flag);
  return { text: `cron ${pattern}`, zone };
}

/** A pattern with `?` is Quartz's: any day, and days of the week by 1 = SUN. */
function quartz(fields: readonly string[]): readonly string[] {
  if (!fields.includes('?')) return fields;
  return fields.map((field, index) => {
    if (field === '?') return '*';
    return index === 5 ? field.replace(/(?<![#\w])[1-7](?!\w)/g, (digit) => DAYS[Number(digit) - 1] ?? digit) : field;
  });
}

function periodOf(text: string): string {
  const periodMs = parsePeriod(text);
  if (periodMs !== undefined && periodMs >= PERIOD_MS_MIN) return text;
  throw new GatewayError('bad-usage', `--every: "${text}" is no period of at least a minute`, {
    remedy: 'Write for example 12h, 30d or 4w.',
  });
}

function jitterOf(text: string, schedule: Written | null | undefined): string | null {
  if (text === '') return null;
  const jitterMs = parsePeriod(text);
  if (schedule === null) throw new GatewayError('bad-usage', '--jitter: what is rotated on demand has no due times');
  if (jitterMs !== undefined && jitterMs <= JITTER_MS_MAX) return text;
  throw new GatewayError('bad-usage', `--jitter: "${text}" is no time of at most 24h`, {
    remedy: 'Write for example 30m; "" takes it away.',
  });
}

function wholeSecond(unixMs: number): number {
  return Math.floor(unixMs / 1000) * 1000;
}
