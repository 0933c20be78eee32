/** Pure: `KIND:RECORD`, what a user may do. */
import { GatewayError } from '../../../base/errors.ts';
import { PERMISSION_RECORD_LENGTH_MAX } from '../../../wire/bounds.ts';
import { PERMISSIONS_MAX, type Permission } from '../../../wire/grant.ts';
import { LABEL_PREFIX, PERMISSION_KINDS } from '../../../wire/permission.ts';
import { parseLabel, parseText } from '../../frame/flags.ts';

const EVERYTHING: Permission = { kind: '*', record: '*' };

/** The permissions of `--allow`, every kind of job on everything without one. A record's title may hold colons. */
export function parsePermissions(texts: readonly string[]): readonly Permission[] {
  if (texts.length === 0) return [EVERYTHING];
  if (texts.length > PERMISSIONS_MAX)
    throw new GatewayError('bad-usage', `--allow: given ${texts.length} times; at most ${PERMISSIONS_MAX}`);
  return texts.map((text) => {
    const at = text.indexOf(':');
    const kind = text.slice(0, Math.max(0, at));
    if (at < 1 || !(kind === '*' || PERMISSION_KINDS.some((known) => known === kind))) {
      throw new GatewayError('bad-usage', `--allow: "${text}" is not KIND:RECORD`, {
        remedy: `KIND is one of ${PERMISSION_KINDS.join(', ')} or *; RECORD is an id, a title (* stands for any characters) or ${LABEL_PREFIX}KEY=VALUE.`,
      });
    }
    const record = parseText(text.slice(at + 1), { flag: '--allow', max: PERMISSION_RECORD_LENGTH_MAX });
    if (record.startsWith(LABEL_PREFIX)) parseLabel(record.slice(LABEL_PREFIX.length), '--allow');
    return { kind, record };
  });
}

/** A permission as it is typed. */
export function formatPermission({ kind, record }: Permission): string {
  return `${kind}:${record}`;
}
