/** Verifies without a running instance: a data directory, or lines that were exported. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError } from '../base/errors.ts';
import type { Verify } from '../base/signing.ts';
import { ChainCheck, type ChainReport } from './chain-check.ts';
import { readHead } from './resume.ts';
import { AUDIT_FOLDER, listSegments, readLines } from './segments.ts';

const HEAD_MISSING = 'the file "head" is missing or not signed by this instance: how far the log reached is not known';

/** Whose log it is. */
export interface VerifyInit {
  readonly instanceId: string;
  readonly verify: Verify;
}

/** Checks the log in a data directory against itself and against the head that stands beside it. Throws `not-found`. */
export async function verifyDirectory(directory: string, { instanceId, verify }: VerifyInit): Promise<ChainReport> {
  const folder = join(directory, AUDIT_FOLDER);
  if (!existsSync(folder)) throw new GatewayError('not-found', `${directory} holds no audit log`);
  const head = readHead(folder, instanceId, verify);
  const check = new ChainCheck({ instanceId, verify, head });
  for (const { path } of listSegments(folder)) for await (const line of readLines(path)) check.step(line);
  const report = check.view();
  // Between the first checkpoint and the first head a process may have been killed; later nothing but a hand removes it.
  const isMissing = head === null && report.ok && report.entries - report.events > 1;
  return isMissing
    ? { ...report, ok: false, firstBadAt: (report.lastSequence ?? 0) + 1, reason: HEAD_MISSING }
    : report;
}

/** Checks an exported file of lines. Throws what reading throws. */
export async function verifyFile(path: string, init: VerifyInit): Promise<ChainReport> {
  const check = new ChainCheck(init);
  for await (const line of readLines(path)) check.step(line);
  return check.view();
}
