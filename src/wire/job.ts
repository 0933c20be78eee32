import { type ErrorCode, isErrorCode } from '../base/errors.ts';
import type { InstanceId, PeerKeyId } from '../base/ids.ts';
import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import {
  ERROR_TEXT_MAX,
  JOB_OUTPUT_BYTES_MAX,
  JOB_REQUEST_BYTES_MAX,
  NAME_LENGTH_MAX,
  PARAMETER_LENGTH_MAX,
  PARAMETERS_MAX,
  POLICY_BYTES_MAX,
  PROGRESS_TEXT_MAX,
} from './bounds.ts';
import { appended, bytes, type Codec, keyId, list, nullable, struct, text, uint, word } from './codec.ts';
import { START_ID_LENGTH } from './member-record.ts';
import { RECORD_ID_LENGTH } from './record.ts';
import type { Seal } from './sealed.ts';

/** Kinds of job the protocol names; which of them an instance does is in its capabilities. Append only. */
export const JOB_KINDS = ['tunnel', 'connection', 'discovery', 'rotation'] as const;
/** A kind of job. */
export type JobKind = (typeof JOB_KINDS)[number];

/**
 * A request for a job, signed by whoever asks. It names the one instance that may dispatch it, and which start of that instance, so that
 * a retried, copied or re-routed request can never be dispatched twice: everyone else only passes it on. Fields: append only.
 */
export interface JobRequest {
  readonly gatewayUid: string;
  /** Made by the client: 16 random bytes in base64url. The idempotency key. */
  readonly jobId: string;
  readonly kind: JobKind;
  readonly recordId: string;
  /** The job this one belongs to: a tunnel, for each of its connections. */
  readonly parent: string | null;
  readonly parameters: readonly Parameter[];
  readonly entry: InstanceId;
  readonly entryStartId: string;
  readonly caller: PeerKeyId;
  /** By the entry's clock, as it told the client; nobody begins the job later. */
  readonly deadlineUnixMs: number;
  /** The caller's sealed grant; null for an admin. Of an instance that goes on with a discovery: the sealed request that began it. */
  readonly grant: Uint8Array | null;
}

/** One named parameter of a job. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
}

/** Wire form of a job's parameters. */
export const parametersCodec: Codec<readonly Parameter[]> = list(
  struct<Parameter>({ name: text(NAME_LENGTH_MAX), value: text(PARAMETER_LENGTH_MAX) }),
  PARAMETERS_MAX,
);

/** Characters of a job id. */
export const JOB_ID_LENGTH = 22;
const jobId = text(JOB_ID_LENGTH);

/** Wire form of a job request. */
export const jobRequestCodec: Codec<JobRequest> = struct<JobRequest>({
  gatewayUid: text(NAME_LENGTH_MAX),
  jobId,
  kind: word(JOB_KINDS),
  recordId: text(RECORD_ID_LENGTH),
  parent: nullable(jobId),
  parameters: parametersCodec,
  entry: keyId,
  entryStartId: text(START_ID_LENGTH),
  caller: keyId,
  deadlineUnixMs: uint(STAMP_UNIX_MS_MAX),
  grant: nullable(bytes({ max: POLICY_BYTES_MAX })),
});

/** The envelope of a job request, signed by the caller. */
export const jobRequestSeal: Seal<JobRequest> = {
  domain: 'pam-mesh/1/job-request',
  codec: jobRequestCodec,
  payloadBytesMax: JOB_REQUEST_BYTES_MAX,
};

/** States of a job, in the order of its life. Append only. */
export const JOB_STATES = ['submitted', 'accepted', 'running', 'succeeded', 'failed', 'cancelled', 'lost'] as const;
/** The state of a job. */
export type JobState = (typeof JOB_STATES)[number];

/** True when nothing more happens to a job in this state (a `lost` one may still turn out to have ended). */
export function isFinal(state: JobState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled' || state === 'lost';
}

/** Why something failed: a stable code and a sentence. Remote text is untrusted: shown, never acted on. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

const errorCode: Codec<ErrorCode> = {
  toWire: (value) => value,
  fromWire: (raw, path) => {
    const code = text(NAME_LENGTH_MAX).fromWire(raw, path);
    return isErrorCode(code) ? code : 'bad-message';
  },
};

/** Wire form of a failure. */
export const failureCodec: Codec<Failure> = struct<Failure>({ code: errorCode, message: text(ERROR_TEXT_MAX) });

/** What the pool knows of a job: told by its worker and, where that is gone, by its entry. Fields: append only. */
export interface JobNotice {
  readonly jobId: string;
  readonly kind: JobKind;
  readonly recordId: string;
  readonly parent: string | null;
  /** Who it is done for. */
  readonly caller: PeerKeyId;
  readonly state: JobState;
  readonly entry: InstanceId;
  /** Null until one has been asked. */
  readonly worker: InstanceId | null;
  readonly submittedUnixMs: number;
  readonly startedUnixMs: number | null;
  readonly endedUnixMs: number | null;
  readonly error: Failure | null;
  /** From the client to the target. */
  readonly bytesIn: number;
  /** From the target to the client. */
  readonly bytesOut: number;
  /** How far an unattended job is; null for others, and from older versions. */
  readonly progress: JobProgress | null;
}

/** How far a job is that runs without a client, and what it has to show. */
export interface JobProgress {
  /** One line; empty before there is anything to say. */
  readonly message: string;
  readonly donePerMille: number;
  /** Bytes of its output, which its worker keeps; 0 until it has ended. */
  readonly outputBytes: number;
}

const time = uint(STAMP_UNIX_MS_MAX);

/** Wire form of a job notice. */
export const jobNoticeCodec: Codec<JobNotice> = struct<JobNotice>({
  jobId,
  kind: word(JOB_KINDS),
  recordId: text(RECORD_ID_LENGTH),
  parent: nullable(jobId),
  caller: keyId,
  state: word(JOB_STATES),
  entry: keyId,
  worker: nullable(keyId),
  submittedUnixMs: time,
  startedUnixMs: nullable(time),
  endedUnixMs: nullable(time),
  error: nullable(failureCodec),
  bytesIn: uint(),
  bytesOut: uint(),
  progress: appended(
    nullable(
      struct<JobProgress>({
        message: text(PROGRESS_TEXT_MAX),
        donePerMille: uint(1000),
        outputBytes: uint(JOB_OUTPUT_BYTES_MAX),
      }),
    ),
    null,
  ),
});

/** One thing that happened to a job, as the instance it happened on wrote it down. */
export interface TraceStep {
  readonly atUnixMs: number;
  readonly instanceId: InstanceId;
  readonly what: string;
  readonly detail: string;
}

/** Wire form of a trace step. */
export const traceStepCodec: Codec<TraceStep> = struct<TraceStep>({
  atUnixMs: time,
  instanceId: keyId,
  what: text(NAME_LENGTH_MAX),
  detail: text(ERROR_TEXT_MAX),
});
