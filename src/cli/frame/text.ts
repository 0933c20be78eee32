/** Pure: how values read in tables and messages. */
import { shortId } from '../../base/ids.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A duration in its two largest units: `0.4s`, `12s`, `3m 05s`, `2h 10m`, `4d 3h`. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < 10 * SECOND) return `${(whole / SECOND).toFixed(1)}s`;
  if (whole < MINUTE) return `${Math.floor(whole / SECOND)}s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}m ${two(Math.floor(whole / SECOND) % 60)}s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)}h ${two(Math.floor(whole / MINUTE) % 60)}m`;
  return `${Math.floor(whole / DAY)}d ${Math.floor(whole / HOUR) % 24}h`;
}

/** How long ago a time was, in its largest unit: `3s ago`; `now` within the last second, `in 5d` for a time to come. */
export function formatAgo(at: string | null, nowUnixMs: number): string {
  if (at === null) return '–';
  const passedMs = nowUnixMs - Date.parse(at);
  if (Math.abs(passedMs) < SECOND) return 'now';
  const text = formatLargest(Math.abs(passedMs));
  return passedMs > 0 ? `${text} ago` : `in ${text}`;
}

function formatLargest(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m`;
  return ms < DAY ? `${Math.floor(ms / HOUR)}h` : `${Math.floor(ms / DAY)}d`;
}

/** The time of day in UTC, with milliseconds when asked for. */
export function formatClock(at: string, milliseconds = false): string {
  return milliseconds ? at.slice(11, 23) : at.slice(11, 19);
}

/** A number of bytes in the unit that gives up to four digits: `512 B`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A share of 1000 as a percentage: `42%`. */
export function formatPerMille(perMille: number | null): string {
  return perMille === null ? '–' : `${Math.round(perMille / 10)}%`;
}

/** The short form of an id for people, or the whole one. */
export function formatId(id: string | null, whole: boolean): string {
  if (id === null) return '–';
  return whole ? id : shortId(id);
}

/** Text with every peer id in it in its short form, or as it is. */
export function shortenIds(text: string, whole: boolean): string {
  return whole ? text : text.replace(/12D3KooW[1-9A-HJ-NP-Za-km-z]{44}/g, shortId);
}

/** `host:port` of a multiaddr, whose peer id stands elsewhere; anything else as it is. */
export function formatAddress(address: string): string {
  const found = /^\/(ip4|ip6|dns[46]?)\/([^/]+)\/tcp\/(\d+)/.exec(address);
  if (found === null) return address;
  const [, kind, host, port] = found;
  return kind === 'ip6' ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `1 session`, `2 sessions`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Removes what would move a terminal's cursor: text from other machines is shown, never obeyed. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
