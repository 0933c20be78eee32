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
  return files
    .filter(({ path, text }) => PURE_FILE.test(path) || (path.startsWith('src/') && PURE_COMMENT.test(text)))
    .flatMap(({ path, body, imports }) => {
      const found = [
        ...(PURE_FILE.test(path) ? imports.flatMap(impureImport) : []),
        ...body.flatMap((statement) => [...nodesOf(statement)].flatMap(impureSyntax)),
        ...body.flatMap((statement) => namesUsed(statement).filter((name) => GLOBALS.has(name))),
      ];
      return [...new Set(found)].map((what) => ({ path, reason: `what is pure may not use ${what}` }));
    });
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
  if (node.type !== 'MemberExpression') return [];
  const name = (node['property'] as AstNode)['name'];
  if (typeof name !== 'string') return [];
  if (name === 'random' && (node['object'] as AstNode)['name'] === 'Math') return ['Math.random'];
  return MEMBERS.has(name) ? [name] : [];
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
