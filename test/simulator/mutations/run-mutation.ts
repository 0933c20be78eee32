import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Change, Mutation } from './mutations.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** How a mistake was found, or that it was not. */
export interface Finding {
  readonly seed: number | null;
  readonly checker: string | null;
  readonly message: string;
}

/** A copy of the core with the simulator beside it, for making mistakes in. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pool-mutation-'));

  /** Copies what is needed. */
  constructor() {
    for (const part of ['src/base', 'src/wire', 'src/core', 'test/simulator'])
      cpSync(join(root, part), join(this.#folder, part), { recursive: true });
    writeFileSync(join(this.#folder, 'package.json'), '{ "type": "module" }');
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'), 'junction');
  }

  /** Makes the mistake, hears what the simulator says of it, and takes it back. */
  try({ changes, seed }: Mutation, seeds: number): Finding {
    const files = [...new Set(changes.map(({ file }) => file))].map((file) => join(this.#folder, 'src/core', file));
    const texts = files.map((path) => readFileSync(path, 'utf8'));
    try {
      for (const change of changes) this.#change(change);
      return this.#simulate(seed, seeds);
    } finally {
      for (const [index, path] of files.entries()) writeFileSync(path, texts[index] ?? '');
    }
  }

  /** Removes the copy. */
  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #change({ file, find, replace }: Change): void {
    const path = join(this.#folder, 'src/core', file);
    const text = readFileSync(path, 'utf8');
    if (text.split(find).length !== 2)
      throw new Error(`"${find}" does not stand exactly once in ${file}: the core has changed, write the mistake anew`);
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
  }

  #simulate(seed: number, seeds: number): Finding {
    const program = join(this.#folder, 'test/simulator/mutations/first-failure.ts');
    const { stdout, stderr, status } = spawnSync(process.execPath, [program, String(seed), String(seeds)], {
      encoding: 'utf8',
      timeout: 600_000,
      // What is not changed is compiled once.
      env: { ...process.env, NODE_COMPILE_CACHE: join(this.#folder, 'compiled') },
    });
    if (status !== 0) return { seed: null, checker: 'crash', message: stderr.slice(-2000) };
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Finding;
  }
}
