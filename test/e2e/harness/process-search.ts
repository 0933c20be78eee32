/** Looking into running processes: what stands on their command line, in their environment and in their memory. */

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { holdsAny } from './search-files.ts';

/** Read at a time; what stands across two pieces is found in their overlap. */
const PIECE_BYTES = 8 * 1024 * 1024;
const OVERLAP_BYTES = 4096;

/** Command line and environment of a process, as everybody on its machine may read them. */
export function argumentsOf(processId: number): Buffer {
  return Buffer.concat(['cmdline', 'environ'].map((name) => readFileSync(`/proc/${processId}/${name}`)));
}

/** True where any of the forms stands in what a core dump of the process would hold. */
export function memoryHolds(processId: number, forms: readonly Buffer[]): boolean {
  const memory = openSync(`/proc/${processId}/mem`, 'r');
  const piece = Buffer.alloc(PIECE_BYTES);
  try {
    return writableRanges(processId).some(({ from, to }) => {
      for (let at = from; at < to; at += PIECE_BYTES - OVERLAP_BYTES) {
        const read = readPiece(memory, piece, { at, length: Math.min(PIECE_BYTES, to - at) });
        if (holdsAny(piece.subarray(0, read), forms)) return true;
      }
      return false;
    });
  } finally {
    closeSync(memory);
  }
}

function writableRanges(processId: number): readonly { readonly from: number; readonly to: number }[] {
  const lines = readFileSync(`/proc/${processId}/maps`, 'utf8').split('\n');
  return lines.flatMap((line) => {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    return from === undefined || to === undefined
      ? []
      : [{ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }];
  });
}

/** Bytes that could be read: a range may be gone, or lie where nothing was ever written. */
function readPiece(
  memory: number,
  piece: Buffer,
  { at, length }: { readonly at: number; readonly length: number },
): number {
  try {
    return readSync(memory, piece, 0, length, at);
  } catch {
    return 0;
  }
}
