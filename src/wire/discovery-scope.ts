import { formatHex, sha256 } from '../base/bytes.ts';
import { GatewayError } from '../base/errors.ts';
import { formatRange, type Ipv4Range, isWithin, requireRange, sizeOf } from '../base/ipv4-range.ts';
import { parsePorts } from './discovery-ports.ts';
import type { Parameter } from './job.ts';
import { RECORD_ID_LENGTH } from './record.ts';

/** Pure: what one discovery looks at. */
export interface Scope {
  readonly ranges: readonly Ipv4Range[];
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
  const ranges = targets.map((text) => requireRange(text, '--target'));
  const size = addressesOf({ ranges });
  if (size > ADDRESSES_MAX)
    throw new GatewayError('bad-usage', `--target: ${size} addresses; at most ${ADDRESSES_MAX} (a /16) at a time`);
  const rate = Number(valuesOf(ScopeParameter.rate)[0] ?? RATE_DEFAULT);
  if (!Number.isInteger(rate) || rate < 1 || rate > RATE_MAX)
    throw new GatewayError('bad-usage', `--rate: ${rate} connects a second; 1 to ${RATE_MAX}`);
  const whole = { ranges, ports: parsePorts(valuesOf(ScopeParameter.ports)[0] ?? 'common'), ratePerSecond: rate };
  return { ...whole, part: readPart(valuesOf(ScopeParameter.part)[0], partsOf(whole)) };
}

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
export function partsOf(whole: Pick<Scope, 'ranges' | 'ports'>): number {
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
  return { ...whole, ranges: cut, part: null };
}

/** The ids of a range and of all its parts: whoever of them runs keeps others from the same range. */
export function scopeIds(whole: Scope): readonly string[] {
  const of = whole.part?.of ?? partsOf(whole);
  const parts = Array.from({ length: of }, (_, index) => scopeId(scopeOfPart({ ...whole, part: { index, of } })));
  return [...new Set([scopeId(whole), ...parts])];
}

function addressesOf({ ranges }: Pick<Scope, 'ranges'>): number {
  return ranges.reduce((sum, range) => sum + sizeOf(range), 0);
}

/** Names the range in place of a record: discoveries of one range are compared with each other. */
export function scopeId({ ranges, ports }: Pick<Scope, 'ranges' | 'ports'>): string {
  const text = [...ranges.map(formatRange).sort(), 'ports', ...ports.map(String)].join('\n');
  return formatHex(sha256(new TextEncoder().encode(text))).slice(0, RECORD_ID_LENGTH);
}

/** True for what names a range: a record's id, which is 16 random bytes in base64url, has other letters too. */
export function isScopeId(recordId: string): boolean {
  return recordId.length === RECORD_ID_LENGTH && /^[0-9a-f]+$/.test(recordId);
}

/** Throws `not-allowed` for the first range that reaches outside. */
export function assertAllowed({ ranges }: Scope, allowed: readonly Ipv4Range[]): void {
  const outside = ranges.find((range) => !isWithin(range, allowed));
  if (outside === undefined) return;
  throw new GatewayError(
    'not-allowed',
    `${formatRange(outside)} is outside of what this instance may scan: ${allowed.map(formatRange).join(', ')}`,
    { remedy: 'Start the instances with --discovery-allow CIDR for each network that they may look at.' },
  );
}
