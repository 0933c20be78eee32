import type { InstanceId } from '../base/ids.ts';
import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { ADDRESS_LENGTH_MAX, ADDRESSES_MAX, MAX_INSTANCES_MAX, NAME_LENGTH_MAX } from './bounds.ts';
import { appended, type Codec, keyId, list, nullable, struct, text, uint, word } from './codec.ts';
import { type LoadSample, loadSampleCodec } from './pulse.ts';

/** States of a member as others see it. Append only. */
export const SEEN_STATES = [
  'candidate',
  'standby',
  'admitted',
  'draining',
  'left',
  'suspect',
  'dead',
  'evicted',
] as const;
/** A member's own word, or what others think of it. */
export type SeenState = (typeof SEEN_STATES)[number];

/** One member as the answering instance sees it, for people. Fields: append only. */
export interface MemberSummary {
  readonly instanceId: InstanceId;
  readonly name: string;
  readonly state: SeenState;
  /** Place among live members in the order of decisions, from 0. */
  readonly rank: number | null;
  readonly version: string;
  readonly platform: string;
  readonly joinedUnixMs: number;
  readonly startedUnixMs: number;
  /** Version of the limit its seat was granted under; null: it holds none. */
  readonly seatLimitVersion: number | null;
  /** Version of the limit it holds; null: not heard yet. */
  readonly heldLimitVersion: number | null;
  readonly load: LoadSample | null;
  readonly lastHeardMs: number;
  readonly accessAddresses: readonly string[];
  /** Version of the policy it holds; null: not heard yet. */
  readonly heldPolicyVersion: number | null;
}

/** Wire form of a member's summary. */
export const memberSummaryCodec: Codec<MemberSummary> = struct<MemberSummary>({
  instanceId: keyId,
  name: text(NAME_LENGTH_MAX),
  state: word(SEEN_STATES),
  rank: nullable(uint(MAX_INSTANCES_MAX * 2)),
  version: text(NAME_LENGTH_MAX),
  platform: text(NAME_LENGTH_MAX),
  joinedUnixMs: uint(STAMP_UNIX_MS_MAX),
  startedUnixMs: uint(STAMP_UNIX_MS_MAX),
  seatLimitVersion: nullable(uint()),
  heldLimitVersion: nullable(uint()),
  load: nullable(loadSampleCodec),
  lastHeardMs: uint(),
  accessAddresses: list(text(ADDRESS_LENGTH_MAX), ADDRESSES_MAX),
  heldPolicyVersion: appended(nullable(uint()), null),
});
