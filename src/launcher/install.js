/**
 * Installs the dependencies of a checkout when they are missing or other than the lock file says. Runs on whatever Node the
 * host has; the product's own runtime arrives with the dependencies.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { follow } from './follow.js';

/**
 * Installs what is missing. npm's output goes to stderr, since stdout belongs to the program that is run afterwards.
 * @param {string} root the checkout
 * @returns {Promise<boolean>} whether the dependencies are now as locked
 */
export async function installIfStale(root) {
  if (isInstalled(root)) return true;
  process.stderr.write('Installing the dependencies (only after a change, well under a minute) …\n');
  // The lock file may lack packages that only another platform needs; `install` finds those by their ranges.
  return (await npm(root, 'ci')) || (await npm(root, 'install', '--no-save'));
}

/**
 * Compares what npm noted about the installed packages with the lock file: file times say little after a `git checkout`.
 * @param {string} root
 * @returns {boolean}
 */
export function isInstalled(root) {
  const locked = readPackages(join(root, 'package-lock.json'));
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  if (locked === undefined || installed === undefined) return false;
  return Object.entries(locked).every(([path, { version, optional }]) => {
    if (path === '') return true;
    return installed[path] === undefined ? optional === true : installed[path].version === version;
  });
}

/** @typedef {Record<string, { readonly version?: string, readonly optional?: boolean }>} Packages by folder, as npm writes them */

/**
 * @param {string} file
 * @returns {Packages | undefined}
 */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} root
 * @param {readonly string[]} words
 */
async function npm(root, ...words) {
  const args = [...words, '--prefix', root, '--no-audit', '--no-fund', '--loglevel=error'];
  const script = process.env['npm_execpath'];
  const { code } =
    script?.endsWith('.js') === true
      ? await follow(process.execPath, [script, ...args], { stdout: 2 })
      : await follow('npm', args, { stdout: 2, shell: process.platform === 'win32' });
  return code === 0;
}
