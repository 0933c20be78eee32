/** What the pure half may not contain: a clock, chance, waiting, input and output, or anything that differs by place. */

import { type AstNode, childrenOf, type Import, nodesOf, type SourceFile, type Violation } from './source-tree.ts';

const PURE_FILE = /^src\/(base|wire|core)\//;

/** How the module comment of a pure file elsewhere begins. Such a file may import what it likes, as long as it does nothing impure. */
const PURE_COMMENT = /^\/\*\*[\s*]*Pure:/;

/** Globals whose very name is a violation, as a value or as a type. */
const GLOBALS = new Set(
  `Promise Date performance setTimeout setInterval setImmediate queueMicrotask process console fetch crypto globalThis Intl
  WebSocket AbortSignal AbortController require`.split(/\s+/),
);

/** Members that bring in chance or the language of the machine. */
const MEMBERS = new Set(['localeCompare', 'toLocaleString', 'toLocaleLowerCase', 'toLocaleUpperCase']);

/** Synchronous functions of Node whose result depends on their arguments alone, and the types that go with them. */
const NODE_NAMES: Readonly<Record<string, ReadonlySet<string>>> = {
  'node:crypto': new Set(
    'createHash createHmac hkdfSync hash sign verify createPrivateKey createPublicKey timingSafeEqual KeyObject'.split(
      ' ',
    ),
  ),
  'node:util': new Set(['inspect']),
  'node:assert': new Set(['ok', 'strictEqual', 'AssertionError']),
};

/** Packages that are pure themselves. */
const PACKAGES = /^(cborg|multiformats)(\/|$)/;

/** Everything impure in the files of the pure half. */
export function checkPurity(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) => {
    if (PURE_FILE.test(file.path))
      return violations(file, [...file.imports.flatMap(impureImport), ...impureCode(file, GLOBALS)]);
    // Outside of the pure half a given time may be written and read as text.
    if (file.path.startsWith('src/') && PURE_COMMENT.test(file.text)) {
      return violations(file, impureCode(file, new Set([...GLOBALS].filter((name) => name !== 'Date'))));
    }
    return [];
  });
}

function violations({ path }: SourceFile, found: readonly string[]): Violation[] {
  return [...new Set(found)].map((what) => ({ path, reason: `what is pure may not use ${what}` }));
}

function impureCode({ body }: SourceFile, globals: ReadonlySet<string>): string[] {
  return body.flatMap((statement) => [
    ...[...nodesOf(statement)].flatMap(impureSyntax),
    ...namesUsed(statement).filter((name) => globals.has(name)),
  ]);
}

function impureImport({ specifier, target, names }: Import): string[] {
  if (target !== undefined || PACKAGES.test(specifier)) return [];
  const allowed = NODE_NAMES[specifier];
  if (allowed === undefined || names.length === 0) return [specifier];
  return names.filter((name) => !allowed.has(name)).map((name) => `${name} of ${specifier}`);
}

function impureSyntax(node: AstNode): string[] {
  if (node['async'] === true) return ['async functions'];
  if (node.type === 'AwaitExpression' || node['await'] === true) return ['await'];
  if (readsClock(node)) return ['the clock'];
  if (node.type !== 'MemberExpression') return [];
  const name = nameOf(node['property']);
  if (typeof name !== 'string') return [];
  if (name === 'random' && nameOf(node['object']) === 'Math') return ['Math.random'];
  return MEMBERS.has(name) ? [name] : [];
}

/** `new Date()` and `Date.now`, as opposed to a time that is given. */
function readsClock(node: AstNode): boolean {
  if (node.type === 'NewExpression')
    return nameOf(node['callee']) === 'Date' && (node['arguments'] as unknown[]).length === 0;
  return node.type === 'MemberExpression' && nameOf(node['object']) === 'Date' && nameOf(node['property']) === 'now';
}

function nameOf(node: unknown): unknown {
  return (node as AstNode)['name'];
}

/** Names that stand for something, as opposed to names of members and keys: `process` but not `machine.process`. */
function namesUsed(node: AstNode): string[] {
  const isFixed = node['computed'] !== true;
  const own = node.type === 'Identifier' ? [String(node['name'])] : [];
  const inner = childrenOf(node)
    .filter(({ key }) => !(isFixed && (key === 'property' || key === 'key' || key === 'label')))
    .flatMap(({ node: child }) => namesUsed(child));
  return [...own, ...inner];
}
