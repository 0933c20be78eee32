import { randomBytes } from 'node:crypto';
import { formatRandomId, RANDOM_ID_BYTES } from '../../../../../base/ids.ts';
import type { formatRule } from '../../../../../wire/discovery-rule.ts';
import type { TargetRecord } from '../../../../../wire/record.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import type { Connected } from '../../../connection.ts';
import { publishRecord } from '../../../record/publish-record.ts';

/** A rule reaches nothing; a record has to name something. */
const NOWHERE = { host: '-', port: 1, protocol: 'rule', user: null, parentId: null } as const;

/** Signs a new rule and hands it to the pool. */
export async function publishRule(
  connected: Connected,
  fields: ReturnType<typeof formatRule>,
  { signWith, terminal }: { readonly signWith: readonly string[]; readonly terminal: Terminal },
): Promise<TargetRecord> {
  const record: TargetRecord = {
    gatewayUid: connected.profile.gateway.uid,
    recordId: formatRandomId(randomBytes(RANDOM_ID_BYTES)),
    revision: 1,
    deleted: false,
    ...NOWHERE,
    ...fields,
    changedUnixMs: (await connected.client.welcome(terminal.signal)).unixMs,
  };
  await publishRecord(connected, record, { signWith, terminal });
  return record;
}
