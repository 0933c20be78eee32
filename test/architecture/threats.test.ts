/** The threat model names a test with real processes for everything it claims. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(join(root, 'src/THREATS.md'), 'utf8');

/** Where whole programs are started. */
const REAL = /^test\/(e2e|cli)\/[a-z-]+\.test\.ts$/;

interface Proof {
  readonly file: string;
  readonly title: string;
}

/** What stands in the right column of a row: files, each followed by titles of tests in it. */
function proofsOf(row: string): readonly Proof[] {
  const cell = row.split(' | ').at(-1) ?? '';
  let file = '';
  return [...cell.matchAll(/`(test\/[^`]+)`|"([^"]+)"/g)].flatMap(([, path, title]) => {
    file = path ?? file;
    return title === undefined ? [] : [{ file, title }];
  });
}

/** Rows of the tables whose right column is called "shown by". */
function rows(): readonly string[] {
  return text
    .split(/^\| \| shown by \|\n\| --- \| --- \|\n/m)
    .slice(1)
    .flatMap((after) => {
      const lines = after.split('\n');
      const end = lines.findIndex((line) => !line.startsWith('|'));
      return lines.slice(0, end);
    });
}

function fault({ file, title }: Proof): string[] {
  if (!REAL.test(file) || !existsSync(join(root, file))) return [`${file} is no test with real processes`];
  const source = readFileSync(join(root, file), 'utf8').replaceAll("\\'", "'");
  return source.includes(title) ? [] : [`${file} has no test "${title}"`];
}

it('every claim of the threat model names tests that exist', () => {
  const claims = rows();
  expect(claims.length).toBeGreaterThan(20);
  expect(claims.filter((row) => proofsOf(row).length === 0)).toEqual([]);
  expect(claims.flatMap((row) => proofsOf(row).flatMap(fault))).toEqual([]);
});

it('every actor has a section with claims', () => {
  const actors = [
    'An outsider',
    'A user without',
    'A user with a',
    'The holder',
    'A hostile',
    'A stolen disk',
    'An admin key',
  ];
  for (const actor of actors) expect(text).toContain(`## ${actor}`);
  expect(text.match(/\| \| shown by \|/g)).toHaveLength(actors.length);
});
