import type { InstanceId } from '../base/ids.ts';
import { STAMP_UNIX_MS_MAX, type Stamp } from '../base/stamp.ts';
import {
  ADDRESS_LENGTH_MAX,
  EDITION_BYTES_MAX,
  HOLDINGS_LISTED_MAX,
  HOLDINGS_WANTED_MAX,
  JOB_NOTICES_MAX,
  JOB_OUTPUT_BYTES_MAX,
  JOB_REQUEST_BYTES_MAX,
  MEMBER_RECORD_BYTES_MAX,
  MEMBERS_MAX,
  NAME_LENGTH_MAX,
  OUTPUT_PAGE_BYTES_MAX,
  POLICY_BYTES_MAX,
  RECORD_BATCH_MAX,
  SYNC_RECORDS_MAX,
} from './bounds.ts';
import {
  appended,
  bool,
  bytes,
  type Codec,
  keyId,
  list,
  nullable,
  stamp,
  struct,
  text,
  uint,
  union,
  word,
} from './codec.ts';
import {
  type BegunDue,
  begunDuesCodec,
  type DueClaim,
  type DueReply,
  dueClaimCodec,
  dueReplyCodec,
} from './due-message.ts';
import {
  type Failure,
  failureCodec,
  JOB_ID_LENGTH,
  type JobNotice,
  jobNoticeCodec,
  type Parameter,
  parametersCodec,
  type TraceStep,
  traceStepCodec,
} from './job.ts';
import { START_ID_LENGTH } from './member-record.ts';
import { POLICY_DOCUMENT_BYTES_MAX, POLICY_SIBLINGS_MAX, ROTATIONS_MAX } from './policy.ts';
import { type LoadSample, loadSampleCodec } from './pulse.ts';
import { RECORD_ID_LENGTH } from './record.ts';
import type { Seal } from './sealed.ts';

/**
 * Messages of the mesh plane. *Gossip* is published to the pool topic and is signed inside; *direct* messages travel over a link, which
 * authenticates their sender. Case numbers are append-only.
 */

/** What is published on the pool topic. Each body is an envelope of its own kind. */
export type Gossip =
  | { readonly kind: 'member-record'; readonly sealed: Uint8Array }
  | { readonly kind: 'pulse'; readonly sealed: Uint8Array }
  | { readonly kind: 'suspicion'; readonly sealed: Uint8Array }
  | { readonly kind: 'limit'; readonly sealed: Uint8Array }
  | { readonly kind: 'record'; readonly sealed: Uint8Array }
  | { readonly kind: 'jobs'; readonly sealed: Uint8Array }
  | { readonly kind: 'credential'; readonly sealed: Uint8Array }
  | { readonly kind: 'policy'; readonly sealed: Uint8Array };

/** News of jobs, signed by the instance that tells it. */
export interface JobNews {
  readonly teller: InstanceId;
  readonly notices: readonly JobNotice[];
}

/** The envelope of job news. */
export const jobNewsSeal: Seal<JobNews> = {
  domain: 'pam-mesh/1/jobs',
  codec: struct<JobNews>({ teller: keyId, notices: list(jobNoticeCodec, JOB_NOTICES_MAX) }),
  payloadBytesMax: 60 * 1024,
};

/** What a member has of another, for comparing tables. */
export interface RecordVersion {
  readonly instanceId: InstanceId;
  readonly incarnation: number;
  readonly sequence: number;
  /** Of the sealed record: two of one version, which only a hostile or copied instance makes, are told apart by it. */
  readonly digest: string;
}

/** Why a seat claim was not granted, or that it was. Append only. */
export const CLAIM_ANSWERS = [
  'granted',
  /** Seats and promised seats fill the limit. */
  'no-room',
  /** An earlier candidate comes first. */
  'not-your-turn',
  /** The two see different members or seats: exchange records and ask again. */
  'views-differ',
  /** The asked one knows a newer limit, which it sends along. */
  'limit-newer',
  /** The asked one does not have the claimant's limit yet. */
  'limit-older',
  /** The join stamp is earlier than when this member first met the claimant: stamp anew. */
  'stamp-too-early',
  /** The asked one has itself not yet synchronised. */
  'not-ready',
  /** The limit has expired: nobody new is admitted. */
  'limit-expired',
] as const;
/** Answer to a seat claim. */
export type ClaimAnswer = (typeof CLAIM_ANSWERS)[number];

/** What every member holds alike, in keys with a digest each. Append only. */
export const HOLDINGS = ['records', 'credentials'] as const;
/** One of those sets. */
export type HoldingsName = (typeof HOLDINGS)[number];

/** One key of such a set, a record id, and a digest of what stands there. */
export interface Holding {
  readonly key: string;
  readonly digest: string;
}

/** What travels over a link between two members. */
export type Direct =
  /** First on every link, both ways. The clock lets the other judge how far the two are apart. */
  | {
      readonly kind: 'hello';
      readonly gatewayUid: string;
      readonly wallUnixMs: number;
      readonly clock: Stamp;
      /** True once the sender is past joining: its clock is the pool's. */
      readonly established: boolean;
      /** The sender has the receiver's record already; if not, the receiver greets back. */
      readonly known: boolean;
      readonly record: Uint8Array;
      readonly limit: Uint8Array;
    }
  /** To a joiner whose wall clock is too far ahead of the pool's. */
  | { readonly kind: 'clock-refused'; readonly aheadMs: number; readonly aheadMsMax: number }
  | { readonly kind: 'member-record'; readonly sealed: Uint8Array }
  | { readonly kind: 'limit'; readonly sealed: Uint8Array }
  | { readonly kind: 'suspicion'; readonly sealed: Uint8Array }
  /** "This is what I have": answered with `sync-records`. */
  | { readonly kind: 'sync'; readonly have: readonly RecordVersion[] }
  /** What the asker lacked, and what the answerer lacks. */
  | { readonly kind: 'sync-records'; readonly records: readonly Uint8Array[]; readonly want: readonly InstanceId[] }
  | { readonly kind: 'probe'; readonly nonce: number }
  | { readonly kind: 'probe-ack'; readonly nonce: number }
  /** "Probe that one for me." */
  | { readonly kind: 'probe-request'; readonly nonce: number; readonly target: InstanceId }
  | {
      readonly kind: 'claim';
      readonly number: number;
      readonly record: Uint8Array;
      readonly limitVersion: number;
      readonly limitDigest: string;
      /** Digest of the ids of all live members the claimant knows, itself included. */
      readonly membersDigest: string;
      /** Digest of the ids of all seat holders it knows. */
      readonly holdersDigest: string;
    }
  | { readonly kind: 'claim-answer'; readonly number: number; readonly answer: ClaimAnswer }
  /** "Hand your seat over to me": the record names the seat's holder in `replaces`. */
  | { readonly kind: 'handover'; readonly record: Uint8Array }
  | { readonly kind: 'handover-refused'; readonly reason: string }
  /** An entry passes a job to a worker; the start id keeps a late copy from running after a restart. */
  | {
      readonly kind: 'forward';
      readonly request: Uint8Array;
      readonly workerStartId: string;
      readonly submittedUnixMs: number;
      /** The client's address, as whoever it talks to has seen it; null from a version that does not tell. */
      readonly source: string | null;
    }
  | { readonly kind: 'forward-accepted'; readonly jobId: string; readonly load: LoadSample }
  | { readonly kind: 'forward-declined'; readonly jobId: string; readonly failure: Failure; readonly load: LoadSample }
  /** Worker to entry: the job's state changed. */
  | { readonly kind: 'job-update'; readonly notice: JobNotice }
  | { readonly kind: 'load-query'; readonly nonce: number }
  | { readonly kind: 'load-answer'; readonly nonce: number; readonly load: LoadSample }
  /** A client's request named another entry: passed on to it, and its answer back. */
  | {
      readonly kind: 'resubmit';
      readonly nonce: number;
      readonly hops: number;
      readonly request: Uint8Array;
      /** As in `forward`. */
      readonly source: string | null;
    }
  | {
      readonly kind: 'resubmit-answer';
      readonly nonce: number;
      readonly notice: JobNotice | null;
      readonly failure: Failure | null;
    }
  /** What do you know of this job? */
  /** The bytes of a job's output from this offset on, of its worker. */
  | { readonly kind: 'output-query'; readonly nonce: number; readonly jobId: string; readonly offset: number }
  /** Null: there is none (any more). */
  | {
      readonly kind: 'output-answer';
      readonly nonce: number;
      readonly totalBytes: number;
      readonly page: Uint8Array | null;
    }
  | { readonly kind: 'job-query'; readonly nonce: number; readonly jobId: string; readonly wantTrace: boolean }
  | {
      readonly kind: 'job-answer';
      readonly nonce: number;
      readonly notice: JobNotice | null;
      readonly steps: readonly TraceStep[];
    }
  /** End this job; the entry or any member has checked that the caller may. */
  | { readonly kind: 'job-cancel'; readonly jobId: string; readonly reason: string }
  /** What the sender tells of jobs, where a link leads to everybody: the link says who tells it. */
  | { readonly kind: 'job-news'; readonly number: number; readonly notices: readonly JobNotice[] }
  /** The receiver's batches from this number on were missed. */
  | { readonly kind: 'job-news-want'; readonly number: number }
  /** A part of a discovery that the sender works at, and the signed request that began it: should the sender be lost, the receiver asks for it again. */
  | {
      readonly kind: 'job-keep';
      readonly jobId: string;
      readonly parameters: readonly Parameter[];
      readonly origin: Uint8Array;
    }
  /** Digests of the sender's records by bucket; the answer lists the buckets that differ. */
  | { readonly kind: 'records-compare'; readonly buckets: readonly string[] }
  | { readonly kind: 'records-batch'; readonly sealed: readonly Uint8Array[] }
  /** An admin asks this instance, through another one, to drain. */
  | { readonly kind: 'drain'; readonly command: Uint8Array }
  /** A pulse, in pools so small that everyone has a link to everyone: gossip would carry it several times over. */
  | { readonly kind: 'pulse'; readonly sealed: Uint8Array }
  /** The same of the credentials. */
  | { readonly kind: 'credentials-compare'; readonly buckets: readonly string[] }
  /** Keys of buckets that differ, as many as fit: the receiver asks for what it lacks, then compares again. */
  | { readonly kind: 'holdings'; readonly of: HoldingsName; readonly items: readonly Holding[] }
  | { readonly kind: 'holdings-want'; readonly of: HoldingsName; readonly keys: readonly string[] }
  | { readonly kind: 'credentials-batch'; readonly sealed: readonly Uint8Array[] }
  /** An edition of credentials whose author waits until it is safe; answered once it is on disk. */
  | { readonly kind: 'edition-put'; readonly nonce: number; readonly sealed: Uint8Array }
  | { readonly kind: 'edition-held'; readonly nonce: number }
  | ({ readonly kind: 'due-claim' } & DueClaim)
  | ({ readonly kind: 'due-answer' } & DueReply)
  /** What somebody who leaves knows to be begun. */
  | { readonly kind: 'dues-told'; readonly dues: readonly BegunDue[] }
  /** Changes of the admins in order, then the policy in force; or only the newest policy. */
  | { readonly kind: 'policies'; readonly sealed: readonly Uint8Array[] };

const sealedBytes = (payloadMax: number): Codec<Uint8Array> => bytes({ max: payloadMax + 4096 });
const anySealed = { sealed: sealedBytes(POLICY_BYTES_MAX) };
const nonce = uint(0xffff_ffff);
const jobId = text(JOB_ID_LENGTH);
const digest = text(16);
/** Trace steps one instance tells of a job. */
export const TRACE_STEPS_MAX = 64;
/** Buckets the records and the credentials are compared in. */
export const RECORD_BUCKETS = 256;

/** Wire form of policies that follow each other. */
export const policyChainCodec: Codec<readonly Uint8Array[]> = list(
  sealedBytes(POLICY_DOCUMENT_BYTES_MAX),
  ROTATIONS_MAX + POLICY_SIBLINGS_MAX,
);

/** Wire form of gossip. */
export const gossipCodec: Codec<Gossip> = union<Gossip>({
  'member-record': [0, struct({ sealed: sealedBytes(MEMBER_RECORD_BYTES_MAX) })],
  pulse: [1, struct({ sealed: sealedBytes(4096) })],
  suspicion: [2, struct({ sealed: sealedBytes(512) })],
  limit: [3, struct(anySealed)],
  record: [4, struct(anySealed)],
  jobs: [5, struct({ sealed: sealedBytes(60 * 1024) })],
  credential: [16, struct({ sealed: sealedBytes(EDITION_BYTES_MAX) })],
  policy: [60, struct({ sealed: sealedBytes(POLICY_DOCUMENT_BYTES_MAX) })],
});

/** Wire form of direct messages. */
export const directCodec: Codec<Direct> = union<Direct>({
  hello: [
    0,
    struct({
      gatewayUid: text(NAME_LENGTH_MAX),
      wallUnixMs: uint(STAMP_UNIX_MS_MAX),
      clock: stamp,
      established: bool,
      known: bool,
      record: sealedBytes(MEMBER_RECORD_BYTES_MAX),
      limit: sealedBytes(POLICY_BYTES_MAX),
    }),
  ],
  'clock-refused': [1, struct({ aheadMs: uint(), aheadMsMax: uint() })],
  'member-record': [2, struct({ sealed: sealedBytes(MEMBER_RECORD_BYTES_MAX) })],
  limit: [3, struct(anySealed)],
  suspicion: [4, struct({ sealed: sealedBytes(512) })],
  sync: [
    5,
    struct({
      have: list(
        struct<RecordVersion>({ instanceId: keyId, incarnation: uint(), sequence: uint(), digest }),
        MEMBERS_MAX,
      ),
    }),
  ],
  'sync-records': [
    6,
    struct({
      records: list(sealedBytes(MEMBER_RECORD_BYTES_MAX), SYNC_RECORDS_MAX),
      want: list(keyId, SYNC_RECORDS_MAX),
    }),
  ],
  probe: [7, struct({ nonce })],
  'probe-ack': [8, struct({ nonce })],
  'probe-request': [9, struct({ nonce, target: keyId })],
  claim: [
    10,
    struct({
      number: uint(),
      record: sealedBytes(MEMBER_RECORD_BYTES_MAX),
      limitVersion: uint(),
      limitDigest: digest,
      membersDigest: digest,
      holdersDigest: digest,
    }),
  ],
  'claim-answer': [11, struct({ number: uint(), answer: word(CLAIM_ANSWERS) })],
  handover: [12, struct({ record: sealedBytes(MEMBER_RECORD_BYTES_MAX) })],
  'handover-refused': [13, struct({ reason: text(1000) })],
  forward: [
    14,
    struct({
      request: sealedBytes(JOB_REQUEST_BYTES_MAX),
      workerStartId: text(START_ID_LENGTH),
      submittedUnixMs: uint(STAMP_UNIX_MS_MAX),
      source: appended(nullable(text(ADDRESS_LENGTH_MAX)), null),
    }),
  ],
  'forward-accepted': [15, struct({ jobId, load: loadSampleCodec })],
  'forward-declined': [16, struct({ jobId, failure: failureCodec, load: loadSampleCodec })],
  'job-update': [17, struct({ notice: jobNoticeCodec })],
  'load-query': [18, struct({ nonce })],
  'load-answer': [19, struct({ nonce, load: loadSampleCodec })],
  resubmit: [
    20,
    struct({
      nonce,
      hops: uint(8),
      request: sealedBytes(JOB_REQUEST_BYTES_MAX),
      source: appended(nullable(text(ADDRESS_LENGTH_MAX)), null),
    }),
  ],
  'resubmit-answer': [21, struct({ nonce, notice: nullable(jobNoticeCodec), failure: nullable(failureCodec) })],
  'output-query': [40, struct({ nonce, jobId, offset: uint(JOB_OUTPUT_BYTES_MAX) })],
  'output-answer': [
    41,
    struct({ nonce, totalBytes: uint(JOB_OUTPUT_BYTES_MAX), page: nullable(bytes({ max: OUTPUT_PAGE_BYTES_MAX })) }),
  ],
  'job-query': [22, struct({ nonce, jobId, wantTrace: bool })],
  'job-answer': [23, struct({ nonce, notice: nullable(jobNoticeCodec), steps: list(traceStepCodec, TRACE_STEPS_MAX) })],
  'job-cancel': [24, struct({ jobId, reason: text(1000) })],
  'job-news': [43, struct({ number: uint(), notices: list(jobNoticeCodec, JOB_NOTICES_MAX) })],
  'job-news-want': [44, struct({ number: uint() })],
  'job-keep': [42, struct({ jobId, parameters: parametersCodec, origin: bytes({ max: POLICY_BYTES_MAX }) })],
  'records-compare': [25, struct({ buckets: list(digest, RECORD_BUCKETS) })],
  'records-batch': [26, struct({ sealed: list(sealedBytes(POLICY_BYTES_MAX), RECORD_BATCH_MAX) })],
  drain: [27, struct({ command: sealedBytes(512) })],
  pulse: [28, struct({ sealed: sealedBytes(4096) })],
  'credentials-compare': [50, struct({ buckets: list(digest, RECORD_BUCKETS) })],
  holdings: [
    51,
    struct({
      of: word(HOLDINGS),
      items: list(struct<Holding>({ key: text(RECORD_ID_LENGTH), digest }), HOLDINGS_LISTED_MAX),
    }),
  ],
  'holdings-want': [52, struct({ of: word(HOLDINGS), keys: list(text(RECORD_ID_LENGTH), HOLDINGS_WANTED_MAX) })],
  'credentials-batch': [53, struct({ sealed: list(sealedBytes(EDITION_BYTES_MAX), RECORD_BATCH_MAX) })],
  'edition-put': [54, struct({ nonce, sealed: sealedBytes(EDITION_BYTES_MAX) })],
  'edition-held': [55, struct({ nonce })],
  policies: [60, struct({ sealed: policyChainCodec })],
  'due-claim': [70, dueClaimCodec],
  'due-answer': [71, dueReplyCodec],
  'dues-told': [72, struct({ dues: begunDuesCodec })],
});
