import { DIGEST_BYTES } from '../base/bytes.ts';
import type { InstanceId } from '../base/ids.ts';
import { CAPABILITIES_MAX, NAME_LENGTH_MAX } from './bounds.ts';
import { appended, type Codec, keyId, list, nullable, struct, text, uint } from './codec.ts';
import type { Seal } from './sealed.ts';

/** What an instance can still take. Integers only. Trust: the sender's own word; a liar gets more or fewer jobs than it should, nothing else. */
export interface LoadSample {
  /** Counts the changes of the sample within an incarnation: of two samples the higher number is the newer one. */
  readonly number: number;
  /** Memory promised to running sessions, in KiB. */
  readonly reservedKib: number;
  /** Memory that sessions may take in all, in KiB. */
  readonly budgetKib: number;
  /** How busy the process is, smoothed: the greater of CPU use of one core and event-loop lag, 0 to 1000. */
  readonly busyPerMille: number;
  /** Running sessions by kind. */
  readonly sessions: readonly SessionCount[];
}

/** How many sessions of a kind run. */
export interface SessionCount {
  readonly kind: string;
  readonly count: number;
}

/** Digests of what an instance holds: two instances with equal digests know the same. Hexadecimal. */
export interface Held {
  readonly limitVersion: number;
  readonly limitDigest: string;
  /** Over the set of records (targets). */
  readonly recordsDigest: string;
  /** Over the limit and everything admission depends on: members' states, stamps and seats in order. */
  readonly admissionDigest: string;
  /** Over the credentials of the records; empty: not told. */
  readonly credentialsDigest: string;
  /** Version of the policy in force; null from a program that knows none. */
  readonly policyVersion: number | null;
  readonly policyDigest: string | null;
}

/** The small message every instance repeats, signed: that it lives, how loaded it is, what it holds. Fields: append only. */
export interface Pulse {
  readonly instanceId: InstanceId;
  readonly incarnation: number;
  /** Pulses of this incarnation so far. */
  readonly sequence: number;
  /** The member record that is current: who has an older one asks for it. */
  readonly recordSequence: number;
  readonly load: LoadSample;
  readonly held: Held;
  /** Number of its last batch of job news; 0 from a program that does not number them. */
  readonly newsNumber: number;
}

/** Greatest memory figure, in KiB: 8 TiB. */
export const MEMORY_KIB_MAX = 8 * 1024 ** 3;
const digest = text(DIGEST_BYTES * 2);

/** Wire form of a load sample. */
export const loadSampleCodec: Codec<LoadSample> = struct<LoadSample>({
  number: uint(),
  reservedKib: uint(MEMORY_KIB_MAX),
  budgetKib: uint(MEMORY_KIB_MAX, 1),
  busyPerMille: uint(1000),
  sessions: list(struct<SessionCount>({ kind: text(NAME_LENGTH_MAX), count: uint(0xffff_ffff) }), CAPABILITIES_MAX),
});

/** Wire form of what an instance holds. */
export const heldCodec: Codec<Held> = struct<Held>({
  limitVersion: uint(),
  limitDigest: digest,
  recordsDigest: digest,
  admissionDigest: digest,
  credentialsDigest: appended(digest, ''),
  policyVersion: appended(nullable(uint()), null),
  policyDigest: appended(nullable(digest), null),
});

/** Wire form of a pulse. */
export const pulseCodec: Codec<Pulse> = struct<Pulse>({
  instanceId: keyId,
  incarnation: uint(),
  sequence: uint(),
  recordSequence: uint(),
  load: loadSampleCodec,
  held: heldCodec,
  newsNumber: appended(uint(), 0),
});

/** The envelope of a pulse, signed by the instance itself. */
export const pulseSeal: Seal<Pulse> = { domain: 'pam-mesh/1/pulse', codec: pulseCodec, payloadBytesMax: 4096 };
