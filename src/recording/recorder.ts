import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { GatewayError } from '../base/errors.ts';
import { formatRandomId, RANDOM_ID_BYTES } from '../base/ids.ts';
import type { Secret } from '../base/secret.ts';
import { type EventCode, formatEvent, formatHeader } from './asciicast.ts';
import { fileNameOf } from './file-name.ts';
import type { LiveListener, LiveSession, Recorder } from './index.ts';
import type { RecordingEnding, RecordingInfo, RecordingStart, RecordingTrailer } from './recording-info.ts';
import { RecordingWriter, reasonOf, type WrittenFile } from './recording-writer.ts';

/** What a recorder needs. */
export interface RecorderInit {
  /** Folder of the recordings; made if missing. */
  readonly folder: string;
  readonly instanceId: string;
  /** The pool's key for recordings: any instance of the pool can read them. */
  readonly poolKey: Secret<Uint8Array>;
  /** A file is complete; left out: nobody needs to know. */
  onKept?(kept: KeptRecording): void;
}

/** A recording whose file is complete. */
export interface KeptRecording extends WrittenFile {
  readonly recordingId: string;
  readonly jobId: string;
}

/** How long an event may wait in memory: what a crash can cost. */
const FLUSH_MS = 1_000;

/** A recorder; `stop` ends its timer, not the recordings under way. */
export function createRecorder(init: RecorderInit): Recorder & { stop(): void } {
  const open = new Set<RunningRecording>();
  const keep = (recording: RunningRecording): RunningRecording => {
    open.add(recording);
    return recording;
  };
  const timer = setInterval(() => {
    for (const recording of open) recording.flush();
  }, FLUSH_MS).unref();
  return {
    start: async (start) => {
      const info = describe(init, start, formatRandomId(randomBytes(RANDOM_ID_BYTES)));
      const writer = await createWriter(init, info);
      const recording = new RunningRecording(info, writer, (written) => {
        open.delete(recording);
        if (written !== null) init.onKept?.({ ...written, recordingId: info.id, jobId: info.jobId });
      });
      return keep(recording);
    },
    follow: (start) => {
      const recording = new RunningRecording(describe(init, start, ''), null, () => open.delete(recording));
      return keep(recording);
    },
    live: () => [...open],
    stop: () => clearInterval(timer),
  };
}

function describe({ instanceId }: RecorderInit, start: RecordingStart, id: string): RecordingInfo {
  return { ...start, id, instanceId, startedUnixMs: Date.now() };
}

async function createWriter({ folder, poolKey }: RecorderInit, info: RecordingInfo): Promise<RecordingWriter> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new GatewayError('recording-failed', `the recording cannot be written: ${reasonOf(cause)}`, { cause });
  }
  return RecordingWriter.create(join(folder, fileNameOf(info)), poolKey, info);
}

class RunningRecording implements LiveSession {
  readonly info: RecordingInfo;
  readonly #writer: RecordingWriter | null;
  readonly #onEnd: (written: WrittenFile | null) => void;
  readonly #beganAtMs = performance.now();
  readonly #listeners = new Set<LiveListener>();
  /** A character may be cut in two between pieces: each stream of bytes remembers its own rest. */
  readonly #decoders = { o: new StringDecoder(), e: new StringDecoder(), i: new StringDecoder() };
  readonly failed: Promise<string>;
  #screen: { readonly columns: number; readonly rows: number };

  /** Without a writer nothing is kept: the session can only be watched. */
  constructor(info: RecordingInfo, writer: RecordingWriter | null, onEnd: (written: WrittenFile | null) => void) {
    this.info = info;
    this.#writer = writer;
    this.#onEnd = onEnd;
    this.#screen = info;
    this.failed = writer?.failed ?? new Promise(() => undefined);
    writer?.append(formatHeader(info));
  }

  get id(): string | null {
    return this.#writer === null ? null : this.info.id;
  }

  get isFull(): boolean {
    return this.#writer?.isFull ?? false;
  }

  async drained(): Promise<void> {
    await this.#writer?.drained();
  }

  flush(): void {
    this.#writer?.flush();
  }

  watch(listener: LiveListener): () => void {
    this.#listeners.add(listener);
    const { columns, rows } = this.#screen;
    listener.onText(formatHeader({ ...this.info, columns, rows }));
    return () => this.#listeners.delete(listener);
  }

  output(bytes: Uint8Array): void {
    this.#add('o', this.#decoders.o.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)));
  }

  errorOutput(bytes: Uint8Array): void {
    this.#add('o', this.#decoders.e.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)));
  }

  input(bytes: Uint8Array): void {
    this.#add('i', this.#decoders.i.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)));
  }

  resize(columns: number, rows: number): void {
    this.#screen = { columns, rows };
    this.#add('r', `${columns}x${rows}`);
  }

  marker(text: string): void {
    this.#add('m', text);
  }

  statement(value: unknown): void {
    this.#add('q', JSON.stringify(value));
  }

  async end(ending: RecordingEnding): Promise<void> {
    const durationMs = Math.round(performance.now() - this.#beganAtMs);
    const trailer: RecordingTrailer = { ...ending, endedUnixMs: Date.now(), durationMs };
    const written = (await this.#writer?.end(trailer)) ?? null;
    for (const { onEnd } of this.#listeners) onEnd();
    this.#onEnd(written);
  }

  #add(code: EventCode, data: string): void {
    if (data === '') return;
    const line = formatEvent(performance.now() - this.#beganAtMs, code, data);
    this.#writer?.append(line);
    for (const { onText } of this.#listeners) onText(line);
  }
}
