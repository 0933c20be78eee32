import type { Secret } from '../base/secret.ts';
import { Archive, type KeepRule } from './archive.ts';
import { Desk } from './desk.ts';
import type { Recorder } from './index.ts';
import { createRecorder, type RecorderInit } from './recorder.ts';

/** What the recordings of an instance need. */
export interface RecordingsInit extends RecorderInit {
  /** Of pool secrets before the present one: older recordings are read with them. */
  readonly formerKeys: readonly Secret<Uint8Array>[];
  readonly keep: KeepRule;
  /** Called when files could not be removed. */
  readonly onProblem: (problem: string) => void;
}

/** The recordings of an instance: made, kept by rule, told of. */
export interface Recordings {
  readonly recorder: Recorder;
  readonly archive: Archive;
  readonly desk: Desk;
  /** Ends the timers; what runs is not ended. */
  stop(): void;
}

/** How often it is looked whether files have become too old or too many. */
const PRUNE_MS = 600_000;

/** Opens the folder; files that the rule does not keep are removed now, and from then on. */
export function openRecordings(init: RecordingsInit): Recordings {
  const archive = new Archive(init.folder, init.poolKey, init.formerKeys);
  const recorder = createRecorder(init);
  const prune = (): void => {
    archive.prune(init.keep, Date.now()).catch((error: unknown) => {
      init.onProblem(error instanceof Error ? error.message : String(error));
    });
  };
  prune();
  const timer = setInterval(prune, PRUNE_MS).unref();
  const stop = (): void => {
    clearInterval(timer);
    recorder.stop();
  };
  return { recorder, archive, desk: new Desk(archive, recorder), stop };
}
