/** A part of the log, as lines: what `pam audit` asks for. Only what is on disk is shown. */

import type { AuditMatch } from '../wire/access-message.ts';
import { PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, PAGE_SCAN_BYTES_MAX } from './bounds.ts';
import type { AuditHead } from './chain-check.ts';
import { type AuditEntry, parseEntry } from './entry.ts';
import { listSegments, readLines, type Segment } from './segments.ts';

/** Which entries are wanted. */
export interface AuditQuery {
  /** Those behind this sequence number; null: the newest. */
  readonly after: number | null;
  readonly most: number;
  /** Null: every entry, checkpoints included. */
  readonly match: AuditMatch | null;
}

/** The answer. */
export interface AuditPage {
  readonly lines: readonly Uint8Array[];
  /** Ask again behind this; the same as `end` when that was all. */
  readonly next: number;
  /** Sequence number of the last entry there is. */
  readonly end: number;
}

/** Where to read. */
export interface PageInit {
  readonly folder: string;
  readonly query: AuditQuery;
  readonly end: AuditHead | null;
  /** Bytes of the newest file that count; what stands behind is being written. */
  readonly sizeBytes: number;
}

/** Reads one page. Bounded in entries, in bytes, and in what is looked through for it. */
export async function readPage({ folder, query, end, sizeBytes }: PageInit): Promise<AuditPage> {
  const last = end?.sequence ?? 0;
  const segments = listSegments(folder);
  const newest = segments.at(-1);
  const bound = (segment: Segment): number => (segment === newest ? sizeBytes : Number.POSITIVE_INFINITY);
  if (query.after === null) return readNewest({ segments, bound, query, last });
  return readForward({ segments: fromSequence(segments, query.after + 1), bound, query, last, after: query.after });
}

interface Reading {
  readonly segments: readonly Segment[];
  bound(segment: Segment): number;
  readonly query: AuditQuery;
  readonly last: number;
}

async function readForward({
  segments,
  bound,
  query,
  last,
  after,
}: Reading & { readonly after: number }): Promise<AuditPage> {
  const page = new PageFill(query);
  let [next, scanned] = [after, 0];
  for (const segment of segments) {
    let seen = segment.first - 1;
    for await (const line of readLines(segment.path, bound(segment))) {
      const sequence = sequenceOf(line);
      seen = sequence ?? seen;
      if (seen > last) break;
      if (seen < after || sequence === after) continue;
      scanned += line.length;
      if (!page.take(line, sequence !== undefined)) return { lines: page.lines, next, end: last };
      next = Math.max(next, seen);
      if (scanned > PAGE_SCAN_BYTES_MAX && sequence !== undefined) return { lines: page.lines, next, end: last };
    }
  }
  page.end();
  return { lines: page.lines, next: last, end: last };
}

/** Collects the lines of one page. What is no entry belongs to the entry behind it, so that no page repeats it. */
class PageFill {
  readonly lines: Uint8Array[] = [];
  readonly #query: AuditQuery;
  #strays: Uint8Array[] = [];
  #bytes = 0;

  constructor(query: AuditQuery) {
    this.#query = query;
  }

  /** False when the line does not fit any more. */
  take(line: Uint8Array, isEntry: boolean): boolean {
    if (!matches(line, this.#query.match)) return true;
    if (!isEntry) {
      if (this.#strays.length < STRAYS_MAX) this.#strays.push(line);
      return true;
    }
    const most = Math.min(this.#query.most, PAGE_ENTRIES_MAX - STRAYS_MAX);
    const isFull = this.lines.length >= most || this.#bytes + line.length > PAGE_BYTES_MAX;
    if (isFull && this.lines.length > 0) return false;
    this.end();
    this.lines.push(line);
    this.#bytes += line.length;
    return true;
  }

  /** Nothing follows. */
  end(): void {
    this.lines.push(...this.#strays);
    this.#strays = [];
  }
}

/** Lines in a row that are no entries and are still shown. */
const STRAYS_MAX = 8;

/** Goes back over whole files until there are enough, or enough was looked through. */
async function readNewest({ segments, bound, query, last }: Reading): Promise<AuditPage> {
  const most = Math.min(query.most, PAGE_ENTRIES_MAX);
  let found: Uint8Array[] = [];
  for (const segment of segments.slice(-NEWEST_SEGMENTS).reverse()) {
    const lines: Uint8Array[] = [];
    for await (const line of readLines(segment.path, bound(segment))) {
      if (matches(line, query.match)) lines.push(line);
    }
    found = [...lines, ...found];
    if (found.length >= most) break;
  }
  const lines: Uint8Array[] = [];
  let taken = 0;
  for (const line of found.slice(-most).reverse()) {
    taken += line.length;
    if (taken > PAGE_BYTES_MAX) break;
    lines.unshift(line);
  }
  return { lines, next: last, end: last };
}

/** Files that are looked through for the newest entries. */
const NEWEST_SEGMENTS = 4;

/** Files that may hold an entry with this number or a later one. */
function fromSequence(segments: readonly Segment[], sequence: number): readonly Segment[] {
  const begin = segments.findLastIndex(({ first }) => first <= sequence);
  return segments.slice(Math.max(0, begin));
}

/** Without parsing the line: most of a file may only be skipped. */
function sequenceOf(line: Uint8Array): number | undefined {
  const found = /^\{"sequence":(\d{1,16}),/.exec(new TextDecoder().decode(line.subarray(0, 32)));
  return found === null ? undefined : Number(found[1]);
}

function matches(line: Uint8Array, match: AuditMatch | null): boolean {
  if (match === null) return true;
  const text = new TextDecoder().decode(line);
  const entry = parseEntry(text);
  return entry?.event !== undefined && isWanted(entry, text, match);
}

function isWanted({ event, unixMs }: AuditEntry, line: string, match: AuditMatch): boolean {
  if (match.kinds.length > 0 && !match.kinds.includes(event?.kind ?? '')) return false;
  if (match.sinceUnixMs !== null && unixMs < match.sinceUnixMs) return false;
  if (match.untilUnixMs !== null && unixMs > match.untilUnixMs) return false;
  return match.text === '' || line.toLowerCase().includes(match.text.toLowerCase());
}
