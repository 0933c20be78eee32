/** Who may import whom: `src/README.md`, "The two halves". */

import type { SourceFile, Violation } from './source-tree.ts';

const PURE = ['base', 'wire', 'core'] as const;
const SIBLINGS = ['config', 'mesh', 'access', 'workloads', 'vault', 'audit', 'recording', 'cron'] as const;

/** What one part of `src` may import of the others. A part is a folder, or a file at the top without its ending. */
interface Part {
  /** Parts whose values, and so whose types, may be imported. */
  readonly values: readonly string[];
  /** Parts of which only types may be imported. */
  readonly types?: readonly string[];
}

/**
 * One line per part. `pool-port` is the contract between the access plane, the control socket and the running instance;
 * `instance` is the composition root.
 */
const PARTS: Readonly<Record<string, Part>> = {
  base: { values: [] },
  wire: { values: ['base'] },
  core: { values: ['base', 'wire'] },
  'pool-port': { values: [], types: PURE },
  config: { values: PURE, types: SIBLINGS },
  mesh: { values: PURE, types: SIBLINGS },
  driver: { values: PURE, types: ['pool-port', ...SIBLINGS] },
  access: { values: ['base', 'wire'], types: ['core', 'pool-port', ...SIBLINGS] },
  workloads: { values: ['base', 'wire'], types: ['core', 'pool-port', ...SIBLINGS] },
  vault: { values: PURE, types: ['pool-port', ...SIBLINGS] },
  cron: { values: ['base'], types: PURE },
  recording: { values: PURE, types: ['pool-port', ...SIBLINGS] },
  audit: { values: PURE, types: ['pool-port', ...SIBLINGS] },
  api: { values: [...PURE, ...SIBLINGS], types: ['pool-port'] },
  dashboard: { values: [...PURE, ...SIBLINGS, 'api'], types: ['pool-port'] },
  instance: { values: [...PURE, ...SIBLINGS, 'driver', 'api', 'dashboard', 'pool-port'] },
  cli: { values: [...PURE, ...SIBLINGS, 'api', 'dashboard', 'instance', 'pool-port'] },
  index: { values: [...PURE, ...SIBLINGS, 'api', 'dashboard', 'instance', 'pool-port'] },
  tour: { values: [...PURE, ...SIBLINGS, 'api', 'cli'] },
  launcher: { values: [] },
};

/** Imports against the direction, and parts that this table does not know. */
export function checkImportDirection(files: readonly SourceFile[]): Violation[] {
  return files.filter(isSource).flatMap((file) => {
    const part = partOf(file.path);
    const rule = PARTS[part];
    if (rule === undefined)
      return [{ path: file.path, reason: `part "${part}" has no place in the import direction yet` }];
    return file.imports.flatMap(({ target, typeOnly }) => {
      if (target === undefined) return [];
      const reason = judge(part, rule, { target, typeOnly });
      return reason === undefined ? [] : [{ path: file.path, reason }];
    });
  });
}

function judge(
  part: string,
  rule: Part,
  { target, typeOnly }: { target: string; typeOnly: boolean },
): string | undefined {
  if (!target.startsWith('src/')) return `imports ${target} from outside src`;
  const other = partOf(target);
  if (other === part || rule.values.includes(other)) return undefined;
  if (rule.types?.includes(other) !== true) return `${part} may not import ${other} (${target})`;
  return typeOnly ? undefined : `${part} may import only types of ${other} (${target})`;
}

/** The face of a folder: `index.ts`, and for what a short-lived client loads without the serving side `client`. */
const FACE = /^src\/[^/]+\/(index|client|client\/index)\.ts$/;

/** Imports of a file inside another part that has a face, past that face. */
export function checkFaces(files: readonly SourceFile[]): Violation[] {
  const faces = new Map(files.filter(({ path }) => FACE.test(path)).map(({ path }) => [partOf(path), path]));
  return files.filter(isSource).flatMap((file) =>
    file.imports.flatMap(({ target }) => {
      if (target === undefined || FACE.test(target) || partOf(target) === partOf(file.path)) return [];
      const face = faces.get(partOf(target));
      if (face === undefined) return [];
      return [{ path: file.path, reason: `imports ${target} past the face of its folder, such as ${face}` }];
    }),
  );
}

/** Source files that no entry reaches. Tests do not count: what only a test uses is dead. */
export function checkReachability(files: readonly SourceFile[], entries: readonly string[]): Violation[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    for (const { target } of byPath.get(path)?.imports ?? []) if (target !== undefined) waiting.push(target);
  }
  const dead = files.filter((file) => isSource(file) && !reached.has(file.path));
  return dead.map(({ path }) => ({ path, reason: 'no program uses it' }));
}

function isSource({ path }: SourceFile): boolean {
  return path.startsWith('src/');
}

function partOf(path: string): string {
  return path.split('/')[1]?.replace(/\.[jt]s$/, '') ?? '';
}
