/** Flags that say under which conditions a grant counts. */
import type { Command } from 'commander';
import { parseAddressRange } from '../../../base/address-range.ts';
import { GatewayError } from '../../../base/errors.ts';
import { ADDRESS_RANGE_LENGTH_MAX, GRANT_SOURCES_MAX } from '../../../wire/bounds.ts';
import { type GrantConditions, NO_CONDITIONS } from '../../../wire/grant.ts';
import { collect, parseDuration, parseText } from '../../frame/flags.ts';
import { parseHours } from './hours.ts';

/** What the flags hold. */
export interface ConditionOptions {
  readonly hours?: string;
  readonly notBefore?: string;
  readonly from: readonly string[];
  readonly recorded?: boolean;
  readonly sessionLimit?: string;
  readonly clipboard: boolean;
  readonly fileTransfer: boolean;
  readonly reason?: boolean;
}

/** From when to when a grant counts. */
export interface Validity {
  readonly issuedUnixMs: number;
  readonly expiresUnixMs: number | null;
}

/** Adds the flags. */
export function addConditionOptions(command: Command): Command {
  return command
    .option('--hours <HOURS>', 'only then, such as "Mon-Fri 08:00-18:00 Europe/Berlin"')
    .option('--not-before <TIME>', 'only from this time on, such as 2027-01-15T08:00Z')
    .option('--from <RANGE>', 'only from addresses in this range, such as 10.0.0.0/8 (repeatable)', collect, [])
    .option('--recorded', 'only sessions that are recorded')
    .option('--session-limit <DURATION>', 'a session ends after this time')
    .option('--no-clipboard', 'no clipboard between the session and the user')
    .option('--no-file-transfer', 'no files into or out of the session')
    .option('--reason', 'each session needs a reason, given with --reason TEXT');
}

/** The conditions; null: none. Throws `bad-usage`. */
export function parseConditions(options: ConditionOptions, validity: Validity): GrantConditions | null {
  const conditions: GrantConditions = {
    notBeforeUnixMs: options.notBefore === undefined ? null : parseTime(options.notBefore, '--not-before'),
    hours: options.hours === undefined ? null : parseHours(options.hours, validity),
    sources: parseSources(options.from),
    recordingRequired: options.recorded === true,
    sessionMsMax: options.sessionLimit === undefined ? null : parseDuration(options.sessionLimit, '--session-limit'),
    clipboardForbidden: !options.clipboard,
    fileTransferForbidden: !options.fileTransfer,
    reasonRequired: options.reason === true,
  };
  return JSON.stringify(conditions) === JSON.stringify(NO_CONDITIONS) ? null : conditions;
}

/** A moment as ISO 8601 writes it, with its zone. */
export function parseTime(text: string, flag: string): number {
  const isIso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(text);
  const unixMs = isIso ? Date.parse(text) : Number.NaN;
  if (unixMs >= 0) return unixMs;
  throw new GatewayError('bad-usage', `${flag}: "${text}" is not a time with its zone`, {
    remedy: 'Write for example 2027-01-15T08:00Z or 2027-01-15T09:00+01:00.',
  });
}

function parseSources(texts: readonly string[]): readonly string[] {
  if (texts.length > GRANT_SOURCES_MAX)
    throw new GatewayError('bad-usage', `--from: given ${texts.length} times; at most ${GRANT_SOURCES_MAX}`);
  return texts.map((text) => {
    if (parseAddressRange(text) !== undefined)
      return parseText(text, { flag: '--from', max: ADDRESS_RANGE_LENGTH_MAX });
    throw new GatewayError('bad-usage', `--from: "${text}" is no range of addresses`, {
      remedy: 'Write for example 10.0.0.0/8, 2001:db8::/32 or one address.',
    });
  });
}
