import type { InstanceId } from '../base/ids.ts';
import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { ERROR_TEXT_MAX } from './bounds.ts';
import { type Codec, keyId, nullable, struct, text, uint } from './codec.ts';
import { JOB_ID_LENGTH } from './job.ts';
import { RECORD_ID_LENGTH } from './record.ts';

/** One record with a schedule, as one instance sees it. Fields: append only. */
export interface ScheduleRow {
  readonly recordId: string;
  /** Who carries its due times out; null: nobody is admitted. */
  readonly owner: InstanceId | null;
  /** When it begins next; null: never again. */
  readonly nextUnixMs: number | null;
  /** The last due time that was granted there, to whom, and the job that carries it out. */
  readonly lastUnixMs: number | null;
  readonly lastOwner: InstanceId | null;
  readonly lastJobId: string | null;
  /** Why a due time that has come has not begun; null: nothing waits. */
  readonly waiting: string | null;
}

const time = nullable(uint(STAMP_UNIX_MS_MAX));

/** Wire form of a row. */
export const scheduleRowCodec: Codec<ScheduleRow> = struct<ScheduleRow>({
  recordId: text(RECORD_ID_LENGTH),
  owner: nullable(keyId),
  nextUnixMs: time,
  lastUnixMs: time,
  lastOwner: nullable(keyId),
  lastJobId: nullable(text(JOB_ID_LENGTH)),
  waiting: nullable(text(ERROR_TEXT_MAX)),
});
