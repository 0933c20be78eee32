/**
 * Where every import leads, kept from run to run beside the compiled code: a command that talks to a pool loads some five hundred modules, and Node spends a
 * third of its start with finding out where each of them is. What was found counts as long as the runtime, the package and what is installed stay the same.
 */

import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A program has far fewer imports; a cache beyond it is not kept. */
const ENTRIES_MAX = 20_000;
/** An instance runs for months: what its start has resolved is written down after this time, in milliseconds. */
const KEEP_AFTER_MS = 5_000;

/** @typedef {Record<string, readonly [url: string, format: string]>} Resolutions by what was imported and where */
/** @typedef {{ readonly stamp: string, readonly found: Resolutions }} Kept what the file holds */

/**
 * Answers imports from what earlier runs have found, and keeps what this run finds. Does nothing where the runtime has no such hooks.
 * @param {{ readonly packageRoot: string, readonly folder: string }} init the package, and where to keep
 */
export function keepResolutions({ packageRoot, folder }) {
  if (module.registerHooks === undefined) return;
  const file = join(folder, 'resolutions.json');
  const stamp = stampOf(packageRoot);
  const root = `${pathToFileURL(packageRoot).href}/`;
  const found = read(file, stamp);
  let added = 0;
  module.registerHooks({
    resolve: (specifier, context, next) => {
      const { parentURL } = context;
      // What is required keeps its own ways: there the format is found out later, from the file's ending.
      const isRequired = context.conditions.includes('require');
      if (parentURL === undefined || isRequired || specifier.startsWith('node:')) return next(specifier, context);
      const key = `${specifier} ${shorten(parentURL, root)}`;
      const known = found[key];
      if (known !== undefined) return { url: lengthen(known[0], root), format: known[1], shortCircuit: true };
      const resolved = next(specifier, context);
      if (typeof resolved.format !== 'string') return resolved;
      found[key] = [shorten(resolved.url, root), resolved.format];
      added += 1;
      return resolved;
    },
  });
  const keep = () => {
    if (added > 0 && Object.keys(found).length <= ENTRIES_MAX) write(file, { stamp, found });
    added = 0;
  };
  process.on('exit', keep);
  setTimeout(keep, KEEP_AFTER_MS).unref();
}

/**
 * What has to stay the same: npm writes its hidden lock file with every change of what is installed, also where the package itself was installed into it.
 * @param {string} packageRoot
 */
function stampOf(packageRoot) {
  const installed = ['node_modules', '..'].map((folder) => join(packageRoot, folder, '.package-lock.json'));
  const changed = [join(packageRoot, 'package.json'), ...installed].map(
    (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return [process.version, packageRoot, ...changed].join(' ');
}

/**
 * @param {string} file
 * @param {string} stamp
 * @returns {Resolutions} empty if there is none, or an outdated or damaged one
 */
function read(file, stamp) {
  try {
    /** @type {Kept} */
    const kept = JSON.parse(readFileSync(file, 'utf8'));
    return kept.stamp === stamp ? kept.found : {};
  } catch {
    return {};
  }
}

/**
 * Whole or not at all; not where the package belongs to somebody else, which only costs time.
 * @param {string} file
 * @param {Kept} kept
 */
function write(file, kept) {
  const part = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(part, JSON.stringify(kept));
    renameSync(part, file);
  } catch {
    return;
  }
}

/**
 * @param {string} url
 * @param {string} root
 */
function shorten(url, root) {
  return url.startsWith(root) ? url.slice(root.length) : url;
}

/**
 * @param {string} url
 * @param {string} root
 */
function lengthen(url, root) {
  return /^[a-z]+:/.test(url) ? url : root + url;
}
