/**
 * What the two commands of the package do before they are what they are: make sure of the runtime, then load the program.
 */

import { existsSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { become } from './become.js';
import { compileCacheFolder, findPinnedRuntime, isRuntime, missingRuntimeMessage, packageRoot } from './runtime.js';

/** The exit code for a wrong configuration, as of the programs themselves. */
const EXIT_CONFIGURATION = 2;

/**
 * Runs one of the two programs with the arguments and the environment of this process.
 * @param {'gateway' | 'pam'} program
 */
export async function runProgram(program) {
  if (isRuntime()) return load(program);
  const runtime = findPinnedRuntime();
  if (runtime === undefined) return fail(program, missingRuntimeMessage());
  try {
    await become(runtime, [...process.execArgv, ...process.argv.slice(1)]);
  } catch (error) {
    fail(program, `cannot start ${runtime}: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * @param {string} program
 * @param {string} reason
 */
function fail(program, reason) {
  process.stderr.write(`${program}: ${reason}\n`);
  process.exit(EXIT_CONFIGURATION);
}

/**
 * A checkout has sources, an installation only what was built from them. Sources come first: what was built may be old.
 * @param {string} program
 */
async function load(program) {
  module.enableCompileCache?.(compileCacheFolder);
  const source = join(packageRoot, 'src', 'cli', program, 'main.ts');
  const entry = existsSync(source) ? source : join(packageRoot, 'dist', 'cli', program, 'main.js');
  await import(pathToFileURL(entry).href);
}
