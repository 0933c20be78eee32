/** A real process writes and is killed at random points: nothing it had acknowledged is lost, and the log holds. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parseEntry } from '../../src/audit/client.ts';
import { verifyDirectory } from '../../src/audit/index.ts';
import { Random } from '../simulator/random.ts';
import { key, linesOf, useFolders, verify } from './open-log.ts';

const makeFolder = useFolders();
const APPENDS = 500;
const SEED = Number(process.env['PAM_TEST_SEED'] ?? 2026);
const program = fileURLToPath(new URL('writer-process.ts', import.meta.url));

/** Lets it write until it has acknowledged so many and then kills it, in the middle of whatever it does. */
async function writeAndKill(
  directory: string,
  first: number,
  kill: { readonly after: number; readonly delayMs: number },
): Promise<number> {
  const child = spawn(process.execPath, [program, directory, String(first), String(APPENDS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let last = first - 1;
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    last = Number(line);
    if (last - first + 1 === kill.after) setTimeout(() => child.kill('SIGKILL'), kill.delayMs);
  });
  await closed;
  return last;
}

it('a log survives kill -9 at any point of 500 appends', { timeout: 60_000 }, async () => {
  const directory = makeFolder();
  const random = new Random(SEED);
  let acknowledged = 0;
  let kills = 0;
  while (acknowledged < APPENDS) {
    const after = random.between(20, 90);
    acknowledged = await writeAndKill(directory, acknowledged + 1, { after, delayMs: random.below(6) });
    kills += 1;
    const report = await verifyDirectory(directory, { instanceId: key.id, verify });
    expect(report, `seed ${SEED}, after ${kills} kills`).toMatchObject({ ok: true, firstBadAt: null });
  }
  const versions = linesOf(directory).flatMap((line) => parseEntry(line)?.event?.['version'] ?? []);
  const missing = Array.from({ length: acknowledged }, (_, index) => index + 1).filter(
    (each) => !versions.includes(each),
  );
  expect(missing).toEqual([]);
  expect(kills).toBeGreaterThan(4);
});
