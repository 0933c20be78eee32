import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { parseEvent } from './asciicast.ts';
import { idOfFileName } from './file-name.ts';
import { RecordingReader, type RecordingSummary } from './recording-reader.ts';

/** Which recordings are kept. */
export interface KeepRule {
  /** Older ones are removed; null: none for their age. */
  readonly ageMsMax: number | null;
  /** The oldest are removed while all together are larger; null: no bound. */
  readonly bytesMax: number | null;
}

/** What a search found in one recording. */
export interface FoundRecording {
  readonly summary: RecordingSummary;
  /** Milliseconds into the recording, and the text around the place. */
  readonly hits: readonly { readonly atMs: number; readonly text: string }[];
}

/** Recordings read for one list or search; beyond it the newest count. */
const LISTED_MAX = 10_000;
/** Places told of one recording. */
const HITS_MAX = 20;
/** Characters around a place that are told. */
const HIT_TEXT_LENGTH = 120;

/** The finished and running recordings of this instance. */
export class Archive {
  readonly #folder: string;
  readonly #poolKeys: readonly Secret<Uint8Array>[];

  /** Nothing is read yet. Files may have been written under a former key. */
  constructor(folder: string, poolKey: Secret<Uint8Array>, formerKeys: readonly Secret<Uint8Array>[] = []) {
    this.#folder = folder;
    this.#poolKeys = [poolKey, ...formerKeys];
  }

  /** What each recording says of itself, newest first. Files that can't be read are left out: they are not ours, or damaged. */
  async list(): Promise<readonly RecordingSummary[]> {
    const summaries: RecordingSummary[] = [];
    for (const name of (await this.#names()).slice(0, LISTED_MAX)) {
      const summary = await this.#summaryOf(name);
      if (summary !== undefined) summaries.push(summary);
    }
    return summaries;
  }

  /** A recording by its id; `close` it. Throws `not-found`. */
  async open(id: string): Promise<RecordingReader> {
    const name = (await this.#names()).find((one) => idOfFileName(one) === id);
    if (name === undefined) throw new GatewayError('not-found', `recording ${id} is not on this instance`);
    return RecordingReader.open(join(this.#folder, name), this.#poolKeys);
  }

  /** Where a text occurs in what was shown, typed or sent to a database, whatever its case. */
  async search(text: string, mayRead: (summary: RecordingSummary) => boolean): Promise<readonly FoundRecording[]> {
    const found: FoundRecording[] = [];
    for (const summary of await this.list()) {
      if (!mayRead(summary)) continue;
      const hits = await this.#hits(summary.info.id, text.toLowerCase());
      if (hits.length > 0) found.push({ summary, hits });
    }
    return found;
  }

  /** Removes what the rule does not keep; answers how many files that were. Recordings under way are kept. */
  async prune({ ageMsMax, bytesMax }: KeepRule, nowUnixMs: number): Promise<number> {
    let total = 0;
    let removed = 0;
    for (const name of await this.#names()) {
      const path = join(this.#folder, name);
      const { size, mtimeMs } = await stat(path);
      total += size;
      const isOld = ageMsMax !== null && nowUnixMs - mtimeMs > ageMsMax;
      const isTooMuch = bytesMax !== null && total > bytesMax && nowUnixMs - mtimeMs > RUNNING_MS;
      if (!isOld && !isTooMuch) continue;
      await unlink(path);
      total -= size;
      removed += 1;
    }
    return removed;
  }

  /** File names, newest first. */
  async #names(): Promise<readonly string[]> {
    try {
      const names = await readdir(this.#folder);
      return names
        .filter((name) => idOfFileName(name) !== undefined)
        .sort()
        .reverse();
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  async #summaryOf(name: string): Promise<RecordingSummary | undefined> {
    const reader = await RecordingReader.open(join(this.#folder, name), this.#poolKeys);
    try {
      return await reader.summary();
    } catch (error) {
      if (error instanceof GatewayError) return undefined;
      throw error;
    } finally {
      await reader.close();
    }
  }

  async #hits(id: string, wanted: string): Promise<FoundRecording['hits']> {
    const reader = await this.open(id);
    const hits: { atMs: number; text: string }[] = [];
    try {
      const screen = new SearchedText(wanted);
      for await (const chunk of reader.text()) {
        for (const line of chunk.split('\n')) {
          const event = parseEvent(line);
          if (event === undefined || event.code === 'r') continue;
          for (const text of screen.take(event.data)) {
            if (hits.push({ atMs: Math.round(event.atMs), text }) >= HITS_MAX) return hits;
          }
        }
      }
    } finally {
      await reader.close();
    }
    return hits;
  }
}

/** A file written to this recently belongs to a running session. */
const RUNNING_MS = 60_000;

/** Looks for a text that may come in several pieces, between sequences that colour or move. */
class SearchedText {
  readonly #wanted: string;
  #rest = '';

  constructor(wanted: string) {
    this.#wanted = wanted;
  }

  take(data: string): readonly string[] {
    const text = this.#rest + stripSequences(data);
    const hits: string[] = [];
    const lower = text.toLowerCase();
    let from = 0;
    for (let at = lower.indexOf(this.#wanted); at >= 0; at = lower.indexOf(this.#wanted, from)) {
      hits.push(around(text, at));
      from = at + this.#wanted.length;
    }
    this.#rest = text.slice(Math.max(from, text.length - this.#wanted.length + 1));
    return hits;
  }
}

function around(text: string, at: number): string {
  const from = Math.max(0, at - HIT_TEXT_LENGTH / 2);
  return text
    .slice(from, from + HIT_TEXT_LENGTH)
    .replace(/\s+/g, ' ')
    .trim();
}

function stripSequences(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is removed
  return text.replace(/\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g, '');
}
