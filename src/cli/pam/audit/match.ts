import { type Command, Option } from 'commander';
import { AUDIT_EVENTS, isAuditKind } from '../../../audit/client.ts';
import { GatewayError } from '../../../base/errors.ts';
import { AUDIT_KINDS_MAX, type AuditMatch } from '../../../wire/access-message.ts';
import { NAME_LENGTH_MAX } from '../../../wire/bounds.ts';
import { collect, parseDuration, parseText } from '../../frame/flags.ts';

/** Flags that say which events are wanted. */
export interface MatchOptions {
  readonly kind: readonly string[];
  readonly text?: string;
  readonly since?: string;
  readonly until?: string;
}

/** Adds the flags. */
export function addMatchOptions(command: Command): Command {
  const kinds = new Option('--kind <KIND>', 'only events of this kind (repeatable)')
    .default([], 'any')
    .argParser(collect);
  return command
    .addOption(kinds)
    .option('--text <TEXT>', 'only events with this text in any value: an id, a name, a title')
    .option('--since <TIME>', 'from this time on: ISO 8601, or a duration before now such as 2h')
    .option('--until <TIME>', 'up to this time: as --since');
}

/** What the flags ask for; null when they ask for everything. Throws `bad-usage`. */
export function readMatch({ kind, text, since, until }: MatchOptions): AuditMatch | null {
  if (kind.length > AUDIT_KINDS_MAX)
    throw new GatewayError('bad-usage', `--kind: given ${kind.length} times; at most ${AUDIT_KINDS_MAX}`);
  for (const each of kind) if (!isAuditKind(each)) throw unknownKind(each);
  if (kind.length === 0 && text === undefined && since === undefined && until === undefined) return null;
  return {
    kinds: kind,
    text: text === undefined ? '' : parseText(text, { flag: '--text', max: NAME_LENGTH_MAX }),
    sinceUnixMs: since === undefined ? null : parseTime(since, '--since'),
    untilUnixMs: until === undefined ? null : parseTime(until, '--until'),
  };
}

function parseTime(text: string, flag: string): number {
  if (/^\d+[smhd]$/.test(text)) return Date.now() - parseDuration(text, flag);
  const unixMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isSafeInteger(unixMs) && unixMs >= 0) return unixMs;
  throw new GatewayError('bad-usage', `${flag}: "${text}" is no time`, {
    remedy: 'Write for example 2026-11-25T07:30:00Z, or 2h for two hours ago.',
  });
}

function unknownKind(kind: string): GatewayError {
  return new GatewayError('bad-usage', `--kind: there is no event "${kind}"`, {
    remedy: `There are: ${Object.keys(AUDIT_EVENTS).join(', ')}.`,
  });
}
