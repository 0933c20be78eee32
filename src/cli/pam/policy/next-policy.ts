/** The policy in force as a client reads it, and the next version of it. */
import type { AccessClient } from '../../../access/client/index.ts';
import { GatewayError } from '../../../base/errors.ts';
import { type PeerKeyId, parseKeyId } from '../../../base/ids.ts';
import type { KeylessProfile } from '../../../config/index.ts';
import type { PolicyBook } from '../../../core/index.ts';
import { EVICTIONS_MAX, type Eviction, type Policy, REVOCATIONS_MAX, type Revocation } from '../../../wire/policy.ts';

/**
 * What is in force, checked against the admins of the profile: an instance is believed nothing that its admins have not signed. A profile made
 * after a change of admins begins in the middle of the chain, so what came before need not verify. Throws `policy-refused`.
 */
export async function readPolicy(
  client: AccessClient,
  profile: KeylessProfile,
  signal: AbortSignal,
): Promise<PolicyBook> {
  const [{ PolicyBook }, { createEd25519Verify }, { policySeal }, { open }] = await Promise.all([
    import('../../../core/index.ts'),
    import('../../../base/ed25519.ts'),
    import('../../../wire/policy.ts'),
    import('../../../wire/sealed.ts'),
  ]);
  const { sealed } = await client.request({ kind: 'policies' }, 'policies', signal);
  const verify = createEd25519Verify();
  const { adminKeys, threshold } = profile;
  const book = new PolicyBook(profile.gateway.uid, { adminKeys, threshold });
  let newest = 0;
  for (const one of sealed) {
    newest = Math.max(newest, open(policySeal, one, verify).value.version);
    try {
      book.apply(book.verify(one, verify));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
    }
  }
  if (book.version === newest) return book;
  throw new GatewayError(
    'policy-refused',
    `policy version ${newest} is not signed by the admins that this profile knows`,
    {
      remedy: 'The admins have changed: take a profile that was made after that, from pam admin profile.',
    },
  );
}

/** What changes with the next version. */
export interface PolicyChange {
  readonly revoke?: readonly Revocation[];
  readonly evict?: readonly Eviction[];
  readonly authority?: { readonly adminKeys: readonly PeerKeyId[]; readonly threshold: number };
}

/** What the next version is made from. */
export interface NextPolicyInit {
  readonly gatewayUid: string;
  readonly book: PolicyBook;
  /** Version of the limit in force. */
  readonly limitVersion: number;
  readonly unixMs: number;
  readonly change: PolicyChange;
}

/** The next version: everything in force, without what has run out, with the change. Throws `bad-usage` when it holds too much. */
export function nextPolicy({ gatewayUid, book, limitVersion, unixMs, change }: NextPolicyInit): Policy {
  const { adminKeys, threshold } = change.authority ?? book.authority;
  const held = book.heads.flatMap(({ revocations }) => revocations);
  const current = held.filter(({ untilUnixMs }) => untilUnixMs === null || untilUnixMs > unixMs);
  const revocations = distinct([...current, ...(change.revoke ?? [])], ({ subject }) => subject);
  const evictedBefore = book.heads.flatMap(({ evictions }) => evictions);
  const evictions = distinct([...evictedBefore, ...(change.evict ?? [])], ({ instanceId }) => instanceId);
  assertFits('revocations', revocations.length, REVOCATIONS_MAX);
  assertFits('evictions', evictions.length, EVICTIONS_MAX);
  return {
    gatewayUid,
    version: book.version + 1,
    issuedUnixMs: unixMs,
    adminKeys: keysOf(adminKeys),
    threshold,
    limitVersion,
    revocations,
    evictions,
  };
}

/** Keys of admins as a policy names them: what is none is left out, which no verified policy and no profile holds. */
export function keysOf(adminKeys: readonly string[]): readonly PeerKeyId[] {
  return adminKeys.flatMap((key) => parseKeyId(key) ?? []);
}

/** The last one of each name. */
function distinct<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  return [...new Map(items.map((item) => [nameOf(item), item])).values()];
}

function assertFits(what: string, count: number, max: number): void {
  if (count <= max) return;
  throw new GatewayError('bad-usage', `the policy would hold ${count} ${what}; at most ${max}`, {
    remedy: 'Issue grants that expire: their revocations are left out once they have.',
  });
}
