/**
 * What the two commands of the package do before they are what they are: make sure of the runtime, then load the program.
 */

import { existsSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { become, canExec } from './become.js';
import { keepResolutions } from './resolution-cache.js';
import { compileCacheFolder, findPinnedRuntime, isRuntime, missingRuntimeMessage, packageRoot } from './runtime.js';

/** The exit code for a wrong configuration, as of the programs themselves. */
const EXIT_CONFIGURATION = 2;

/**
 * For an instance, which runs for months: V8 lets the youngest generation of its heap grow to 48 MB by default, which an instance that mostly
 * passes bytes on never needs. Measured with three idle instances: 154 MB resident without, 115 MB with it.
 */
const INSTANCE_FLAG = '--max-semi-space-size=2';

/**
 * Runs one of the two programs with the arguments and the environment of this process.
 * @param {'gateway' | 'pam'} program
 */
export async function runProgram(program) {
  const flags = program === 'gateway' && process.argv[2] === 'start' ? [INSTANCE_FLAG] : [];
  const isReady = isRuntime() && (!canExec() || flags.every((flag) => process.execArgv.includes(flag)));
  if (isReady) return load(program);
  const runtime = isRuntime() ? process.execPath : findPinnedRuntime();
  if (runtime === undefined) return fail(program, missingRuntimeMessage());
  try {
    await become(runtime, [...flags, ...process.execArgv, ...process.argv.slice(1)]);
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
  keepResolutions({ packageRoot, folder: compileCacheFolder });
  const source = join(packageRoot, 'src', 'cli', program, 'main.ts');
  const entry = existsSync(source) ? source : join(packageRoot, 'dist', 'cli', program, 'main.js');
  await import(pathToFileURL(entry).href);
}
