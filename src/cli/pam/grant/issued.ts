import { GatewayError } from '../../../base/errors.ts';
import type { PolicyBook } from '../../../core/index.ts';
import type { Grant } from '../../../wire/grant.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { type OpenProfile, type ProfileOptions, useClient } from '../connection.ts';
import { type GrantReport, type GrantState, reportGrant } from './grant-report.ts';

/** The grants issued with this profile, oldest first, and what has become of each as far as an instance can be asked. */
export async function readGrants(
  terminal: Terminal,
  options: ProfileOptions,
  profile: OpenProfile,
): Promise<readonly GrantReport[]> {
  const { issuedGrants, profilePath } = await import('../../../config/index.ts');
  const path = profilePath({ flag: options.profile, env: terminal.env });
  const { issued, unreadable } = issuedGrants(path, profile.gateway.uid);
  for (const file of unreadable) terminal.note(`${file} is no grant of this gateway and is left out`);
  const policy = issued.length === 0 ? undefined : await askPolicy(terminal, profile);
  const now = Date.now();
  return issued.map(({ grant, signers }) => reportGrant(grant, signers, stateOf(grant, policy, now)));
}

function stateOf(grant: Grant, policy: PolicyBook | undefined, unixMs: number): GrantState {
  if (grant.expiresUnixMs !== null && grant.expiresUnixMs <= unixMs) return 'expired';
  if (policy === undefined) return 'unknown';
  return policy.revocation(grant) === null ? 'valid' : 'revoked';
}

/** The policy in force; undefined where nobody can be reached. */
async function askPolicy(terminal: Terminal, profile: OpenProfile): Promise<PolicyBook | undefined> {
  try {
    const { readPolicy } = await import('../policy/next-policy.ts');
    return await useClient(terminal, profile, (client) => readPolicy(client, profile, terminal.signal));
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'unreachable') throw error;
    terminal.note('No instance can be reached: whether a grant was revoked is not known here.');
    return undefined;
  }
}

/** The one grant meant by an id or by its user's name. Throws `not-found` with the candidates. */
export function findGrant(grants: readonly GrantReport[], named: string): GrantReport {
  const byId = grants.find(({ grantId }) => grantId === named);
  const byName = grants.filter(({ name }) => name === named);
  const [only] = byName;
  if (byId !== undefined) return byId;
  if (only !== undefined && byName.length === 1) return only;
  const candidates = (byName.length > 0 ? byName : grants).map(
    ({ grantId, name, state }) => `  ${grantId}  ${printable(name)}  ${state}`,
  );
  const message = byName.length > 0 ? `${byName.length} grants are for "${named}"` : `Grant "${named}" not found`;
  const remedy =
    candidates.length > 0 ? `Name one by its id:\n${candidates.join('\n')}` : 'None were issued with this profile.';
  throw new GatewayError('not-found', message, { remedy });
}
