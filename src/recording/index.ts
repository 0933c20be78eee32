/**
 * Recordings of sessions: written while the session runs, encrypted at rest under a key of the pool, kept on the worker that ran it. It is *not*
 * concerned with what a session is or who may see it: a workload hands in events, the access plane hands out text.
 *
 * Invariants: what was handed in is on disk within a second, or the recording has failed and says so. Memory is bounded: whoever hands in faster than the
 * disk takes it waits (`isFull`). A file that is cut off anywhere reads to its last whole chunk and says that its end is missing; one that
 * was changed anywhere is refused from there on. Format: `README.md` beside this file.
 */
import type { RecordingEnding, RecordingInfo, RecordingStart } from './recording-info.ts';

export { Archive, type FoundRecording, type KeepRule } from './archive.ts';
export { type CastEvent, parseEvent } from './asciicast.ts';
export { Desk, type DeskCaller } from './desk.ts';
export { createRecorder, type KeptRecording, type RecorderInit } from './recorder.ts';
export type { RecordingEnding, RecordingInfo, RecordingStart } from './recording-info.ts';
export type { RecordingReader, RecordingSummary } from './recording-reader.ts';
export { openRecordings, type Recordings, type RecordingsInit } from './recordings.ts';

/** Makes recordings. */
export interface Recorder {
  /** A recording whose first chunk is on disk. Throws `recording-failed`. */
  start(start: RecordingStart): Promise<Recording>;
  /** The same without a file, for sessions that are not recorded: they are listed and can be watched, too. */
  follow(start: RecordingStart): Recording;
  /** Sessions under way on this instance. */
  live(): readonly LiveSession[];
}

/** A session under way. */
export interface LiveSession extends Recording {
  /** From now on everything that is handed in, as lines of asciicast, a header first. Call the answer to stop. */
  watch(listener: LiveListener): () => void;
}

/** Who watches. Called synchronously: must not wait. */
export interface LiveListener {
  onText(text: string): void;
  onEnd(): void;
}

/** A recording under way. Handing in never waits and never throws; where it fails, `failed` says so. */
export interface Recording {
  /** Null: there is no file. */
  readonly id: string | null;
  /** What the file says of itself. */
  readonly info: RecordingInfo;
  /** Resolves, with a sentence, when it can be written no longer; never if it can to the end. */
  readonly failed: Promise<string>;
  /** True: hand in no more before `drained`. */
  readonly isFull: boolean;
  /** Resolves when the disk has caught up, or the recording has failed. */
  drained(): Promise<void>;
  /** What the person sees. */
  output(bytes: Uint8Array): void;
  errorOutput(bytes: Uint8Array): void;
  /** What the person types. */
  input(bytes: Uint8Array): void;
  resize(columns: number, rows: number): void;
  /** A remark at this moment: shown in lists of chapters, not on the screen. */
  marker(text: string): void;
  /** What a database session did, as any JSON value. */
  statement(value: unknown): void;
  /** Writes the end; the file is complete when this resolves. Resolves also where it failed. */
  end(ending: RecordingEnding): Promise<void>;
}
