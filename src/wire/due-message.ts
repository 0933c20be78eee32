import type { InstanceId } from '../base/ids.ts';
import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { COUNCIL_MAX, DUES_TOLD_MAX } from './bounds.ts';
import { type Codec, keyId, list, nullable, struct, text, uint, word } from './codec.ts';
import { RECORD_ID_LENGTH } from './record.ts';

/** What a member says to whoever wants to carry out a due time. Append only. */
export const DUE_ANSWERS = [
  'granted',
  /** It has granted this due time, or a later one, to the named instance. */
  'taken',
  /** It knows that the due time has been begun. */
  'begun',
  /** It sees no majority of its own council. */
  'no-majority',
  /** By its view another instance is the record's owner. */
  'not-owner',
  /** It does not hold the record with this due time, or its clock has not come to it. */
  'not-due',
] as const;
/** One of them. */
export type DueAnswer = (typeof DUE_ANSWERS)[number];

/** "May I carry out this due time of the record?" Without a due time (0): "Whom do you know as the council?" */
export interface DueClaim {
  readonly recordId: string;
  readonly dueUnixMs: number;
}

/** The answer to either. Fields: append only. */
export interface DueReply extends DueClaim {
  /** Null: only the council was asked for. */
  readonly answer: DueAnswer | null;
  /** The latest due time of the record that was granted, and to whom. */
  readonly lastUnixMs: number;
  readonly lastOwner: InstanceId | null;
  /** The council as the sender knows it; the higher version stands. */
  readonly councilVersion: number;
  readonly council: readonly InstanceId[];
}

/** A due time that the teller knows to be begun, and by whom. */
export interface BegunDue extends DueClaim {
  readonly owner: InstanceId;
}

const claim = { recordId: text(RECORD_ID_LENGTH), dueUnixMs: uint(STAMP_UNIX_MS_MAX) };

/** Wire form of the question. */
export const dueClaimCodec: Codec<DueClaim> = struct<DueClaim>(claim);

/** Wire form of the answer. */
export const dueReplyCodec: Codec<DueReply> = struct<DueReply>({
  ...claim,
  answer: nullable(word(DUE_ANSWERS)),
  lastUnixMs: uint(STAMP_UNIX_MS_MAX),
  lastOwner: nullable(keyId),
  councilVersion: uint(),
  council: list(keyId, COUNCIL_MAX),
});

/** Wire form of what is begun. */
export const begunDuesCodec: Codec<readonly BegunDue[]> = list(
  struct<BegunDue>({ ...claim, owner: keyId }),
  DUES_TOLD_MAX,
);
