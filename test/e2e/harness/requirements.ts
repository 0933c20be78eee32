/** What some tests need of the machine. */

import { spawnSync } from 'node:child_process';

/** Why this machine cannot make network namespaces with a packet filter, or undefined if it can. */
export function namespacesMissing(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux only';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const command of ['ip', 'nft']) {
    if (spawnSync(command, ['-V']).error !== undefined) return `the command ${command} is not installed`;
  }
  return tryNamespace();
}

/** A container may be root and still not be allowed to. */
function tryNamespace(): string | undefined {
  const name = `pam-try-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (made.status !== 0) return `network namespaces are not allowed here: ${made.stderr.trim()}`;
  const filtered = spawnSync('ip', ['netns', 'exec', name, 'nft', 'add', 'table', 'inet', 'try'], { encoding: 'utf8' });
  spawnSync('ip', ['netns', 'delete', name]);
  return filtered.status === 0 ? undefined : `the packet filter does not work here: ${filtered.stderr.trim()}`;
}
