import type { Command } from 'commander';
import { formatUnixMs } from '../../../base/stamp.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from '../connection.ts';

/** `pam admin list`: who the admins are, what is revoked and who is evicted, as the pool holds it. */
export function listCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'list',
    summary: 'show the admins, what they have revoked and whom they have evicted',
    examples: ['pam admin list'],
  });
  return addProfileOptions(command).action((options: ProfileOptions) => list(terminal, options));
}

async function list(terminal: Terminal, options: ProfileOptions): Promise<void> {
  await withClient(terminal, options, async ({ client, profile }) => {
    const { readPolicy } = await import('../policy/next-policy.ts');
    const book = await readPolicy(client, profile, terminal.signal);
    const { adminKeys, threshold } = book.authority;
    const revocations = book.heads.flatMap((policy) => policy.revocations);
    const evictions = book.heads.flatMap((policy) => policy.evictions);
    if (options.json === true)
      return terminal.printJson({
        policy_version: book.version,
        threshold,
        admins: adminKeys,
        revoked: revocations.map(({ subject, revokedUnixMs }) => ({ subject, revokedAt: formatUnixMs(revokedUnixMs) })),
        evicted: evictions.map(({ instanceId, evictedUnixMs }) => ({
          instance_id: instanceId,
          evictedAt: formatUnixMs(evictedUnixMs),
        })),
      });
    terminal.print(`policy version ${book.version}; ${threshold} of ${adminKeys.length} admins sign`);
    for (const key of adminKeys) terminal.print(`admin    ${key}${key === profile.keyId ? '  (this profile)' : ''}`);
    for (const { subject, revokedUnixMs } of revocations)
      terminal.print(`revoked  ${subject}  ${formatUnixMs(revokedUnixMs)}`);
    for (const { instanceId, evictedUnixMs } of evictions)
      terminal.print(`evicted  ${instanceId}  ${formatUnixMs(evictedUnixMs)}`);
  });
}
