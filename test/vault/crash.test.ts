/** A real process changes credentials and is killed at random points of 500 writes: nothing it was told is stored is lost. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryDirectories } from '../config/temporary-directory.ts';
import { Random } from '../simulator/random.ts';
import { openMachine } from './open-machine.ts';

const newDirectory = temporaryDirectories();
/** Each is a credential staged and committed: 500 writes. */
const CHANGES = 250;
const SEED = Number(process.env['PAM_TEST_SEED'] ?? 2026);
const program = fileURLToPath(new URL('writer-process.ts', import.meta.url));

/** Lets it write until it has acknowledged so many and then kills it, in the middle of whatever it does. */
async function writeAndKill(
  directory: string,
  first: number,
  kill: { readonly after: number; readonly delayMs: number },
): Promise<number> {
  const arguments_ = [program, directory, String(first), String(CHANGES - first + 1)];
  const child = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let last = first - 1;
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = Number(line);
    if (last - first + 1 === kill.after) setTimeout(() => child.kill('SIGKILL'), kill.delayMs);
  });
  await closed;
  return last;
}

async function passwordsIn(directory: string): Promise<readonly string[]> {
  const { driver, store, vault } = openMachine(directory);
  expect(store.warnings).toEqual([]);
  const { versions } = await vault.read('record-of-the-writer-0', new AbortController().signal);
  driver.stop();
  store.close();
  return versions.map(({ state, credential }) => `${state} ${credential.password?.reveal()}`);
}

it('a vault survives kill -9 at any point of 500 writes', { timeout: 60_000 }, async () => {
  const directory = newDirectory();
  const random = new Random(SEED);
  let acknowledged = 0;
  let kills = 0;
  while (acknowledged < CHANGES) {
    const kill = { after: random.between(20, 60), delayMs: random.below(6) };
    acknowledged = await writeAndKill(directory, acknowledged + 1, kill);
    kills += 1;
    const held = await passwordsIn(directory);
    // What was under way when it was killed may have been stored or not; what was said may not be missing.
    const expected = [`active password ${acknowledged}`, `previous password ${acknowledged}`];
    expect(
      held.filter((one) => expected.includes(one)),
      `seed ${SEED}, after ${kills} kills`,
    ).toHaveLength(1);
  }
  expect(kills).toBeGreaterThan(3);
});
