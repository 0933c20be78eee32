import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { CREDENTIAL_PLAIN_BYTES_MAX, EDITION_BYTES_MAX, NAME_LENGTH_MAX } from './bounds.ts';
import { bytes, type Codec, list, nullable, struct, text, uint, word } from './codec.ts';
import { JOB_ID_LENGTH } from './job.ts';
import { RECORD_ID_LENGTH } from './record.ts';
import type { Seal } from './sealed.ts';

/** Where a version of a credential is in its life. Append only. */
export const CREDENTIAL_STATES = ['pending', 'previous', 'active'] as const;

/** One version of a record's credential; what it says is sealed to the pool. Fields: append only. */
export interface CredentialEntry {
  readonly versionId: string;
  readonly state: (typeof CREDENTIAL_STATES)[number];
  /** The sealed credential: `vault/box.ts`. Only who knows the pool secret can open it. */
  readonly box: Uint8Array;
  readonly changedUnixMs: number;
  /** The job that staged it; null where a person wrote it. */
  readonly jobId: string | null;
}

/** An edition that a later one stands in for. */
export interface Replaced {
  readonly editionId: string;
  readonly number: number;
}

/**
 * All versions of a record's credential, as whoever changed one of them left them. An edition replaces those its author knew, named in `replaced` or
 * numbered up to `horizon`; two that do not replace each other were written without knowing of each other and are both kept. Signed by an admin, or by
 * an instance together with the pool's access key, which only who knows the pool secret has. Fields: append only.
 *
 * Trust: the holder of an admin key or of the pool secret can write anything here, and so replace a credential; nobody else can, and nobody
 * without the pool secret can read one.
 */
export interface CredentialEdition {
  readonly gatewayUid: string;
  readonly recordId: string;
  /** 16 random bytes in base64url. */
  readonly editionId: string;
  /** Greater than that of every edition it replaces. */
  readonly number: number;
  /** Editions with at most this number are replaced, named or not. */
  readonly horizon: number;
  readonly replaced: readonly Replaced[];
  readonly entries: readonly CredentialEntry[];
  readonly changedUnixMs: number;
}

/** Editions named as replaced: beyond it the oldest fall under the horizon. */
export const REPLACED_MAX = 128;
/** Versions in one edition. */
export const ENTRIES_MAX = 16;
/** What sealing adds to a credential, padding included. */
const BOX_OVERHEAD_BYTES = 512;

const id = text(RECORD_ID_LENGTH);

/** Wire form of one version. */
export const credentialEntryCodec: Codec<CredentialEntry> = struct<CredentialEntry>({
  versionId: id,
  state: word(CREDENTIAL_STATES),
  box: bytes({ max: CREDENTIAL_PLAIN_BYTES_MAX + BOX_OVERHEAD_BYTES }),
  changedUnixMs: uint(STAMP_UNIX_MS_MAX),
  jobId: nullable(text(JOB_ID_LENGTH)),
});

/** Wire form of an edition. */
export const credentialEditionCodec: Codec<CredentialEdition> = struct<CredentialEdition>({
  gatewayUid: text(NAME_LENGTH_MAX),
  recordId: id,
  editionId: id,
  number: uint(Number.MAX_SAFE_INTEGER, 1),
  horizon: uint(),
  replaced: list(struct<Replaced>({ editionId: id, number: uint() }), REPLACED_MAX),
  entries: list(credentialEntryCodec, ENTRIES_MAX),
  changedUnixMs: uint(STAMP_UNIX_MS_MAX),
});

/** The envelope of an edition. */
export const credentialEditionSeal: Seal<CredentialEdition> = {
  domain: 'pam-mesh/1/credential',
  codec: credentialEditionCodec,
  payloadBytesMax: EDITION_BYTES_MAX,
};
