import type { RecordingInfo } from './recording-info.ts';

/** Pure: asciicast v2 (docs.asciinema.org/manual/asciicast/v2): a header line, then one line per event. */

/**
 * Codes of events: output, input, resize and marker are the format's own; `q` is ours, for what a database session did, and players that do not know
 * it skip it.
 */
export type EventCode = 'o' | 'i' | 'r' | 'm' | 'q';

/** The header line. */
export function formatHeader(info: RecordingInfo): string {
  const { columns, rows, terminal, command, recordTitle, startedUnixMs } = info;
  return `${JSON.stringify({
    version: 2,
    width: columns,
    height: rows,
    timestamp: Math.floor(startedUnixMs / 1000),
    title: command === null ? recordTitle : `${recordTitle}: ${command}`,
    ...(command === null ? {} : { command }),
    ...(terminal === null ? {} : { env: { TERM: terminal } }),
  })}\n`;
}

/** One event's line; the time has microseconds. */
export function formatEvent(atMs: number, code: EventCode, data: string): string {
  return `[${(atMs / 1000).toFixed(6)}, ${JSON.stringify(code)}, ${JSON.stringify(data)}]\n`;
}

/** An event that was read back. */
export interface CastEvent {
  readonly atMs: number;
  readonly code: string;
  readonly data: string;
}

/** The event in a line; undefined for the header, an empty line, or what is none. */
export function parseEvent(line: string): CastEvent | undefined {
  if (!line.startsWith('[')) return undefined;
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!Array.isArray(raw)) return undefined;
  const [at, code, data]: unknown[] = raw;
  if (typeof at !== 'number' || typeof code !== 'string' || typeof data !== 'string') return undefined;
  return { atMs: at * 1000, code, data };
}
