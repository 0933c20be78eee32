/** The rules of the house that a machine can check, on the files as they are. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkDeclared, checkExplained, checkUsed } from './dependencies.ts';
import { checkFaces, checkImportDirection, checkReachability } from './import-direction.ts';
import { checkPurity } from './purity.ts';
import { checkExportComments, checkLength, checkModuleState, checkNames } from './shape.ts';
import { loadSourceTree, type Violation } from './source-tree.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const files = loadSourceTree(root, ['src', 'test']);
const dependencies = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies);

/** What is started from outside: the programs, the tour, and what `package.json` names. */
const ENTRIES = [
  'src/index.ts',
  'src/cli/gateway/main.ts',
  'src/cli/pam/main.ts',
  'src/tour/main.ts',
  'src/launcher/gateway.js',
  'src/launcher/pam.js',
  'src/launcher/develop.js',
];

/** Before the programs exist nothing is reached from them. */
const isWhole = [...ENTRIES, 'README.md'].every((path) => existsSync(join(root, path)));

function lines(violations: readonly Violation[]): string[] {
  return violations.map(({ path, reason }) => `${path}: ${reason}`);
}

describe('the source', () => {
  it('imports in one direction', () => expect(lines(checkImportDirection(files))).toEqual([]));

  it('imports other folders through their face', () => expect(lines(checkFaces(files))).toEqual([]));

  it('is pure where it must be', () => expect(lines(checkPurity(files))).toEqual([]));

  it('has no file that is where everything happens', () => expect(lines(checkLength(files))).toEqual([]));

  it('has names that say what is inside', () => expect(lines(checkNames(files))).toEqual([]));

  it('explains every export', () => expect(lines(checkExportComments(files))).toEqual([]));

  it('keeps no state in modules', () => expect(lines(checkModuleState(files))).toEqual([]));

  it.runIf(isWhole)('has no dead files', () => expect(lines(checkReachability(files, ENTRIES))).toEqual([]));
});

describe('the dependencies', () => {
  it('are declared', () => expect(lines(checkDeclared(files, dependencies))).toEqual([]));

  it.runIf(isWhole)('are used', () => expect(lines(checkUsed(files, dependencies))).toEqual([]));

  it.runIf(isWhole)('are explained in the README', () => {
    expect(lines(checkExplained(readFileSync(join(root, 'README.md'), 'utf8'), dependencies))).toEqual([]);
  });
});
