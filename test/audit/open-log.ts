/** Logs of the real module in folders of a test's own. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type AuditEvent, type AuditLog, type AuditLogInit, openAuditLog } from '../../src/audit/index.ts';
import { createEd25519Verify, keyPairFromSeed } from '../../src/base/ed25519.ts';

/** Whose logs these are. */
export const key = keyPairFromSeed(new Uint8Array(32).fill(7));
/** Checks signatures. */
export const verify = createEd25519Verify();

/** Opens the log of a data directory as an instance does. */
export function openLog(directory: string, init: Partial<AuditLogInit> = {}): Promise<AuditLog> {
  return openAuditLog({ directory, instanceId: key.id, sign: key.sign, verify, unixMs: () => Date.now(), ...init });
}

/** An event that can be told from others. */
export function numbered(number: number): AuditEvent {
  return { kind: 'limit-applied', maxInstances: 3, version: number };
}

/** Folders that are removed after the test that asked for them. */
export function useFolders(): () => string {
  const made: string[] = [];
  afterEach(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
  });
  return () => {
    const path = mkdtempSync(join(tmpdir(), 'pam-audit-'));
    made.push(path);
    return path;
  };
}

/** Files of a log, oldest first. */
export function filesOf(directory: string): readonly string[] {
  const folder = join(directory, 'audit');
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return names.sort().map((name) => join(folder, name));
}

/** Every whole line of a log. */
export function linesOf(directory: string): readonly string[] {
  return filesOf(directory).flatMap((path) => readFileSync(path, 'utf8').split('\n').filter(Boolean));
}
