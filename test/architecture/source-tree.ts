/** The source files of the project, parsed: what the checks of this folder look at. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { parseSync } from 'vite';

/** One file, with its place in the tree. */
export interface SourceFile {
  /** From the root of the project, with forward slashes: `src/base/ids.ts`. */
  readonly path: string;
  readonly text: string;
  readonly body: readonly AstNode[];
  readonly imports: readonly Import[];
}

/** Any node of the syntax tree (ESTree with TypeScript's additions); the checks look at few of its kinds. */
export interface AstNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** One file's use of another one or of a package. */
export interface Import {
  /** As written: `./ids.ts`, `node:crypto`, `zod`. */
  readonly specifier: string;
  /** The path of the file when the specifier is relative. */
  readonly target: string | undefined;
  /** Gone at run time. */
  readonly typeOnly: boolean;
  /** What is taken by name; empty for a namespace, a side effect or a dynamic import. */
  readonly names: readonly string[];
}

/** A rule that does not hold: where, and what to do. */
export interface Violation {
  readonly path: string;
  readonly reason: string;
}

/** Reads and parses every source file below the given folders of `root`. */
export function loadSourceTree(root: string, folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((path) => posix.join(folder, path.split(sep).join('/')))
      .filter((path) => /\.[jt]s$/.test(path))
      .sort()
      .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8'))),
  );
}

/** Parses one file. A file that is not valid TypeScript throws: the type check says more about it. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const body = program.body as unknown as readonly AstNode[];
  const imports = body.flatMap((statement) => [...nodesOf(statement)].flatMap((node) => importOf(path, node)));
  return { path, text, body, imports };
}

/** The node and everything in it, parents first. */
export function* nodesOf(node: AstNode): Generator<AstNode> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesOf(child.node);
}

/** The direct children of a node, each with the key it is held under. */
export function childrenOf(node: AstNode): { readonly key: string; readonly node: AstNode }[] {
  return Object.entries(node).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).filter(isNode).map((child) => ({ key, node: child })),
  );
}

function isNode(value: unknown): value is AstNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

function importOf(path: string, node: AstNode): Import[] {
  const specifier = specifierOf(node);
  if (specifier === undefined) return [];
  const specifiers = (Array.isArray(node['specifiers']) ? node['specifiers'] : []) as readonly AstNode[];
  const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
  return [{ specifier, target, typeOnly: isTypeOnly(node, specifiers), names: specifiers.flatMap(importedName) }];
}

/** What a node loads: import and export declarations, `import()` of values and of types, `new URL(file, import.meta.url)`. */
function specifierOf(node: AstNode): string | undefined {
  if (node.type === 'NewExpression') return urlArgument(node);
  if (!/^(Import|ExportNamed|ExportAll)(Declaration|Expression)$|^TSImportType$/.test(node.type)) return undefined;
  return literal(node['source']);
}

function urlArgument(node: AstNode): string | undefined {
  const [file, base] = (node['arguments'] ?? []) as readonly AstNode[];
  const isFile = (node['callee'] as AstNode)['name'] === 'URL' && base?.type === 'MemberExpression';
  const path = isFile ? literal(file) : undefined;
  return path?.startsWith('.') === true && /\.[jt]s$/.test(path) ? path : undefined;
}

function literal(value: unknown): string | undefined {
  return isNode(value) && typeof value['value'] === 'string' ? value['value'] : undefined;
}

function isTypeOnly(node: AstNode, specifiers: readonly AstNode[]): boolean {
  if (node.type === 'TSImportType' || node['importKind'] === 'type' || node['exportKind'] === 'type') return true;
  const kinds = specifiers.map((each) => each['importKind'] ?? each['exportKind']);
  return kinds.length > 0 && kinds.every((kind) => kind === 'type');
}

function importedName(specifier: AstNode): string[] {
  const name = (specifier['imported'] as AstNode | undefined)?.['name'];
  return typeof name === 'string' ? [name] : [];
}
