import type { InstanceId } from '../base/ids.ts';
import type { Stamp } from '../base/stamp.ts';
import {
  ADDRESS_LENGTH_MAX,
  ADDRESSES_MAX,
  CAPABILITIES_MAX,
  LABELS_MAX,
  MAX_INSTANCES_MAX,
  MEMBER_RECORD_BYTES_MAX,
  NAME_LENGTH_MAX,
} from './bounds.ts';
import { type Codec, keyId, list, nullable, stamp, struct, text, uint, word } from './codec.ts';
import type { Seal } from './sealed.ts';

/** What an instance says of itself. The wire number is the place in this list: append only. */
export const MEMBER_STATES = ['candidate', 'standby', 'admitted', 'draining', 'left'] as const;
/** The state an instance claims for itself; `suspect` and `dead` are what others think of it. */
export type MemberState = (typeof MEMBER_STATES)[number];

/** The right to serve, as its holder states it. */
export interface Seat {
  /** Version of the limit it was granted under. */
  readonly limitVersion: number;
  /** What that limit allowed. */
  readonly maxInstances: number;
  readonly grantedAt: Stamp;
  /** The instance that handed it over, if it was not granted anew. */
  readonly handedOverBy: InstanceId | null;
}

/**
 * What an instance says of itself, signed by it and replaced as a whole: higher (incarnation, sequence) wins. Trust: the signer controls every
 * field, so nobody else's rights may follow from one; `joinedAt` is bounded by what the first members to meet it have seen.
 * Fields: append only.
 */
export interface MemberRecord {
  readonly instanceId: InstanceId;
  /** Random, new with every start of the process: tells a restart from a copied data directory. Hexadecimal. */
  readonly startId: string;
  /** Starts of this data directory; each start uses a higher one. */
  readonly incarnation: number;
  /** Records of this incarnation so far. */
  readonly sequence: number;
  readonly issuedAt: Stamp;
  readonly startedAt: Stamp;
  readonly state: MemberState;
  /** Place in the order of all decisions, with the instance id as tie-break. */
  readonly joinedAt: Stamp;
  readonly seat: Seat | null;
  /** Set while draining after a handover: the instance that holds the seat now. */
  readonly successor: InstanceId | null;
  /** Id or name of the instance whose seat this one wants to take over. */
  readonly replaces: string | null;
  /** Number of the seat claim under way, 0 for none. */
  readonly claim: number;
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  /** Kinds of job it does. */
  readonly capabilities: readonly string[];
  readonly labels: readonly Label[];
  /** Multiaddrs of the mesh plane. */
  readonly meshAddresses: readonly string[];
  /** Multiaddrs of the access plane. */
  readonly accessAddresses: readonly string[];
}

/** A label an operator gave to an instance. */
export interface Label {
  readonly key: string;
  readonly value: string;
}

/** Bytes of the random start id, as hexadecimal characters. */
export const START_ID_LENGTH = 32;

const addresses = list(text(ADDRESS_LENGTH_MAX), ADDRESSES_MAX);

/** Wire form of a seat. */
export const seatCodec: Codec<Seat> = struct<Seat>({
  limitVersion: uint(Number.MAX_SAFE_INTEGER, 1),
  maxInstances: uint(MAX_INSTANCES_MAX, 1),
  grantedAt: stamp,
  handedOverBy: nullable(keyId),
});

/** Wire form of a member record. */
export const memberRecordCodec: Codec<MemberRecord> = struct<MemberRecord>({
  instanceId: keyId,
  startId: text(START_ID_LENGTH),
  incarnation: uint(Number.MAX_SAFE_INTEGER, 1),
  sequence: uint(Number.MAX_SAFE_INTEGER, 1),
  issuedAt: stamp,
  startedAt: stamp,
  state: word(MEMBER_STATES),
  joinedAt: stamp,
  seat: nullable(seatCodec),
  successor: nullable(keyId),
  replaces: nullable(text(NAME_LENGTH_MAX)),
  claim: uint(),
  name: text(NAME_LENGTH_MAX),
  version: text(NAME_LENGTH_MAX),
  platform: text(NAME_LENGTH_MAX),
  capabilities: list(text(NAME_LENGTH_MAX), CAPABILITIES_MAX),
  labels: list(struct<Label>({ key: text(NAME_LENGTH_MAX), value: text(NAME_LENGTH_MAX) }), LABELS_MAX),
  meshAddresses: addresses,
  accessAddresses: addresses,
});

/** The envelope of a member record, signed by the instance itself. */
export const memberRecordSeal: Seal<MemberRecord> = {
  domain: 'pam-mesh/1/member-record',
  codec: memberRecordCodec,
  payloadBytesMax: MEMBER_RECORD_BYTES_MAX,
};
