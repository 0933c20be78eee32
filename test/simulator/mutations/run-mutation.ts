import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutation } from './mutations.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** How a mistake was found, or that it was not. */
export interface Finding {
  readonly seed: number | null;
  readonly checker: string | null;
  readonly message: string;
}

/** The core with the mistake in it, in a folder of its own, and the simulator beside it; and what the simulator says to it. */
export function runMutation({ file, find, replace, seed }: Mutation, seeds: number): Finding {
  const folder = mkdtempSync(join(tmpdir(), 'pool-mutation-'));
  try {
    for (const part of ['src/base', 'src/wire', 'src/core', 'test/simulator'])
      cpSync(join(root, part), join(folder, part), { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
    const path = join(folder, 'src/core', file);
    const text = readFileSync(path, 'utf8');
    if (text.split(find).length !== 2)
      throw new Error(`"${find}" does not stand exactly once in ${file}: the core has changed, write the mistake anew`);
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
    const program = join(folder, 'test/simulator/mutations/first-failure.ts');
    const { stdout, stderr, status } = spawnSync(process.execPath, [program, String(seed), String(seeds)], {
      encoding: 'utf8',
      timeout: 600_000,
    });
    if (status !== 0) return { seed: null, checker: 'crash', message: stderr.slice(-2000) };
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Finding;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
