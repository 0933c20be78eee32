import { compareText, digestText, formatHex, sha256 } from '../../base/bytes.ts';
import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import type { Verify } from '../../base/signing.ts';
import type { Grant } from '../../wire/grant.ts';
import {
  isRevokedBy,
  POLICY_SIBLINGS_MAX,
  type Policy,
  policySeal,
  type Revocation,
  ROTATIONS_MAX,
} from '../../wire/policy.ts';
import { open } from '../../wire/sealed.ts';
import { timeProblem } from '../jobs/conditions.ts';

/** Who signs for a gateway, and how many of them. */
export interface Authority {
  readonly adminKeys: readonly string[];
  readonly threshold: number;
}

/** Admins before a change: what they signed counts up to a version of the limit and up to a time. */
export interface FormerAuthority extends Authority {
  readonly limitVersionMax: number;
  readonly untilUnixMs: number;
}

/** A policy whose gateway, signatures and threshold were checked; only `PolicyBook.verify` makes one. */
export interface VerifiedPolicy extends Policy {
  readonly brand: 'VerifiedPolicy';
  readonly digest: string;
  readonly sealed: Uint8Array;
  readonly signedBy: readonly string[];
  /** It changes the admins. */
  readonly rotates: boolean;
}

/** What became of a policy that was offered. */
export type PolicyOutcome = 'newer' | 'known' | 'older' | 'sibling';

/**
 * The policy in force, which never goes back, and the changes of admins that led to it. Of several policies of one version, which only admins who
 * sign at once make, all revocations and evictions count, and the admins of the one with the lowest digest: alike everywhere, and nothing that was
 * revoked comes back by it.
 */
export class PolicyBook {
  readonly #gatewayUid: string;
  readonly #base: Authority;
  /** In force, of one version, by digest. */
  #heads: readonly VerifiedPolicy[] = [];
  /** Before those in force. */
  #rotations: readonly VerifiedPolicy[] = [];
  #evicted: ReadonlySet<string> = new Set();
  #revocations: readonly Revocation[] = [];
  #digest = '';

  /** Starts with the configuration's admins. */
  constructor(gatewayUid: string, base: Authority) {
    this.#gatewayUid = gatewayUid;
    this.#base = base;
    this.#put([], []);
  }

  /** Version of the policy in force, 0 for the configuration alone. */
  get version(): number {
    return this.#heads[0]?.version ?? 0;
  }

  /** Digest of what is in force, with its version. */
  get digest(): string {
    return this.#digest;
  }

  /** Whose signatures count now. */
  get authority(): Authority {
    return this.#heads[0] ?? this.#signing();
  }

  /** Everything that another instance needs to follow: changes of admins in order, then what is in force. */
  get chain(): readonly Uint8Array[] {
    return [...this.#rotations, ...this.#heads].map(({ sealed }) => sealed);
  }

  /** What is in force, of one version. */
  get heads(): readonly VerifiedPolicy[] {
    return this.#heads;
  }

  /** Admins of the past, oldest first. */
  get former(): readonly FormerAuthority[] {
    const changes = [...this.#rotations, ...this.#heads.slice(0, 1).filter(({ rotates }) => rotates)];
    return changes.map(({ limitVersion, issuedUnixMs }, index) => {
      const { adminKeys, threshold } = changes[index - 1] ?? this.#base;
      return { adminKeys, threshold, limitVersionMax: limitVersion, untilUnixMs: issuedUnixMs };
    });
  }

  /** True for an instance that never takes part again. */
  evicts(instanceId: InstanceId): boolean {
    return this.#evicted.has(instanceId);
  }

  /** Evicted instances. */
  get evicted(): ReadonlySet<string> {
    return this.#evicted;
  }

  /** Why the grant does not count although its time has not come, or null. */
  revocation(grant: Grant): string | null {
    const found = this.#revocations.some((revocation) => isRevokedBy(grant, revocation));
    return found ? `the grant of ${grant.name} was revoked` : null;
  }

  /** Why the grant does not count at this moment of the pool's clock, or null: its time, or that it was revoked. */
  grantProblem(grant: Grant, poolUnixMs: number): string | null {
    return timeProblem(grant, poolUnixMs) ?? this.revocation(grant);
  }

  /** True where these signatures make a record an admin's: by a present admin, or by a former one before the change. */
  signedByAdmin(signers: readonly string[], signedUnixMs: number): boolean {
    if (signers.some((signer) => this.authority.adminKeys.includes(signer))) return true;
    const past = this.former.filter(({ untilUnixMs }) => signedUnixMs <= untilUnixMs);
    return signers.some((signer) => past.some(({ adminKeys }) => adminKeys.includes(signer)));
  }

  /** The verified policy in an envelope; throws `policy-refused` or `bad-message` naming what is wrong. */
  verify(sealed: Uint8Array, verify: Verify): VerifiedPolicy {
    const { value, signers, payload } = open(policySeal, sealed, verify);
    if (value.gatewayUid !== this.#gatewayUid)
      throw refused(`the policy is for gateway ${value.gatewayUid}, this is ${this.#gatewayUid}`);
    // Below the version in force nothing counts any more, whoever signed it.
    const signing = value.version > this.version ? this.authority : this.#signing();
    const rotates = !isSameAuthority(value, signing);
    assertSigned(signers, signing, 'of the present admins');
    if (rotates) this.#assertRotation(value, signers);
    const digest = formatHex(sha256(payload)).slice(0, 16);
    const signedBy = [...signers].sort(compareText);
    return { ...value, brand: 'VerifiedPolicy', digest, sealed, signedBy, rotates };
  }

  /** What `apply` would do. */
  compare(policy: VerifiedPolicy): PolicyOutcome {
    if (policy.version > this.version) return 'newer';
    if (policy.version < this.version) return 'older';
    return this.#heads.some(({ digest }) => digest === policy.digest) ? 'known' : 'sibling';
  }

  /** Puts a policy that is on disk in force. */
  apply(policy: VerifiedPolicy): PolicyOutcome {
    const outcome = this.compare(policy);
    if (outcome === 'newer') {
      const passed = this.#heads.slice(0, 1).filter(({ rotates }) => rotates);
      this.#put([...this.#rotations, ...passed], [policy]);
    }
    if (outcome === 'sibling') {
      const heads = [...this.#heads, policy].sort((a, b) => compareText(a.digest, b.digest));
      this.#put(this.#rotations, heads.slice(0, POLICY_SIBLINGS_MAX));
    }
    return outcome;
  }

  /** Whose signatures counted for the version in force. */
  #signing(): Authority {
    return this.#rotations.at(-1) ?? this.#base;
  }

  #assertRotation(value: Policy, signers: readonly string[]): void {
    if (value.threshold > new Set(value.adminKeys).size)
      throw refused(`the policy wants ${value.threshold} signatures of ${value.adminKeys.length} admins`);
    if (this.#rotations.length >= ROTATIONS_MAX)
      throw refused(`the admins have changed ${ROTATIONS_MAX} times, the most that one configuration can follow`);
    assertSigned(signers, value, 'of the new admins');
  }

  #put(rotations: readonly VerifiedPolicy[], heads: readonly VerifiedPolicy[]): void {
    this.#rotations = rotations;
    this.#heads = heads;
    this.#revocations = heads.flatMap(({ revocations }) => revocations);
    this.#evicted = new Set(heads.flatMap(({ evictions }) => evictions.map(({ instanceId }) => instanceId)));
    this.#digest = digestText([String(this.version), ...heads.map(({ digest }) => digest)]);
  }
}

function isSameAuthority(left: Authority, right: Authority): boolean {
  const sorted = ({ adminKeys }: Authority): string => [...adminKeys].sort(compareText).join();
  return left.threshold === right.threshold && sorted(left) === sorted(right);
}

function assertSigned(signers: readonly string[], { adminKeys, threshold }: Authority, whose: string): void {
  const count = signers.filter((signer) => adminKeys.includes(signer)).length;
  if (count < threshold) throw refused(`the policy has ${count} of the ${threshold} signature(s) ${whose} it needs`);
}

function refused(message: string): GatewayError {
  return new GatewayError('policy-refused', message, {
    remedy: 'read the policy in force and sign the next version of it with the admin profiles of this gateway',
  });
}
