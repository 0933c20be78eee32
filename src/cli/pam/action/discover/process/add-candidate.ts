import { randomBytes } from 'node:crypto';
import { formatRandomId, RANDOM_ID_BYTES } from '../../../../../base/ids.ts';
import { type DiscoveryRule, formatRule } from '../../../../../wire/discovery-rule.ts';
import { formatTerm, type Term } from '../../../../../wire/discovery-statement.ts';
import type { Label } from '../../../../../wire/member-record.ts';
import type { TargetRecord } from '../../../../../wire/record.ts';
import { RotationLabel } from '../../../../../wire/rotation-profile.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import type { Connected } from '../../../connection.ts';
import { publishRecord } from '../../../record/publish-record.ts';
import { publishRule } from '../rule/publish-rule.ts';
import type { Candidate } from './candidates.ts';
import type { KnownRecords } from './decide.ts';

/** Where records are written, and by whom. */
export interface Writing {
  readonly connected: Connected;
  readonly known: KnownRecords;
  /** Record whose credential saw the accounts: it rotates them, unless the rule names another one. */
  readonly seenBy: string | null;
  readonly signWith: readonly string[];
  readonly terminal: Terminal;
}

/** Makes the candidate a record of the pool. An account is on the machine, database or directory at its place. */
export async function addCandidate(
  { connected, known, seenBy, signWith, terminal }: Writing,
  candidate: Candidate,
  rule: DiscoveryRule | null,
): Promise<TargetRecord> {
  const { type, host, port, protocol, user } = candidate;
  const admin = type === 'user' ? (rule?.adminRecordId ?? seenBy) : null;
  const rotation: readonly Label[] = admin === null ? [] : [{ key: RotationLabel.admin, value: admin }];
  const given = (rule?.labels ?? []).filter(({ key }) => key !== RotationLabel.admin);
  const record: TargetRecord = {
    gatewayUid: connected.profile.gateway.uid,
    recordId: formatRandomId(randomBytes(RANDOM_ID_BYTES)),
    revision: 1,
    deleted: false,
    type,
    title: known.freeTitle(candidate.title),
    host,
    port,
    protocol,
    user,
    labels: [...given, ...rotation],
    changedUnixMs: (await connected.client.welcome(terminal.signal)).unixMs,
    parentId: type === 'user' ? (known.parentOf(candidate, seenBy)?.recordId ?? null) : null,
  };
  await publishRecord(connected, record, { signWith, terminal });
  known.add(record);
  return record;
}

/** Before all rules that people write with a number of their own. */
const IGNORE_PRIORITY = 0;

/** Writes the rule by which this very find is ignored from now on. */
export async function ignoreAlways({ connected, signWith, terminal }: Writing, candidate: Candidate): Promise<string> {
  const { type, host, port, user, title } = candidate;
  const terms: readonly Term[] = [
    { field: 'recordType', operator: '==', value: type },
    { field: 'hostName', operator: '==', value: host },
    { field: 'port', operator: '==', value: port },
    ...(user === null ? [] : [{ field: 'recordTitle', operator: '==', value: title } as const]),
  ];
  const name = `ignore ${title}`;
  const fields = formatRule(name, {
    action: 'ignore',
    priority: IGNORE_PRIORITY,
    statement: terms.map(formatTerm).join(' and '),
    ignoreCase: false,
    enabled: true,
    adminRecordId: null,
    labels: [],
  });
  await publishRule(connected, fields, { signWith, terminal });
  return name;
}
