import { STAMP_UNIX_MS_MAX } from '../base/stamp.ts';
import { ADDRESS_LENGTH_MAX, NAME_LENGTH_MAX } from './bounds.ts';
import { bytes, type Codec, list, nullable, struct, text, uint, union, word } from './codec.ts';
import { CLOSE_REASONS, type CloseReason } from './connection-message.ts';
import { type Failure, failureCodec, JOB_ID_LENGTH } from './job.ts';

/**
 * The desk: what an instance tells of its sessions and recordings, on a session stream whose claim names the job `desk` (true ids of jobs are longer). One
 * frame with the request, then frames with the answer, each a uint32 BE length and CBOR; the last is `done` or `refused`. The claim reaches an instance that
 * the client cannot through its entry, as every claim does. Case numbers: append only. Trust: a claim is signed by its caller; an admin is told of
 * everything, anybody else of what was their own.
 */
export const DESK = 'desk';

/** What is asked. */
export type DeskRequest =
  | { readonly kind: 'list-recordings' }
  /** The recording as asciicast. */
  | { readonly kind: 'read-recording'; readonly id: string }
  | { readonly kind: 'search-recordings'; readonly text: string }
  | { readonly kind: 'list-sessions' }
  /** The session from now on, as asciicast. */
  | { readonly kind: 'watch-session'; readonly jobId: string };

/** A part of an answer. */
export type DeskAnswer =
  | { readonly kind: 'refused'; readonly failure: Failure }
  /** Nothing follows. For a recording: whether it was read to its end. */
  | { readonly kind: 'done'; readonly end: 'complete' | 'cut-off' | 'damaged' }
  | { readonly kind: 'recording'; readonly entry: RecordingEntry }
  | { readonly kind: 'session'; readonly entry: SessionEntry }
  | { readonly kind: 'text'; readonly data: Uint8Array }
  | { readonly kind: 'found'; readonly entry: RecordingEntry; readonly hits: readonly Hit[] };

/** A session, running or over. */
export interface SessionEntry {
  readonly jobId: string;
  readonly kind: string;
  readonly protocol: string;
  readonly recordId: string;
  readonly recordTitle: string;
  readonly target: string;
  readonly user: string;
  readonly startedUnixMs: number;
  /** Null: a shell. Cut where it is long. */
  readonly command: string | null;
  /** Null: it is not recorded. */
  readonly recordingId: string | null;
}

/** A recording. */
export interface RecordingEntry {
  readonly session: SessionEntry;
  readonly bytes: number;
  /** Null: it runs, or its end is missing. */
  readonly ending: {
    readonly durationMs: number;
    readonly reason: CloseReason;
    readonly exitCode: number | null;
    readonly bytesIn: number;
    readonly bytesOut: number;
  } | null;
}

/** A place where a text was found. */
export interface Hit {
  readonly atMs: number;
  readonly text: string;
}

/** Most bytes of one frame. */
export const DESK_FRAME_BYTES_MAX = 256 * 1024;
/** Bytes of text in one frame. */
export const DESK_TEXT_BYTES_MAX = 128 * 1024;
/** Characters of what is searched. */
export const SEARCH_LENGTH_MAX = 256;
/** Characters of a command that are told. */
export const COMMAND_SHOWN_MAX = 200;
const HITS_MAX = 64;
const TARGET_LENGTH_MAX = NAME_LENGTH_MAX + ADDRESS_LENGTH_MAX + 8;
const HIT_LENGTH_MAX = 1000;

const name = text(NAME_LENGTH_MAX);
const jobId = text(JOB_ID_LENGTH);
const session = struct<SessionEntry>({
  jobId,
  kind: name,
  protocol: name,
  recordId: name,
  recordTitle: name,
  target: text(TARGET_LENGTH_MAX),
  user: name,
  startedUnixMs: uint(STAMP_UNIX_MS_MAX),
  command: nullable(text(COMMAND_SHOWN_MAX)),
  recordingId: nullable(name),
});
const recording = struct<RecordingEntry>({
  session,
  bytes: uint(),
  ending: nullable(
    struct<NonNullable<RecordingEntry['ending']>>({
      durationMs: uint(),
      reason: word(CLOSE_REASONS),
      exitCode: nullable(uint(0xffff_ffff)),
      bytesIn: uint(),
      bytesOut: uint(),
    }),
  ),
});

/** Wire form of a request. */
export const deskRequestCodec: Codec<DeskRequest> = union<DeskRequest>({
  'list-recordings': [0, struct({})],
  'read-recording': [1, struct({ id: name })],
  'search-recordings': [2, struct({ text: text(SEARCH_LENGTH_MAX) })],
  'list-sessions': [3, struct({})],
  'watch-session': [4, struct({ jobId })],
});

/** Wire form of a part of an answer. */
export const deskAnswerCodec: Codec<DeskAnswer> = union<DeskAnswer>({
  refused: [0, struct({ failure: failureCodec })],
  done: [1, struct({ end: word(['complete', 'cut-off', 'damaged']) })],
  recording: [2, struct({ entry: recording })],
  session: [3, struct({ entry: session })],
  text: [4, struct({ data: bytes({ max: DESK_TEXT_BYTES_MAX }) })],
  found: [
    5,
    struct({
      entry: recording,
      hits: list(struct<Hit>({ atMs: uint(), text: text(HIT_LENGTH_MAX) }), HITS_MAX),
    }),
  ],
});
