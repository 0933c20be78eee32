import type { Command } from 'commander';
import { parseKeyId } from '../../../base/ids.ts';
import type { Revocation } from '../../../wire/policy.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { addProfileOptions, adminKeysOf, type ProfileOptions, signWithOption, withClient } from '../connection.ts';
import { changePolicy, formatHeld, refuseMissing, reportHeld } from '../policy/publish-policy.ts';
import type { GrantReport } from './grant-report.ts';
import { findGrant, readGrants } from './issued.ts';

interface RevokeOptions extends ProfileOptions {
  readonly signWith: readonly string[];
}

/** A grant issued elsewhere is known by its id alone, and with it not when it expires. */
const GRANT_ID = /^[A-Za-z0-9_-]{22}$/;

/** `pam grant revoke`: a grant counts no more, and its sessions end everywhere. */
export function revokeGrantCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'revoke',
    summary: 'end a grant and its running sessions, on every instance',
    examples: ['pam grant revoke alice', 'pam grant revoke 12D3KooW…'],
  });
  return addProfileOptions(command)
    .argument('<grant>', "id of the grant, its user's name if there is one only, or the key of a user: all its grants")
    .addOption(signWithOption())
    .action((named: string, options: RevokeOptions) => revokeGrant(terminal, named, options));
}

async function revokeGrant(terminal: Terminal, named: string, options: RevokeOptions): Promise<void> {
  const { signal } = terminal;
  await withClient(terminal, options, async (connected) => {
    const signers = await adminKeysOf(terminal, connected.profile, options.signWith);
    const revocation = await revocationOf(terminal, named, options, connected);
    const { held } = await changePolicy(connected, { revoke: [revocation] }, { signers, signal });
    if (options.json === true) terminal.printJson({ revoked: revocation.subject, ...reportHeld(held) });
    else terminal.print(`${printable(named)}: revoked (${formatHeld(held)})`);
    refuseMissing(terminal, held);
  });
}

/** What is to be revoked. Throws `not-found` with the candidates. */
export async function revocationOf(
  terminal: Terminal,
  named: string,
  options: ProfileOptions,
  { client, profile }: Parameters<Parameters<typeof withClient>[2]>[0],
): Promise<Revocation> {
  const { unixMs } = await client.welcome(terminal.signal);
  const revokedUnixMs = unixMs;
  if (parseKeyId(named) !== undefined) return { subject: named, revokedUnixMs, untilUnixMs: null };
  const grants = await readGrants(terminal, options, profile);
  const isElsewhere = GRANT_ID.test(named) && !grants.some(({ grantId }) => grantId === named);
  if (isElsewhere) return { subject: named, revokedUnixMs, untilUnixMs: null };
  const grant = findGrant(withoutEnded(grants, named), named);
  const untilUnixMs = grant.expiresAt === null ? null : Date.parse(grant.expiresAt);
  return { subject: grant.grantId, revokedUnixMs, untilUnixMs };
}

/** A name means the grant that still counts, if there is one. */
function withoutEnded(grants: readonly GrantReport[], named: string): readonly GrantReport[] {
  const counting = grants.filter(({ state }) => state !== 'expired');
  return counting.some(({ name, grantId }) => name === named || grantId === named) ? counting : grants;
}
