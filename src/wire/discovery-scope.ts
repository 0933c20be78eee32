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
export const ScopeParameter = { target: 'target', ports: 'ports', rate: 'rate' } as const;

/** Reads the parameters of a discovery. Throws `bad-usage`. */
export function readScope(parameters: readonly Parameter[]): Scope {
  const valuesOf = (wanted: string): readonly string[] =>
    parameters.filter(({ name }) => name === wanted).map(({ value }) => value);
  const targets = valuesOf(ScopeParameter.target);
  if (targets.length === 0 || targets.length > TARGETS_MAX)
    throw new GatewayError('bad-usage', `--target: ${targets.length} targets; 1 to ${TARGETS_MAX} at a time`);
  const ranges = targets.map((text) => requireRange(text, '--target'));
  const size = ranges.reduce((sum, range) => sum + sizeOf(range), 0);
  if (size > ADDRESSES_MAX)
    throw new GatewayError('bad-usage', `--target: ${size} addresses; at most ${ADDRESSES_MAX} (a /16) at a time`);
  const rate = Number(valuesOf(ScopeParameter.rate)[0] ?? RATE_DEFAULT);
  if (!Number.isInteger(rate) || rate < 1 || rate > RATE_MAX)
    throw new GatewayError('bad-usage', `--rate: ${rate} connects a second; 1 to ${RATE_MAX}`);
  return { ranges, ports: parsePorts(valuesOf(ScopeParameter.ports)[0] ?? 'common'), ratePerSecond: rate };
}

/** Names the range in place of a record: discoveries of one range are compared with each other. */
export function scopeId({ ranges, ports }: Scope): string {
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
