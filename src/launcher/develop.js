/**
 * What the scripts of `package.json` run: `node src/launcher/develop.js TASK [ARGUMENT…]`. Works on a fresh clone with any
 * Node from 20 on: installs what is missing, then runs the task under the pinned runtime.
 */

import { rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { become } from './become.js';
import { follow } from './follow.js';
import { installIfStale } from './install.js';
import { compileCacheFolder, findPinnedRuntime, isRuntime, missingRuntimeMessage, packageRoot } from './runtime.js';

/** Tasks that are one program of the checkout; this process becomes it. */
const PROGRAMS = {
  start: 'src/tour/main.ts',
  simulate: 'test/simulator/main.ts',
  bench: 'test/bench/main.ts',
};

const TYPESCRIPT = 'node_modules/typescript/bin/tsc';
const BIOME = 'node_modules/@biomejs/biome/bin/biome';
const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts'];

/** @typedef {{ readonly name: string, readonly command: readonly string[] }} Step one command of a task, and what to call it when it fails */

/**
 * Tasks that are several tools in a row. All steps run even when one fails: a badly formatted line must not hide a broken
 * test.
 * @type {Record<string, (args: readonly string[]) => readonly Step[]>}
 */
const TASKS = {
  test: (args) => [
    { name: 'lint and format (npm run format mends most of it)', command: [BIOME, 'check', '.'] },
    { name: 'types', command: [TYPESCRIPT, '--noEmit', '-p', '.'] },
    { name: 'tests', command: [...VITEST, ...args] },
  ],
  format: () => [{ name: 'format', command: [BIOME, 'check', '--write', '.'] }],
  build: () => [{ name: 'build', command: [TYPESCRIPT, '-p', '.ci/tsconfig.build.json'] }],
};

await main(process.argv[2] ?? '', process.argv.slice(3));

/**
 * @param {string} task
 * @param {readonly string[]} args
 */
async function main(task, args) {
  const program = Object.entries(PROGRAMS).find(([name]) => name === task)?.[1];
  const steps = TASKS[task]?.(args);
  if (program === undefined && steps === undefined) return fail(`no task "${task}"`);

  process.chdir(packageRoot);
  if (!(await installIfStale(packageRoot))) return fail('the dependencies cannot be installed, see above');
  const runtime = findPinnedRuntime() ?? (isRuntime() ? process.execPath : undefined);
  if (runtime === undefined) return fail(missingRuntimeMessage());
  // Whatever starts `node` by its name must get the pinned one too.
  process.env['PATH'] = [join(packageRoot, 'node_modules', '.bin'), process.env['PATH']].join(delimiter);

  // Every program started below loads in a third of the time. Coverage needs code that was compiled in its own run.
  if (!args.some((arg) => arg.startsWith('--coverage'))) process.env['NODE_COMPILE_CACHE'] ??= compileCacheFolder;

  if (program !== undefined) return become(runtime, [program, ...args]);
  if (task === 'build') rmSync('dist', { recursive: true, force: true });
  process.exit(await runSteps(runtime, steps ?? [], task === 'build' ? 2 : 'inherit'));
}

/**
 * @param {string} runtime
 * @param {readonly Step[]} steps
 * @param {'inherit' | number} stdout
 * @returns {Promise<number>} the exit code
 */
async function runSteps(runtime, steps, stdout) {
  const failed = [];
  for (const { name, command } of steps) {
    const { code, signal } = await follow(runtime, command, { stdout });
    if (signal !== null) return 1;
    if (code !== 0) failed.push(name);
  }
  for (const name of failed) process.stderr.write(`failed: ${name}\n`);
  return failed.length === 0 ? 0 : 1;
}

/** @param {string} reason */
function fail(reason) {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}
