/** Packages: what is imported is declared, what is declared is used and explained. */

import type { SourceFile, Violation } from './source-tree.ts';

/** Packages that `src` imports and an installation would lack. */
export function checkDeclared(files: readonly SourceFile[], dependencies: readonly string[]): Violation[] {
  return files
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap(({ path, imports }) =>
      imports
        .filter(({ specifier, target }) => target === undefined && !specifier.startsWith('node:'))
        .map(({ specifier }) => packageOf(specifier))
        .filter((name) => !dependencies.includes(name))
        .map((name) => ({ path, reason: `imports ${name}, which is not among the dependencies` })),
    );
}

/** Dependencies whose name no file of `src` contains. */
export function checkUsed(files: readonly SourceFile[], dependencies: readonly string[]): Violation[] {
  const text = files.filter(({ path }) => path.startsWith('src/')).map((file) => file.text);
  return dependencies
    .filter((name) => !text.some((each) => each.includes(`'${name}`)))
    .map((name) => ({ path: 'package.json', reason: `no file uses the dependency ${name}` }));
}

/** Dependencies without a line in the README's table of dependencies. */
export function checkExplained(readme: string, dependencies: readonly string[]): Violation[] {
  const rows = readme.split('\n').filter((line) => line.startsWith('|'));
  return dependencies
    .filter((name) => !rows.some((row) => row.includes(`\`${name}\``)))
    .map((name) => ({ path: 'README.md', reason: `the table of dependencies does not say why ${name} is there` }));
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
