/** When a checkout needs its dependencies installed. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isInstalled } from '../../src/launcher/install.js';

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

type Packages = Record<string, { version?: string; optional?: boolean }>;

/** A checkout whose lock file and whose note of what npm installed hold the given packages. */
function checkout({ locked, installed }: { locked: Packages; installed?: Packages }): string {
  const folder = mkdtempSync(join(tmpdir(), 'install-'));
  folders.push(folder);
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...locked } }));
  if (installed === undefined) return folder;
  mkdirSync(join(folder, 'node_modules'));
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), JSON.stringify({ packages: installed }));
  return folder;
}

describe('the dependencies of a checkout', () => {
  const locked = { 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0', optional: true } };

  it.each([
    ['are installed when every version is the locked one', { 'node_modules/a': { version: '1.0.0' } }, true],
    ['are stale when a version differs', { 'node_modules/a': { version: '1.0.1' } }, false],
    [
      'are stale when an optional one has another version',
      { ...locked, 'node_modules/b': { version: '1.0.0' } },
      false,
    ],
    ['are stale when one is missing', {}, false],
    ['are missing on a fresh clone', undefined, false],
  ])('%s', (_, installed: Packages | undefined, expected) => {
    expect(isInstalled(checkout(installed === undefined ? { locked } : { locked, installed }))).toBe(expected);
  });
});
