/**
 * Which Node runs the product.
 *
 * The libraries need Node 24, the host may have Node 20. The package therefore brings its runtime along: one of the
 * optional dependencies `node-<platform>-<arch>`, which carry nothing but the official binary. Everything in this folder
 * is plain JavaScript that Node 20 runs, and loads as little as it can: it runs before every command.
 */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The oldest Node major that runs the product. Raise it together with the `node-*` ranges of `package.json`. */
export const RUNTIME_MAJOR = 24;

/** The root of the package: the folder of `package.json`, in a checkout as in an installation. */
export const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Where Node keeps compiled code from run to run: it saves more than half of the time a command takes to start. The folder
 * must be as trustworthy as the code itself, therefore inside the package and never in the shared temporary folder. Where it
 * cannot be written nothing is kept.
 */
export const compileCacheFolder = join(packageRoot, 'node_modules', '.cache', 'compiled');

/**
 * Whether the running Node is new enough for the product.
 * @returns {boolean}
 */
export function isRuntime() {
  return Number.parseInt(process.versions.node, 10) >= RUNTIME_MAJOR;
}

/**
 * The name of the package that carries the runtime for this machine.
 * @returns {string}
 */
export function runtimePackage() {
  return `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
}

/**
 * Finds the Node binary that came with the package: beside it, or hoisted into a `node_modules` further up.
 * @param {string} [from] the folder where the search begins
 * @returns {string | undefined} undefined where the platform has none or it was not installed
 */
export function findPinnedRuntime(from = packageRoot) {
  const binary = join('node_modules', runtimePackage(), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, binary);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * Says why the product cannot run, and what to do.
 * @returns {string} one line
 */
export function missingRuntimeMessage() {
  return (
    `needs Node ${RUNTIME_MAJOR} or newer, this is ${process.version}, and the runtime that comes with the package ` +
    `(${runtimePackage()}) is not installed: install Node ${RUNTIME_MAJOR}, or install again without --omit=optional`
  );
}
