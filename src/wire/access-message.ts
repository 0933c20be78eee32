import type { InstanceId } from '../base/ids.ts';
import { SIGNATURE_BYTES } from '../base/signing.ts';
import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { type MemberSummary, memberSummaryCodec } from './access-member.ts';
import {
  ADDRESS_LENGTH_MAX,
  ADDRESSES_MAX,
  EDITION_BYTES_MAX,
  EDITIONS_MAX,
  ERROR_TEXT_MAX,
  JOB_NOTICES_MAX,
  JOB_OUTPUT_BYTES_MAX,
  JOB_REQUEST_BYTES_MAX,
  NAME_LENGTH_MAX,
  OUTPUT_PAGE_BYTES_MAX,
  POLICY_BYTES_MAX,
} from './bounds.ts';
import { appended, bytes, type Codec, keyId, list, nullable, struct, text, uint, union, word } from './codec.ts';
import { type CredentialEntry, credentialEntryCodec, ENTRIES_MAX } from './credential.ts';
import {
  type Failure,
  failureCodec,
  JOB_ID_LENGTH,
  JOB_KINDS,
  type JobKind,
  type JobNotice,
  jobNoticeCodec,
  type TraceStep,
  traceStepCodec,
} from './job.ts';
import { START_ID_LENGTH } from './member-record.ts';
import { policyChainCodec } from './mesh-message.ts';
import { POLICY_DOCUMENT_BYTES_MAX } from './policy.ts';
import { RECORD_ID_LENGTH, type TargetRecord, targetRecordCodec } from './record.ts';
import { type ScheduleRow, scheduleRowCodec } from './schedule-row.ts';
import { SUCCESSION_LENGTH_MAX } from './succession.ts';

/**
 * The control protocol, `/pam-access/1/control`: one stream per client, frames of a uint32 BE length and CBOR. Every request has a
 * number of the client's choice; answers carry it and come in any order. The first request is `hello`. Case numbers: append only.
 * Trust: the transport proves the client's key; everything else is checked, here by size and form, then by its receiver.
 */
export type AccessRequest =
  /** Who is asking: the transport has proved the key, the grant says what it may do. Null: an admin key. */
  | { readonly kind: 'hello'; readonly grant: Uint8Array | null }
  /** A sealed job request. */
  | { readonly kind: 'submit'; readonly request: Uint8Array }
  | { readonly kind: 'job-info'; readonly jobId: string }
  | { readonly kind: 'job-trace'; readonly jobId: string }
  | { readonly kind: 'job-cancel'; readonly jobId: string; readonly reason: string }
  /** Members with an id after this one, in the order of ids. */
  | { readonly kind: 'pool-view'; readonly after: InstanceId | null }
  /** A sealed limit. */
  | { readonly kind: 'offer-limit'; readonly sealed: Uint8Array }
  /** Every policy needed to follow the admins, and what is in force. */
  | { readonly kind: 'policies' }
  /** Records with a schedule and an id after this one, in the order of ids; only this one if one is named. */
  | { readonly kind: 'schedules'; readonly match: string | null; readonly after: string | null }
  /** A sealed policy. */
  | { readonly kind: 'offer-policy'; readonly sealed: Uint8Array }
  /** A sealed record. */
  | { readonly kind: 'offer-record'; readonly sealed: Uint8Array }
  /** Records with an id after this one, in the order of ids; only those with this id or title if one is given. */
  | { readonly kind: 'list-records'; readonly match: string | null; readonly after: string | null }
  /** A sealed drain command. */
  | { readonly kind: 'drain-member'; readonly command: Uint8Array }
  /** The bytes of a job's output from this offset on. */
  | { readonly kind: 'job-output'; readonly jobId: string; readonly offset: number }
  /** The editions of a record's credentials that stand: what an admin's next edition is made from. */
  | { readonly kind: 'list-editions'; readonly recordId: string }
  /** A sealed edition of a record's credentials. */
  | { readonly kind: 'offer-edition'; readonly sealed: Uint8Array }
  /** The credentials of a record, each sealed to this X25519 key (base64url), which the client has made for this request. */
  | { readonly kind: 'reveal'; readonly recordId: string; readonly recipient: string }
  /** Jobs of a kind, newest first, `JOB_NOTICES_MAX` at the most; only those that belong to this job if one is given. */
  | { readonly kind: 'list-jobs'; readonly jobKind: JobKind; readonly parent: string | null }
  /** Entries of the answering instance's own audit log: behind a sequence number, or the newest. */
  | {
      readonly kind: 'audit-page';
      readonly after: number | null;
      readonly most: number;
      readonly match: AuditMatch | null;
    };

/** Which events of an audit log are wanted; everything has to hold. */
export interface AuditMatch {
  /** Empty: any. */
  readonly kinds: readonly string[];
  /** Somewhere in the line, in any case; empty: anything. */
  readonly text: string;
  readonly sinceUnixMs: number | null;
  readonly untilUnixMs: number | null;
}

/** What an instance tells whoever it has let in. */
export interface Welcome {
  readonly instanceId: InstanceId;
  /** Job requests through this entry name it. */
  readonly startId: string;
  /** The entry's clock, which the deadlines of jobs are measured by. */
  readonly unixMs: number;
  readonly gatewayUid: string;
  readonly gatewayName: string;
  /** Signature by the pool's access key over this instance's id: only who knows the pool secret can make it. */
  readonly proof: Uint8Array;
  /** Members that serve, with the addresses of their access plane; some, where there are very many. */
  readonly members: readonly EntryPoint[];
  /** X25519 key that credentials are sealed to, in base64url; empty: this instance's vault takes none. */
  readonly vaultKey: string;
  /** The sealed succession by which the proof's key took the place of earlier ones, in base64url; empty: none did. */
  readonly succession: string;
}

/** Where clients reach a member. */
export interface EntryPoint {
  readonly instanceId: InstanceId;
  readonly addresses: readonly string[];
}

/** Answers to the requests above. */
export type AccessAnswer =
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'done' }
  | ({ readonly kind: 'welcome' } & Welcome)
  /** The job waits at this worker for its session. */
  | {
      readonly kind: 'accepted';
      readonly notice: JobNotice;
      readonly worker: InstanceId;
      readonly addresses: readonly string[];
    }
  | { readonly kind: 'job'; readonly notice: JobNotice | null; readonly steps: readonly TraceStep[] }
  | { readonly kind: 'jobs'; readonly notices: readonly JobNotice[] }
  | ({ readonly kind: 'pool' } & PoolPage)
  | { readonly kind: 'policies'; readonly sealed: readonly Uint8Array[] }
  | {
      readonly kind: 'records';
      readonly records: readonly TargetRecord[];
      /** Ask again from here; null: that was all. */
      readonly next: string | null;
    }
  | {
      readonly kind: 'schedules';
      readonly rows: readonly ScheduleRow[];
      /** Ask again from here; null: that was all. */
      readonly next: string | null;
    }
  /** A page of a job's output, which has so many bytes in all. */
  | { readonly kind: 'output'; readonly totalBytes: number; readonly page: Uint8Array }
  | { readonly kind: 'editions'; readonly sealed: readonly Uint8Array[] }
  | { readonly kind: 'revealed'; readonly entries: readonly CredentialEntry[] }
  /** Lines as they stand in the log. Ask again behind `next` until it is `end`. */
  | {
      readonly kind: 'audit';
      readonly instanceId: InstanceId;
      readonly lines: readonly Uint8Array[];
      readonly next: number;
      readonly end: number;
    };

/** The limit and a part of the members, as the answering instance sees them. */
export interface PoolPage {
  readonly gatewayUid: string;
  readonly gatewayName: string;
  readonly maxInstances: number;
  readonly limitVersion: number;
  readonly members: readonly MemberSummary[];
  /** Ask again from here; null: that was all. */
  readonly next: InstanceId | null;
}

/** A request or an answer with the number that joins the two. */
export interface Numbered<T> {
  readonly number: number;
  readonly body: T;
}

/** Most bytes of a request: a sealed edition of credentials is the largest. */
export const ACCESS_REQUEST_BYTES_MAX = EDITION_BYTES_MAX + 8 * 1024;
/** Most bytes of an answer: a page of members or records. */
export const ACCESS_ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** Entry points in one welcome: enough to find another entry when one is gone. */
export const ENTRY_POINTS_MAX = 64;
/** Members in one page. */
export const MEMBER_PAGE_MAX = 256;
/** Records in one page; each weighs up to POLICY_BYTES_MAX. */
export const RECORD_PAGE_MAX = 200;
/** Entries in one page of an audit log. */
export const AUDIT_PAGE_MAX = 1000;
/** Bytes of one entry of an audit log. */
export const AUDIT_ENTRY_BYTES_MAX = 32 * 1024;
/** Kinds of event that one question may name. */
export const AUDIT_KINDS_MAX = 32;
/** Trace steps in one answer. */
const STEPS_MAX = 4096;

/** Characters of 32 bytes in base64url. */
const VAULT_KEY_LENGTH = 43;
const SEALED_MAX = 4096;
const sealed = (payloadMax: number): Codec<Uint8Array> => bytes({ max: payloadMax + SEALED_MAX });
const jobId = text(JOB_ID_LENGTH);
const recordId = text(RECORD_ID_LENGTH);
const addresses = list(text(ADDRESS_LENGTH_MAX), ADDRESSES_MAX);
const none = struct({});

const auditMatch = struct<AuditMatch>({
  kinds: list(text(NAME_LENGTH_MAX), AUDIT_KINDS_MAX),
  text: text(NAME_LENGTH_MAX),
  sinceUnixMs: nullable(uint(STAMP_UNIX_MS_MAX)),
  untilUnixMs: nullable(uint(STAMP_UNIX_MS_MAX)),
});

const requestCodec: Codec<AccessRequest> = union<AccessRequest>({
  hello: [0, struct({ grant: nullable(sealed(POLICY_BYTES_MAX)) })],
  submit: [1, struct({ request: sealed(JOB_REQUEST_BYTES_MAX) })],
  'job-info': [2, struct({ jobId })],
  'job-trace': [3, struct({ jobId })],
  'job-cancel': [4, struct({ jobId, reason: text(ERROR_TEXT_MAX) })],
  'pool-view': [5, struct({ after: nullable(keyId) })],
  'offer-limit': [6, struct({ sealed: sealed(POLICY_BYTES_MAX) })],
  'offer-record': [7, struct({ sealed: sealed(POLICY_BYTES_MAX) })],
  'list-records': [8, struct({ match: nullable(text(NAME_LENGTH_MAX)), after: nullable(recordId) })],
  'drain-member': [9, struct({ command: sealed(512) })],
  'job-output': [20, struct({ jobId, offset: uint(JOB_OUTPUT_BYTES_MAX) })],
  'list-editions': [30, struct({ recordId })],
  'offer-edition': [31, struct({ sealed: sealed(EDITION_BYTES_MAX) })],
  reveal: [32, struct({ recordId, recipient: text(VAULT_KEY_LENGTH) })],
  'list-jobs': [60, struct({ jobKind: word(JOB_KINDS), parent: nullable(jobId) })],
  'audit-page': [50, struct({ after: nullable(uint()), most: uint(AUDIT_PAGE_MAX, 1), match: nullable(auditMatch) })],
  schedules: [70, struct({ match: nullable(recordId), after: nullable(recordId) })],
  policies: [40, none],
  'offer-policy': [41, struct({ sealed: sealed(POLICY_DOCUMENT_BYTES_MAX) })],
});

const answerCodec: Codec<AccessAnswer> = union<AccessAnswer>({
  refused: [0, struct({ failure: failureCodec })],
  done: [1, none],
  welcome: [
    2,
    struct({
      instanceId: keyId,
      startId: text(START_ID_LENGTH),
      unixMs: uint(STAMP_UNIX_MS_MAX),
      gatewayUid: text(NAME_LENGTH_MAX),
      gatewayName: text(NAME_LENGTH_MAX),
      proof: bytes({ max: SIGNATURE_BYTES }),
      members: list(struct<EntryPoint>({ instanceId: keyId, addresses }), ENTRY_POINTS_MAX),
      vaultKey: appended(text(VAULT_KEY_LENGTH), ''),
      succession: appended(text(SUCCESSION_LENGTH_MAX), ''),
    }),
  ],
  accepted: [3, struct({ notice: jobNoticeCodec, worker: keyId, addresses })],
  job: [4, struct({ notice: nullable(jobNoticeCodec), steps: list(traceStepCodec, STEPS_MAX) })],
  pool: [
    5,
    struct({
      gatewayUid: text(NAME_LENGTH_MAX),
      gatewayName: text(NAME_LENGTH_MAX),
      maxInstances: uint(),
      limitVersion: uint(),
      members: list(memberSummaryCodec, MEMBER_PAGE_MAX),
      next: nullable(keyId),
    }),
  ],
  records: [6, struct({ records: list(targetRecordCodec, RECORD_PAGE_MAX), next: nullable(recordId) })],
  output: [20, struct({ totalBytes: uint(JOB_OUTPUT_BYTES_MAX), page: bytes({ max: OUTPUT_PAGE_BYTES_MAX }) })],
  editions: [30, struct({ sealed: list(sealed(EDITION_BYTES_MAX), EDITIONS_MAX) })],
  revealed: [31, struct({ entries: list(credentialEntryCodec, ENTRIES_MAX) })],
  audit: [
    50,
    struct({
      instanceId: keyId,
      lines: list(bytes({ max: 2 * AUDIT_ENTRY_BYTES_MAX + 1 }), AUDIT_PAGE_MAX),
      next: uint(),
      end: uint(),
    }),
  ],
  policies: [40, struct({ sealed: policyChainCodec })],
  jobs: [60, struct({ notices: list(jobNoticeCodec, JOB_NOTICES_MAX) })],
  schedules: [70, struct({ rows: list(scheduleRowCodec, RECORD_PAGE_MAX), next: nullable(recordId) })],
});

const numbered = <T>(body: Codec<T>): Codec<Numbered<T>> => struct<Numbered<T>>({ number: uint(0xffff_ffff), body });

/** Wire form of a numbered request. */
export const accessRequestCodec: Codec<Numbered<AccessRequest>> = numbered(requestCodec);
/** Wire form of a numbered answer. */
export const accessAnswerCodec: Codec<Numbered<AccessAnswer>> = numbered(answerCodec);

/** Domain of the signature in a welcome; what is signed is the instance id as UTF-8. */
export const INSTANCE_PROOF_DOMAIN = 'pam-access/1/instance';
