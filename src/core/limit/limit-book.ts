import { compareText, digestText, formatHex, sha256 } from '../../base/bytes.ts';
import { GatewayError } from '../../base/errors.ts';
import type { Verify } from '../../base/signing.ts';
import type { Stamp } from '../../base/stamp.ts';
import { type Limit, limitSeal } from '../../wire/limit.ts';
import type { Seat } from '../../wire/member-record.ts';
import { type Opened, open } from '../../wire/sealed.ts';
import { LIMIT_ISSUE_MS_MAX } from '../timing.ts';
import type { LimitView } from '../view.ts';

/** A limit whose gateway, signatures and threshold were checked; only `verifyLimit` makes one. */
export interface VerifiedLimit extends Limit {
  readonly brand: 'VerifiedLimit';
  readonly digest: string;
  readonly signedBy: readonly string[];
  readonly sealed: Uint8Array;
}

/** Whose signatures count. */
export interface LimitAuthority {
  readonly gatewayUid: string;
  readonly adminKeys: readonly string[];
  readonly threshold: number;
  /** Admins of the past, whose limits count up to a version. */
  readonly former?: readonly {
    readonly adminKeys: readonly string[];
    readonly threshold: number;
    readonly limitVersionMax: number;
  }[];
}

/** Limits remembered; older ones judge no seat that still exists in practice. */
export const LIMITS_KEPT_MAX = 256;

/** Different numbers remembered of one version; an admin that signs more of them cannot make the book grow. */
const NUMBERS_OF_VERSION_MAX = 8;

/** The verified limit in an envelope; throws `limit-refused` or `bad-message` naming what is wrong. */
export function verifyLimit(sealed: Uint8Array, authority: LimitAuthority, verify: Verify): VerifiedLimit {
  const opened = open(limitSeal, sealed, verify);
  const { value } = opened;
  if (value.gatewayUid !== authority.gatewayUid) {
    throw refused(`the limit is for gateway ${value.gatewayUid}, this is ${authority.gatewayUid}`);
  }
  const signedBy = adminSigners(opened, authority.adminKeys);
  const past = authority.former?.find(
    ({ limitVersionMax, adminKeys, threshold }) =>
      value.version <= limitVersionMax && adminSigners(opened, adminKeys).length >= threshold,
  );
  if (signedBy.length < authority.threshold && past === undefined) {
    const others = opened.signers.length - signedBy.length;
    const hint = others > 0 ? `; ${others} further signature(s) are by keys that are no admin of this gateway` : '';
    throw refused(`the limit has ${signedBy.length} of the ${authority.threshold} admin signature(s) it needs${hint}`);
  }
  const digest = formatHex(sha256(opened.payload)).slice(0, 16);
  const all = past === undefined ? signedBy : adminSigners(opened, past.adminKeys);
  return { ...value, brand: 'VerifiedLimit', digest, signedBy: all, sealed };
}

function adminSigners(opened: Opened<unknown>, adminKeys: readonly string[]): readonly string[] {
  return opened.signers.filter((signer) => adminKeys.includes(signer)).sort(compareText);
}

function refused(message: string): GatewayError {
  return new GatewayError('limit-refused', message, { remedy: 'sign it with the admin profile of this gateway' });
}

/**
 * Which of two limits is in force: the higher version; for two of one version, which only an admin who signs twice can make, the lower
 * digest, so that everyone decides alike. Pure, commutative, associative, idempotent.
 */
export function supersedes(candidate: VerifiedLimit, current: VerifiedLimit): boolean {
  if (candidate.version !== current.version) return candidate.version > current.version;
  return compareText(candidate.digest, current.digest) < 0;
}

/** What became of a limit that was offered. */
export type LimitOutcome = 'newer' | 'known' | 'older' | 'equivocation-won' | 'equivocation-lost';

/** What is wrong with the time of issue of a limit that is offered now, or null. Pure. */
export function issueTimeProblem(limit: Limit, poolUnixMs: number): string | null {
  const offMs = limit.issuedUnixMs - poolUnixMs;
  if (offMs <= LIMIT_ISSUE_MS_MAX && -offMs <= offeredWithinMs(limit)) return null;
  const off = `${(Math.abs(offMs) / 1000).toFixed(1)} s ${offMs > 0 ? 'ahead of' : 'behind'}`;
  return `the limit's time of issue is ${off} the pool's clock; at most ${(offMs > 0 ? LIMIT_ISSUE_MS_MAX : offeredWithinMs(limit)) / 1000} s are allowed: sign it anew with a right clock`;
}

/** All limits an instance has verified. The one in force never goes back. */
export class LimitBook {
  #current: VerifiedLimit;
  #digest: string | undefined;
  readonly #history = new Map<number, VerifiedLimit>();
  /** What each version allowed: more than one number only where an admin signed two limits with one version. */
  readonly #allowed = new Map<number, readonly number[]>();

  /** Starts with the configuration's own limit. */
  constructor(first: VerifiedLimit) {
    this.#current = first;
    this.#history.set(first.version, first);
    this.#seen(first);
  }

  /** The limit in force. */
  get current(): VerifiedLimit {
    return this.#current;
  }

  /** Digest of the limit in force, with its version. */
  get digest(): string {
    this.#digest ??= digestText([String(this.#current.version), this.#current.digest]);
    return this.#digest;
  }

  /** What `apply` would do. */
  compare(limit: VerifiedLimit): LimitOutcome {
    if (limit.digest === this.#history.get(limit.version)?.digest)
      return limit.version < this.#current.version ? 'older' : 'known';
    if (limit.version > this.#current.version) return 'newer';
    if (limit.version < this.#current.version) return 'older';
    return supersedes(limit, this.#current) ? 'equivocation-won' : 'equivocation-lost';
  }

  /** Puts a limit that is on disk in force, if it supersedes the current one. */
  apply(limit: VerifiedLimit): LimitOutcome {
    const outcome = this.compare(limit);
    this.#seen(limit);
    if (outcome === 'newer' || outcome === 'equivocation-won') {
      this.#current = limit;
      this.#digest = undefined;
      this.#history.set(limit.version, limit);
    }
    this.#trim();
    return outcome;
  }

  /** Adds an older limit to the history, which judges the seats granted under it. */
  recall(limit: VerifiedLimit): void {
    if (limit.version > this.#current.version) this.#current = limit;
    this.#digest = undefined;
    this.#seen(limit);
    if (!this.#history.has(limit.version)) this.#history.set(limit.version, limit);
    this.#trim();
  }

  /**
   * What was allowed when the seat was granted: its own limit, or a newer one that had surely been issued by then (a seat claimed under an
   * outdated limit is judged by the newer one; in case of doubt, lowering the limit stops nobody). A limit this instance never saw counts as the seat states it.
   */
  grantedUnder(seat: Seat): number {
    const known = this.#allowed.get(seat.limitVersion);
    // A seat that was handed over may have been granted under a limit of this version that only its former holder saw.
    const isTrue = known === undefined || known.includes(seat.maxInstances) || seat.handedOverBy !== null;
    let allowed = isTrue ? seat.maxInstances : Math.max(...known);
    let version = seat.limitVersion;
    for (const limit of this.#history.values()) {
      if (limit.version <= version || !surelyIssuedBefore(limit, seat.grantedAt)) continue;
      version = limit.version;
      allowed = limit.maxInstances;
    }
    return allowed;
  }

  /** For people. */
  view(): LimitView {
    const { maxInstances, version, issuedUnixMs, expiresUnixMs, digest, signedBy } = this.#current;
    const history = [...this.#history.values()].sort((a, b) => b.version - a.version);
    return { maxInstances, version, issuedUnixMs, expiresUnixMs, digest, signedBy, history };
  }

  #seen({ version, maxInstances }: Limit): void {
    const known = this.#allowed.get(version) ?? [];
    if (!known.includes(maxInstances) && known.length < NUMBERS_OF_VERSION_MAX)
      this.#allowed.set(version, [...known, maxInstances]);
  }

  #trim(): void {
    if (this.#history.size <= LIMITS_KEPT_MAX) return;
    const oldest = Math.min(...this.#history.keys());
    this.#allowed.delete(oldest);
    this.#history.delete(oldest);
  }
}

function surelyIssuedBefore(limit: Limit, stamp: Stamp): boolean {
  return limit.issuedUnixMs + offeredWithinMs(limit) < stamp.unixMs;
}

function offeredWithinMs({ offerMs }: Limit): number {
  return Math.max(LIMIT_ISSUE_MS_MAX, offerMs ?? 0);
}
