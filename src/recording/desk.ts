import { GatewayError } from '../base/errors.ts';
import { cutText } from '../wire/connection-message.ts';
import {
  COMMAND_SHOWN_MAX,
  DESK_TEXT_BYTES_MAX,
  type DeskAnswer,
  type DeskRequest,
  type RecordingEntry,
  type SessionEntry,
} from '../wire/desk-message.ts';
import type { Archive } from './archive.ts';
import type { LiveSession, Recorder } from './index.ts';
import type { RecordingInfo } from './recording-info.ts';
import type { RecordingSummary } from './recording-reader.ts';

/** Whoever asks. */
export interface DeskCaller {
  readonly id: string;
  readonly isAdmin: boolean;
}

/** Answers questions about the sessions and recordings of this instance. */
export class Desk {
  readonly #archive: Archive;
  readonly #recorder: Recorder;

  /** Reads from both, changes neither. */
  constructor(archive: Archive, recorder: Recorder) {
    this.#archive = archive;
    this.#recorder = recorder;
  }

  /** The parts of an answer, the last of them `done`. Throws `not-found` for what is not here, or not the caller's. */
  async *answer(caller: DeskCaller, request: DeskRequest, signal: AbortSignal): AsyncGenerator<DeskAnswer> {
    let end: Extract<DeskAnswer, { readonly kind: 'done' }>['end'] = 'complete';
    switch (request.kind) {
      case 'list-recordings':
        for (const summary of await this.#archive.list()) {
          if (maySee(caller, summary.info)) yield { kind: 'recording', entry: recordingEntry(summary) };
        }
        break;
      case 'search-recordings':
        for (const { summary, hits } of await this.#archive.search(request.text, ({ info }) => maySee(caller, info))) {
          yield { kind: 'found', entry: recordingEntry(summary), hits };
        }
        break;
      case 'list-sessions':
        for (const { info, id } of this.#recorder.live()) {
          if (maySee(caller, info)) yield { kind: 'session', entry: sessionEntry(info, id) };
        }
        break;
      case 'read-recording':
        end = yield* this.#read(caller, request.id);
        break;
      case 'watch-session':
        yield* this.#watch(caller, request.jobId, signal);
        break;
    }
    yield { kind: 'done', end };
  }

  async *#read(caller: DeskCaller, id: string): AsyncGenerator<DeskAnswer, 'complete' | 'cut-off' | 'damaged'> {
    const reader = await this.#archive.open(id);
    try {
      const { info } = await reader.summary();
      if (!maySee(caller, info)) throw new GatewayError('not-found', `recording ${id} is not on this instance`);
      for await (const chunk of reader.text()) yield* cut(chunk);
      return reader.end;
    } finally {
      await reader.close();
    }
  }

  async *#watch(caller: DeskCaller, jobId: string, signal: AbortSignal): AsyncGenerator<DeskAnswer> {
    const session = this.#recorder.live().find(({ info }) => info.jobId === jobId);
    if (session === undefined || !maySee(caller, session.info)) {
      throw new GatewayError('not-found', `session ${jobId} does not run on this instance`);
    }
    using view = new LiveView(session, signal);
    for (let chunk = await view.next(); chunk !== undefined; chunk = await view.next()) yield* cut(chunk);
  }
}

/** Characters that wait for somebody who watches; beyond it they are cut off, so that nobody holds up a session by watching it. */
const WATCH_WAITING_MAX = 4 * 1024 * 1024;

/** What a session shows, for one who takes it when they can. */
class LiveView implements Disposable {
  readonly #stop: () => void;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#finish();
  #waiting: string[] = [];
  #waitingLength = 0;
  #isOver = false;
  #wake = Promise.withResolvers<void>();

  constructor(session: LiveSession, signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
    this.#stop = session.watch({ onText: (text) => this.#take(text), onEnd: () => this.#finish() });
    if (signal.aborted) this.#finish();
  }

  /** What has come since; undefined: it is over. */
  async next(): Promise<string | undefined> {
    while (this.#waiting.length === 0) {
      if (this.#isOver) return undefined;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
    const text = this.#waiting.join('');
    this.#waiting = [];
    this.#waitingLength = 0;
    return text;
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#stop();
  }

  #take(text: string): void {
    this.#waiting.push(text);
    this.#waitingLength += text.length;
    if (this.#waitingLength > WATCH_WAITING_MAX) return this.#finish();
    this.#wake.resolve();
  }

  #finish(): void {
    this.#isOver = true;
    this.#wake.resolve();
  }
}

function maySee({ id, isAdmin }: DeskCaller, { caller }: RecordingInfo): boolean {
  return isAdmin || caller === id;
}

function sessionEntry(info: RecordingInfo, recordingId: string | null): SessionEntry {
  const { jobId, kind, protocol, recordId, recordTitle, target, user, startedUnixMs, command } = info;
  const shown = command === null ? null : cutText(command, COMMAND_SHOWN_MAX);
  return { jobId, kind, protocol, recordId, recordTitle, target, user, startedUnixMs, command: shown, recordingId };
}

function recordingEntry({ info, trailer, bytes }: RecordingSummary): RecordingEntry {
  if (trailer === null) return { session: sessionEntry(info, info.id), bytes, ending: null };
  const { durationMs, reason, exitCode, bytesIn, bytesOut } = trailer;
  return { session: sessionEntry(info, info.id), bytes, ending: { durationMs, reason, exitCode, bytesIn, bytesOut } };
}

function* cut(text: string): Generator<DeskAnswer> {
  const whole = new TextEncoder().encode(text);
  for (let at = 0; at < whole.length; at += DESK_TEXT_BYTES_MAX) {
    yield { kind: 'text', data: whole.subarray(at, at + DESK_TEXT_BYTES_MAX) };
  }
}
