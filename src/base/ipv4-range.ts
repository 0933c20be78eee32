import { GatewayError } from './errors.ts';

/** IPv4 addresses that follow each other, as numbers. */
export interface Ipv4Range {
  readonly first: number;
  readonly last: number;
}

/** A range of addresses: `10.0.0.0/24`, `10.0.0.5`, `10.0.0.5-10.0.0.9`; undefined for anything else. */
export function parseRange(text: string): Ipv4Range | undefined {
  const [from = '', to, ...more] = text.split('-');
  if (more.length > 0) return undefined;
  if (to !== undefined) {
    const [first, last] = [parseAddress(from), parseAddress(to)];
    return first === undefined || last === undefined || first > last ? undefined : { first, last };
  }
  const [address = '', length, ...rest] = text.split('/');
  const base = parseAddress(address);
  if (base === undefined || rest.length > 0) return undefined;
  if (length === undefined) return { first: base, last: base };
  if (!/^\d{1,2}$/.test(length) || Number(length) > 32) return undefined;
  const size = 2 ** (32 - Number(length));
  const first = Math.floor(base / size) * size;
  return { first, last: first + size - 1 };
}

/** How many addresses. */
export function sizeOf({ first, last }: Ipv4Range): number {
  return last - first + 1;
}

/** True if every address of the range is in one of the others. */
export function isWithin({ first, last }: Ipv4Range, others: readonly Ipv4Range[]): boolean {
  const sorted = [...others].sort((left, right) => left.first - right.first);
  let next = first;
  for (const other of sorted) if (other.first <= next) next = Math.max(next, other.last + 1);
  return next > last;
}

/** `10.0.0.5`. */
export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** The canonical form of a range. */
export function formatRange({ first, last }: Ipv4Range): string {
  return first === last ? formatAddress(first) : `${formatAddress(first)}-${formatAddress(last)}`;
}

/** Ranges that somebody has typed for `flag`. Throws `bad-usage` for the first that is none. */
export function requireRange(text: string, flag: string): Ipv4Range {
  const range = parseRange(text);
  if (range !== undefined) return range;
  throw new GatewayError('bad-usage', `${flag}: "${text.slice(0, 64)}" is no address, range or host name`, {
    remedy: 'Write for example 10.0.0.0/24, 10.0.0.5, 10.0.0.5-10.0.0.9, 2001:db8::5 or web-1.example.org.',
  });
}

function parseAddress(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}
