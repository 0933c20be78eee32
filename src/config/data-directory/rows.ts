import type { Stamp } from '../../base/stamp.ts';
import { STAMP_UNIX_MS_MAX } from '../../base/stamp.ts';
import type { CouncilList, GrantedDue } from '../../core/index.ts';
import { COUNCIL_MAX, EDITION_BYTES_MAX, EDITIONS_MAX } from '../../wire/bounds.ts';
import { bool, bytes, type Codec, keyId, list, nullable, stamp, struct, text, uint } from '../../wire/codec.ts';
import { type JobNotice, jobNoticeCodec } from '../../wire/job.ts';
import { type Seat, seatCodec } from '../../wire/member-record.ts';
import { RECORD_ID_LENGTH } from '../../wire/record.ts';

/** Pure: what stands in the rows that the store itself understands. Fields: append only, as on the wire. */

/** This instance's own place. */
export interface SelfRow {
  readonly joinedAt: Stamp;
  readonly seat: Seat | null;
}

/** A job of this worker. */
export interface JobRow {
  readonly notice: JobNotice;
  readonly deadlineUnixMs: number;
}

/** Form of this instance's own place. */
export const selfRowCodec: Codec<SelfRow> = struct<SelfRow>({ joinedAt: stamp, seat: nullable(seatCodec) });

/** The editions of a record's credentials that stand. */
export interface EditionsRow {
  readonly sealed: readonly Uint8Array[];
}

/** Form of the editions of a record's credentials. */
export const editionsRowCodec: Codec<EditionsRow> = struct<EditionsRow>({
  sealed: list(bytes({ max: EDITION_BYTES_MAX + 4096 }), EDITIONS_MAX),
});

/** All editions of one record. */
export const EDITIONS_ROW_BYTES_MAX = EDITIONS_MAX * (EDITION_BYTES_MAX + 4096 + 8) + 16;

/** Form of a job. */
export const jobRowCodec: Codec<JobRow> = struct<JobRow>({
  notice: jobNoticeCodec,
  deadlineUnixMs: uint(STAMP_UNIX_MS_MAX),
});

/** Form of the council. */
export const councilRowCodec: Codec<CouncilList> = struct<CouncilList>({
  version: uint(),
  members: list(keyId, COUNCIL_MAX),
});

/** Form of a due time that was granted. */
export const dueRowCodec: Codec<GrantedDue> = struct<GrantedDue>({
  recordId: text(RECORD_ID_LENGTH),
  dueUnixMs: uint(STAMP_UNIX_MS_MAX),
  owner: keyId,
  begun: bool,
});

/** A row is as long as its message at most. */
export const ROW_BYTES_MAX = 16 * 1024;
