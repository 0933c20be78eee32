import type { PeerKeyId } from '../base/ids.ts';
import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import {
  ADDRESS_RANGE_LENGTH_MAX,
  GRANT_OFFSETS_MAX,
  GRANT_SOURCES_MAX,
  GRANT_WINDOWS_MAX,
  NAME_LENGTH_MAX,
  PERMISSION_RECORD_LENGTH_MAX,
  POLICY_BYTES_MAX,
} from './bounds.ts';
import { appended, bool, type Codec, keyId, list, nullable, struct, text, uint } from './codec.ts';
import type { Seal } from './sealed.ts';

/** What an admin signed that the holder of a key may do. Fields: append only. */
export interface Grant {
  readonly gatewayUid: string;
  readonly grantId: string;
  /** Who it is for, as the admin calls them. */
  readonly name: string;
  /** The user's key: who shows the grant proves it by signing with it. */
  readonly userKey: PeerKeyId;
  readonly allow: readonly Permission[];
  readonly issuedUnixMs: number;
  readonly expiresUnixMs: number | null;
  /** Null: none. */
  readonly conditions: GrantConditions | null;
}

/** One kind of job, or `reveal`, on the records that match; `permission.ts` says what matches. */
export interface Permission {
  /** A kind of job, `reveal`, or `*` for every kind of job. */
  readonly kind: string;
  /** A record's id, a title in which `*` stands for any characters, or `label:KEY=VALUE`. */
  readonly record: string;
}

/**
 * Under which conditions a grant counts. Every instance on the way checks all of them; those about the session itself are kept by the worker.
 * A program ignores conditions that it does not know: upgrade every instance before one is used that is new. Fields: append only.
 */
export interface GrantConditions {
  /** Not before this time; null: from its issue. */
  readonly notBeforeUnixMs: number | null;
  readonly hours: GrantHours | null;
  /** Ranges in CIDR notation in which the client's address must be, as the instance it talks to sees it; empty: from anywhere. */
  readonly sources: readonly string[];
  /** Only sessions that are recorded from their first byte. */
  readonly recordingRequired: boolean;
  /** A session ends after this time; null: no limit. */
  readonly sessionMsMax: number | null;
  readonly clipboardForbidden: boolean;
  readonly fileTransferForbidden: boolean;
  /** The request must say why, in its parameter `reason`. */
  readonly reasonRequired: boolean;
}

/**
 * Hours of the week. The zone's offsets are written out by whoever signs, so that every instance decides alike, whatever its own table of time
 * zones says.
 */
export interface GrantHours {
  /** IANA name, for people. */
  readonly zone: string;
  /** Minutes to add to UTC, each from its time on, in order; before the first one the first one counts. */
  readonly offsets: readonly { readonly fromUnixMs: number; readonly westToEastMinutes: number }[];
  /** Minutes of the local week, Monday 0:00 being 0; the end is not part of it. */
  readonly windows: readonly { readonly fromMinute: number; readonly toMinute: number }[];
}

/** A grant without conditions, for whoever needs to read one. */
export const NO_CONDITIONS: GrantConditions = {
  notBeforeUnixMs: null,
  hours: null,
  sources: [],
  recordingRequired: false,
  sessionMsMax: null,
  clipboardForbidden: false,
  fileTransferForbidden: false,
  reasonRequired: false,
};

/** Most permissions in one grant. */
export const PERMISSIONS_MAX = 64;
/** Minutes of a week. */
export const WEEK_MINUTES = 7 * 24 * 60;
/** Added to an offset on the wire, which knows no negative numbers: more than any zone is off. */
const OFFSET_BIAS_MINUTES = 24 * 60;

const time = uint(STAMP_UNIX_MS_MAX);

const offsetMinutes: Codec<number> = {
  toWire: (value) => value + OFFSET_BIAS_MINUTES,
  fromWire: (raw, path) => uint(2 * OFFSET_BIAS_MINUTES).fromWire(raw, path) - OFFSET_BIAS_MINUTES,
};

const hoursCodec: Codec<GrantHours> = struct<GrantHours>({
  zone: text(NAME_LENGTH_MAX),
  offsets: list(
    struct<GrantHours['offsets'][number]>({ fromUnixMs: time, westToEastMinutes: offsetMinutes }),
    GRANT_OFFSETS_MAX,
  ),
  windows: list(
    struct<GrantHours['windows'][number]>({ fromMinute: uint(WEEK_MINUTES), toMinute: uint(WEEK_MINUTES) }),
    GRANT_WINDOWS_MAX,
  ),
});

/** Wire form of a grant's conditions. */
export const grantConditionsCodec: Codec<GrantConditions> = struct<GrantConditions>({
  notBeforeUnixMs: nullable(time),
  hours: nullable(hoursCodec),
  sources: list(text(ADDRESS_RANGE_LENGTH_MAX), GRANT_SOURCES_MAX),
  recordingRequired: bool,
  sessionMsMax: nullable(uint(STAMP_UNIX_MS_MAX, 1)),
  clipboardForbidden: bool,
  fileTransferForbidden: bool,
  reasonRequired: bool,
});

/** Wire form of a grant. */
export const grantCodec: Codec<Grant> = struct<Grant>({
  gatewayUid: text(NAME_LENGTH_MAX),
  grantId: text(NAME_LENGTH_MAX),
  name: text(NAME_LENGTH_MAX),
  userKey: keyId,
  allow: list(
    struct<Permission>({ kind: text(NAME_LENGTH_MAX), record: text(PERMISSION_RECORD_LENGTH_MAX) }),
    PERMISSIONS_MAX,
  ),
  issuedUnixMs: time,
  expiresUnixMs: nullable(time),
  conditions: appended(nullable(grantConditionsCodec), null),
});

/** The envelope of a grant, signed by admins. */
export const grantSeal: Seal<Grant> = {
  domain: 'pam-mesh/1/grant',
  codec: grantCodec,
  payloadBytesMax: POLICY_BYTES_MAX,
};
