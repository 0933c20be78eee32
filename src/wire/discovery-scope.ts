import { formatHex, sha256 } from '../base/bytes.ts';
import { GatewayError } from '../base/errors.ts';
import { formatRange, type Ipv4Range, requireRange, sizeOf } from '../base/ipv4-range.ts';
import {
  coversAddress,
  coversRange,
  formatIpv6,
  formatNetworkRange,
  type NetworkRange,
  parseNetworkRange,
} from '../base/network-range.ts';
import { parsePorts } from './discovery-ports.ts';
import type { Parameter } from './job.ts';
import { RECORD_ID_LENGTH } from './record.ts';

/** Pure: what one discovery looks at. */
export interface Scope {
  readonly ranges: readonly Ipv4Range[];
  /** IPv6 addresses, and names that the worker looks up. */
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
  /** Connects begun per second at the most. */
  readonly ratePerSecond: number;
  /** Which part of those addresses it is; null: all of them. */
  readonly part: Part | null;
}

/** A part of a range, counted from 0. */
export interface Part {
  readonly index: number;
  readonly of: number;
}

/** Addresses of one discovery: a /16. */
export const ADDRESSES_MAX = 65_536;
/** Targets that can be named at once. */
export const TARGETS_MAX = 60;
/** Without a word: what no firewall takes for an attack, and a /24 on 30 ports in 15 s. */
export const RATE_DEFAULT = 500;
/** Fastest that can be asked for. */
export const RATE_MAX = 2000;

/** Names of the parameters of a discovery. */
export const ScopeParameter = { target: 'target', ports: 'ports', rate: 'rate', part: 'part' } as const;

/** Reads the parameters of a discovery. Throws `bad-usage`. */
export function readScope(parameters: readonly Parameter[]): Scope {
  const valuesOf = (wanted: string): readonly string[] =>
    parameters.filter(({ name }) => name === wanted).map(({ value }) => value);
  const targets = valuesOf(ScopeParameter.target);
  if (targets.length === 0 || targets.length > TARGETS_MAX)
    throw new GatewayError('bad-usage', `--target: ${targets.length} targets; 1 to ${TARGETS_MAX} at a time`);
  const { ranges, hosts } = readTargets(targets);
  const size = addressesOf({ ranges, hosts });
  if (size > ADDRESSES_MAX)
    throw new GatewayError('bad-usage', `--target: ${size} addresses; at most ${ADDRESSES_MAX} (a /16) at a time`);
  const rate = Number(valuesOf(ScopeParameter.rate)[0] ?? RATE_DEFAULT);
  if (!Number.isInteger(rate) || rate < 1 || rate > RATE_MAX)
    throw new GatewayError('bad-usage', `--rate: ${rate} connects a second; 1 to ${RATE_MAX}`);
  const whole = {
    ranges,
    hosts,
    ports: parsePorts(valuesOf(ScopeParameter.ports)[0] ?? 'common'),
    ratePerSecond: rate,
  };
  return { ...whole, part: readPart(valuesOf(ScopeParameter.part)[0], partsOf(whole)) };
}

function readTargets(targets: readonly string[]): Pick<Scope, 'ranges' | 'hosts'> {
  const hosts = new Set<string>();
  const ranges: Ipv4Range[] = [];
  for (const text of targets) {
    const named = text.includes(':') ? ipv6Hosts(text) : isHostName(text) ? [text.toLowerCase()] : undefined;
    for (const host of named ?? []) hosts.add(host);
    if (named === undefined) ranges.push(requireRange(text, '--target'));
  }
  return { ranges, hosts: [...hosts].sort() };
}

/** Bits of an IPv6 network that can be looked through address by address: a network of the usual size would take longer than the world lasts. */
const IPV6_PREFIX_MIN = 120;
const IPV6_BITS = 128;

function ipv6Hosts(text: string): readonly string[] {
  const range = text.includes('%') ? undefined : parseNetworkRange(text);
  if (range === undefined || !('network' in range))
    throw new GatewayError('bad-usage', `--target: "${text.slice(0, 64)}" is no IPv6 address or network`, {
      remedy: 'Write for example 2001:db8::5 or 2001:db8::/120.',
    });
  if (range.prefixBits < IPV6_PREFIX_MIN)
    throw new GatewayError(
      'bad-usage',
      `--target: ${text} has 2^${IPV6_BITS - range.prefixBits} addresses; of IPv6 a /${IPV6_PREFIX_MIN} at most`,
    );
  const size = 2 ** (IPV6_BITS - range.prefixBits);
  const first = (range.network.at(-1) ?? 0) & ~(size - 1);
  return Array.from({ length: size }, (_, index) => formatIpv6([...range.network.slice(0, -1), first + index]));
}

/** RFC 1123 names; one whose last label is a number would be an address. */
function isHostName(text: string): boolean {
  const labels = text.replace(/\.$/, '').split('.');
  const isLabel = (label: string): boolean => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label);
  // FIRST-LAST has digits and dots alone; a name has a letter somewhere in its last label.
  return text.length <= HOST_NAME_MAX && labels.every(isLabel) && /[A-Za-z]/.test(labels.at(-1) ?? '');
}

const HOST_NAME_MAX = 253;

/** `0/4` … `3/4`. */
export function formatPart({ index, of }: Part): string {
  return `${index}/${of}`;
}

/** A range is cut in one way only: else its parts would not know each other. */
function readPart(text: string | undefined, of: number): Part | null {
  if (text === undefined) return null;
  const index = Array.from({ length: of }, (_, index) => formatPart({ index, of })).indexOf(text);
  if (index >= 0) return { index, of };
  throw new GatewayError('bad-usage', `part "${text.slice(0, 16)}" is none of 0/${of} to ${of - 1}/${of}`);
}

/** Connects of one part of a large range, about: fewer cost more than they save, more are lost when an instance dies. */
const PART_CONNECTS = 4096;
/** Parts of one range. */
export const PARTS_MAX = 64;

/** Into how many parts a range is cut: the same each time, so that each part is compared with what it was before. */
export function partsOf(whole: Pick<Scope, 'ranges' | 'hosts' | 'ports'>): number {
  const addresses = addressesOf(whole);
  return Math.min(PARTS_MAX, addresses, Math.max(1, Math.floor((addresses * whole.ports.length) / PART_CONNECTS)));
}

/** The addresses of a part as a scope of their own. All parts together are the whole, and no two meet the same address. */
export function scopeOfPart(whole: Scope): Scope {
  const { part, ranges } = whole;
  if (part === null) return whole;
  const addresses = addressesOf(whole);
  const [from, behind] = [part.index, part.index + 1].map((index) => Math.floor((addresses * index) / part.of));
  let before = 0;
  const cut = ranges.flatMap((range) => {
    const first = range.first + Math.max(0, (from ?? 0) - before);
    const last = Math.min(range.last, range.first + (behind ?? 0) - before - 1);
    before += sizeOf(range);
    return first <= last ? [{ first, last }] : [];
  });
  const hosts = whole.hosts.slice(Math.max(0, (from ?? 0) - before), Math.max(0, (behind ?? 0) - before));
  return { ...whole, ranges: cut, hosts, part: null };
}

/** The ids of a range and of all its parts: whoever of them runs keeps others from the same range. */
export function scopeIds(whole: Scope): readonly string[] {
  const of = whole.part?.of ?? partsOf(whole);
  const parts = Array.from({ length: of }, (_, index) => scopeId(scopeOfPart({ ...whole, part: { index, of } })));
  return [...new Set([scopeId(whole), ...parts])];
}

function addressesOf({ ranges, hosts }: Pick<Scope, 'ranges' | 'hosts'>): number {
  return ranges.reduce((sum, range) => sum + sizeOf(range), hosts.length);
}

/** Names the range in place of a record: discoveries of one range are compared with each other. */
export function scopeId({ ranges, hosts, ports }: Pick<Scope, 'ranges' | 'hosts' | 'ports'>): string {
  const text = [...ranges.map(formatRange).sort(), ...hosts, 'ports', ...ports.map(String)].join('\n');
  return formatHex(sha256(new TextEncoder().encode(text))).slice(0, RECORD_ID_LENGTH);
}

/** True for what names a range: a record's id, which is 16 random bytes in base64url, has other letters too. */
export function isScopeId(recordId: string): boolean {
  return recordId.length === RECORD_ID_LENGTH && /^[0-9a-f]+$/.test(recordId);
}

/** Throws `not-allowed` for the first range or address that reaches outside. Names are looked up first: `assertAddressAllowed`. */
export function assertAllowed(
  { ranges, hosts }: Pick<Scope, 'ranges' | 'hosts'>,
  allowed: readonly NetworkRange[],
): void {
  const outside = ranges.find((range) => !coversRange(allowed, range));
  if (outside !== undefined) throw notAllowed(formatRange(outside), allowed);
  for (const host of hosts) if (host.includes(':')) assertAddressAllowed(host, host, allowed);
}

/** Throws `not-allowed` where a host's address is outside. */
export function assertAddressAllowed(host: string, address: string, allowed: readonly NetworkRange[]): void {
  if (!coversAddress(allowed, address)) throw notAllowed(host === address ? host : `${host} (${address})`, allowed);
}

function notAllowed(what: string, allowed: readonly NetworkRange[]): GatewayError {
  return new GatewayError(
    'not-allowed',
    `${what} is outside of what this instance may scan: ${allowed.map(formatNetworkRange).join(', ')}`,
    { remedy: 'Start the instances with --discovery-allow CIDR for each network that they may look at.' },
  );
}
