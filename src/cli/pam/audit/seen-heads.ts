/**
 * How far each log reached when this user last found it whole. An instance could cut off the end of its own log, or lose its disk: only somebody else
 * who remembers can tell.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AuditHead } from '../../../audit/client.ts';
import type { Terminal } from '../../frame/terminal.ts';

function folderOf(env: Terminal['env']): string {
  return join(env['HOME'] ?? homedir(), '.pam', 'audit-heads');
}

/** What was seen last; null: nothing that can be read. */
export function seenHead(env: Terminal['env'], instanceId: string): AuditHead | null {
  try {
    const head: unknown = JSON.parse(readFileSync(join(folderOf(env), `${instanceId}.json`), 'utf8'));
    return isHead(head) ? head : null;
  } catch {
    // Never verified here before, or somebody removed it: then this time is the first.
    return null;
  }
}

/** Remembers the end of a log that was found whole. */
export function rememberHead(env: Terminal['env'], instanceId: string, head: AuditHead): void {
  const folder = folderOf(env);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${instanceId}.json`);
  writeFileSync(`${path}.new`, `${JSON.stringify(head)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function isHead(value: unknown): value is AuditHead {
  if (typeof value !== 'object' || value === null || !('sequence' in value) || !('hash' in value)) return false;
  return Number.isSafeInteger(value.sequence) && typeof value.hash === 'string';
}
