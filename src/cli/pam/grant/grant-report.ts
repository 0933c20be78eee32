/** Pure: grants as JSON and as text. */
import { formatUnixMs } from '../../../base/stamp.ts';
import { type Grant, NO_CONDITIONS } from '../../../wire/grant.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style } from '../../frame/terminal.ts';
import { formatAgo, formatDuration, formatId } from '../../frame/text.ts';
import { formatHours } from './hours.ts';
import { formatPermission } from './permissions.ts';

/** What has become of a grant. `unknown`: valid as far as can be told without an instance. */
export type GrantState = 'valid' | 'expired' | 'revoked' | 'unknown';

/** A grant as printed with `--json`. */
export interface GrantReport {
  readonly grantId: string;
  readonly name: string;
  readonly userKey: string;
  readonly allow: readonly string[];
  readonly conditions: readonly string[];
  readonly issuedAt: string;
  readonly expiresAt: string | null;
  readonly signedBy: readonly string[];
  readonly state: GrantState;
}

/** The document of one grant. */
export function reportGrant(grant: Grant, signedBy: readonly string[], state: GrantState): GrantReport {
  return {
    grantId: grant.grantId,
    name: grant.name,
    userKey: grant.userKey,
    allow: grant.allow.map(formatPermission),
    conditions: conditionTexts(grant),
    issuedAt: formatUnixMs(grant.issuedUnixMs),
    expiresAt: grant.expiresUnixMs === null ? null : formatUnixMs(grant.expiresUnixMs),
    signedBy,
    state,
  };
}

/** Each condition in words. */
export function conditionTexts({ conditions }: Grant): readonly string[] {
  const { notBeforeUnixMs, hours, sources, sessionMsMax, ...demands } = conditions ?? NO_CONDITIONS;
  const texts: (string | null)[] = [
    notBeforeUnixMs === null ? null : `not before ${formatUnixMs(notBeforeUnixMs)}`,
    hours === null ? null : `only ${formatHours(hours)}`,
    sources.length === 0 ? null : `only from ${sources.join(', ')}`,
    sessionMsMax === null ? null : `sessions of at most ${formatDuration(sessionMsMax)}`,
    demands.recordingRequired ? 'recorded sessions only' : null,
    demands.reasonRequired ? 'with a reason' : null,
    demands.clipboardForbidden ? 'no clipboard' : null,
    demands.fileTransferForbidden ? 'no file transfer' : null,
  ];
  return texts.filter((text): text is string => text !== null);
}

/** The table of grants. */
export function renderGrants(grants: readonly GrantReport[], style: Style): readonly string[] {
  if (grants.length === 0)
    return ['No grants were issued with this profile. Issue one with: pam grant new --name WHO --out FILE'];
  return formatTable({
    width: style.width,
    paintTitle: style.palette.faint,
    columns: [
      { title: 'GRANT' },
      { title: 'FOR', cutTo: 8 },
      { title: 'KEY', dropOrder: 3 },
      { title: 'STATE' },
      { title: 'EXPIRES', align: 'right', dropOrder: 1 },
      { title: 'ALLOWED', cutTo: 10 },
      { title: 'CONDITIONS', dropOrder: 4, cutTo: 10 },
    ],
    rows: grants.map((grant) => [
      grant.grantId,
      grant.name,
      formatId(grant.userKey, style.verbose),
      grant.state,
      grant.expiresAt === null ? 'never' : formatAgo(grant.expiresAt, style.nowUnixMs),
      grant.allow.join(', '),
      grant.conditions.join('; '),
    ]),
  });
}

/** One grant, line by line. */
export function renderGrant(grant: GrantReport): readonly string[] {
  return [
    `grant       ${grant.grantId}`,
    `for         ${grant.name}`,
    `key         ${grant.userKey}`,
    `state       ${grant.state}`,
    `issued      ${grant.issuedAt}`,
    `expires     ${grant.expiresAt ?? 'never'}`,
    `allowed     ${grant.allow.join(', ')}`,
    ...grant.conditions.map((text) => `condition   ${text}`),
    `signed by   ${grant.signedBy.join(', ')}`,
  ];
}
