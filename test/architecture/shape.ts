/** What a file must look like: its length, its name, its comments, no state of its own. */

import type { AstNode, SourceFile, Violation } from './source-tree.ts';

/** Lines. A file above is several things. */
const FILE_LINES_MAX = 400;

/** Names that say nothing about what is inside. */
const EMPTY_NAMES = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'type', 'types', 'misc']);

/** Files that have grown too long. */
export function checkLength(files: readonly SourceFile[]): Violation[] {
  return files
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > FILE_LINES_MAX)
    .map(({ path, lines }) => ({
      path,
      reason: `${lines} lines, ${FILE_LINES_MAX} at most: split it by what it does`,
    }));
}

/** Files and folders named after nothing, or not in kebab-case. */
export function checkNames(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path }) => {
    const names = path.split('/').map((name) => name.replace(/\..*$/, ''));
    const empty = names.filter((name) => name.split('-').some((word) => EMPTY_NAMES.has(word)));
    const odd = names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name));
    return [
      ...empty.map((name) => ({ path, reason: `"${name}" does not say what is inside` })),
      ...odd.map((name) => ({ path, reason: `"${name}" is not in kebab-case` })),
    ];
  });
}

/** Exports of `src` without a comment right before them. Names that are passed on are explained where they are made. */
export function checkExportComments(files: readonly SourceFile[]): Violation[] {
  return sources(files).flatMap(({ path, text, body }) => {
    const exported = body.filter(
      ({ type, declaration }) => /^Export(Named|Default)Declaration$/.test(type) && declaration,
    );
    return exported
      .filter((node, index) => !isCommented(text, node) && !isOverloadOf(exported[index - 1], node))
      .map((node) => ({ path, reason: `${exportedName(node)} is exported without a comment right before it` }));
  });
}

function isCommented(text: string, { start }: AstNode): boolean {
  return /\*\/\s*$/.test(text.slice(0, start)) && !/\*\/\s*\n\s*\n\s*$/.test(text.slice(0, start));
}

function isOverloadOf(previous: AstNode | undefined, node: AstNode): boolean {
  const declaration = previous?.['declaration'] as AstNode | undefined;
  return declaration?.type === 'TSDeclareFunction' && exportedName(previous as AstNode) === exportedName(node);
}

function exportedName(node: AstNode): string {
  const declaration = node['declaration'] as AstNode;
  const first = (declaration['declarations'] as readonly AstNode[] | undefined)?.[0] ?? declaration;
  return String((first['id'] as AstNode | null)?.['name'] ?? 'the default');
}

/** Variables of a module that change: they make two instances in one process one. */
export function checkModuleState(files: readonly SourceFile[]): Violation[] {
  return sources(files).flatMap(({ path, body }) =>
    body
      .map((node) => (node['declaration'] ?? node) as AstNode)
      .filter(({ type, kind }) => type === 'VariableDeclaration' && kind !== 'const')
      .map(() => ({ path, reason: 'a variable of the module that changes; pass the state in' })),
  );
}

function sources(files: readonly SourceFile[]): SourceFile[] {
  return files.filter(({ path }) => path.startsWith('src/'));
}
