/** The files of one log: named after their first entry, so that their names order them and tell where a sequence number stands. */
import { createReadStream, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { ENTRY_BYTES_MAX } from './bounds.ts';

/** One file. */
export interface Segment {
  readonly path: string;
  /** Sequence number of its first entry. */
  readonly first: number;
}

/** Folder of the log inside a data directory. */
export const AUDIT_FOLDER = 'audit';
/** Holds the newest checkpoint: how far the log is known to have reached. */
export const HEAD_FILE = 'head';

const NAME = /^audit-(\d{16})\.jsonl$/;
const LINE_FEED = 0x0a;

/** Where a file beginning with this entry stands. */
export function segmentPath(folder: string, first: number): string {
  return join(folder, `audit-${String(first).padStart(16, '0')}.jsonl`);
}

/** The files of a log, oldest first. */
export function listSegments(folder: string): readonly Segment[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const { name } = entry;
      const first = entry.isFile() ? NAME.exec(name)?.[1] : undefined;
      return first === undefined ? [] : [{ path: join(folder, name), first: Number(first) }];
    })
    .sort((left, right) => left.first - right.first);
}

/** The lines of a file of any size, without their line feeds; a last one without line feed is given too. */
export async function* readLines(path: string, bytesMax = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
  if (bytesMax === 0) return;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { end: bytesMax - 1 })) {
    const bytes: Buffer = Buffer.concat([rest, chunk]);
    let begin = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, begin)) {
      yield bytes.subarray(begin, end);
      begin = end + 1;
    }
    rest = bytes.subarray(begin);
    // No entry is as long as that: what follows until the next line feed is one bad line.
    if (rest.length > 2 * ENTRY_BYTES_MAX) rest = rest.subarray(0, ENTRY_BYTES_MAX + 1);
  }
  if (rest.length > 0) yield rest;
}

/** Makes a new or removed name in a folder survive a power cut. */
export async function flushFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
