import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { ADDRESS_LENGTH_MAX, LABELS_MAX, NAME_LENGTH_MAX, POLICY_BYTES_MAX } from './bounds.ts';
import { appended, bool, type Codec, list, nullable, struct, text, uint, word } from './codec.ts';
import type { Label } from './member-record.ts';
import type { Seal } from './sealed.ts';

/** Kinds of target. */
export const TARGET_TYPES = ['machine', 'database', 'user', 'directory'] as const;
/** What a record can be: a target, or a rule of discovery (`discovery-rule.ts`), which nothing can reach. Append only. */
export const RECORD_TYPES = [...TARGET_TYPES, 'rule'] as const;
/** What a record describes. */
export type RecordType = (typeof RECORD_TYPES)[number];

/**
 * Something that can be reached, signed by an admin and held by every instance. The higher revision of an id wins, then the
 * higher digest; a deleted record stays as a mark so that it does not come back. It carries no credential. Fields: append only.
 */
export interface TargetRecord {
  readonly gatewayUid: string;
  readonly recordId: string;
  readonly revision: number;
  readonly deleted: boolean;
  readonly type: RecordType;
  readonly title: string;
  readonly host: string;
  readonly port: number;
  /** What is spoken there: `tcp`, `ssh`, `postgres`, … */
  readonly protocol: string;
  /** Login name at the target. */
  readonly user: string | null;
  readonly labels: readonly Label[];
  readonly changedUnixMs: number;
  /** The machine, database or directory that this account is on; null: it stands alone. */
  readonly parentId: string | null;
}

/** Characters of a record id: 16 random bytes in base64url. */
export const RECORD_ID_LENGTH = 22;

/** Wire form of a record. */
export const targetRecordCodec: Codec<TargetRecord> = struct<TargetRecord>({
  gatewayUid: text(NAME_LENGTH_MAX),
  recordId: text(RECORD_ID_LENGTH),
  revision: uint(Number.MAX_SAFE_INTEGER, 1),
  deleted: bool,
  type: word(RECORD_TYPES),
  title: text(NAME_LENGTH_MAX),
  host: text(ADDRESS_LENGTH_MAX),
  port: uint(65_535, 1),
  protocol: text(NAME_LENGTH_MAX),
  user: nullable(text(NAME_LENGTH_MAX)),
  labels: list(struct<Label>({ key: text(NAME_LENGTH_MAX), value: text(NAME_LENGTH_MAX) }), LABELS_MAX),
  changedUnixMs: uint(STAMP_UNIX_MS_MAX),
  parentId: appended(nullable(text(RECORD_ID_LENGTH)), null),
});

/** The envelope of a record, signed by admins. */
export const targetRecordSeal: Seal<TargetRecord> = {
  domain: 'pam-mesh/1/record',
  codec: targetRecordCodec,
  payloadBytesMax: POLICY_BYTES_MAX,
};
