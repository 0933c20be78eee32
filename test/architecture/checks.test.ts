/** Each check of this folder sees the violation it is there for, and leaves alone what only looks like it. */

import { describe, expect, it } from 'vitest';
import { checkDeclared, checkExplained, checkUsed } from './dependencies.ts';
import { checkFaces, checkImportDirection, checkReachability } from './import-direction.ts';
import { checkPurity } from './purity.ts';
import { checkExportComments, checkLength, checkModuleState, checkNames } from './shape.ts';
import { parseSource, type SourceFile, type Violation } from './source-tree.ts';

type Check = (files: readonly SourceFile[]) => readonly Violation[];

/** Runs a check on files that exist only here. */
function violations(check: Check, texts: Readonly<Record<string, string>>): readonly Violation[] {
  return check(Object.entries(texts).map(([path, text]) => parseSource(path, text)));
}

/** One line per case: does the check object to this text at this path? */
function table(check: Check, cases: readonly (readonly [objects: boolean, path: string, text: string])[]): void {
  it.each(cases)('objects: %s, to %s with %j', (objects, path, text) => {
    expect(violations(check, { [path]: text }).length > 0).toBe(objects);
  });
}

describe('the direction of imports', () => {
  table(checkImportDirection, [
    [true, 'src/base/a.ts', "import { b } from '../wire/b.ts';"],
    [true, 'src/base/a.ts', "import type { B } from '../wire/b.ts';"],
    [true, 'src/core/load/a.ts', "export { b } from '../../mesh/index.ts';"],
    [true, 'src/core/a.ts', "const b = import('../mesh/index.ts');"],
    [true, 'src/core/a.ts', "let b: import('../mesh/index.ts').B;"],
    [true, 'src/access/a.ts', "import { b } from '../core/index.ts';"],
    [true, 'src/access/a.ts', "import { type B, c } from '../core/index.ts';"],
    [true, 'src/mesh/a.ts', "import { b } from '../access/index.ts';"],
    [true, 'src/api/a.ts', "import { b } from '../cli/pam/b.ts';"],
    [true, 'src/mesh/a.ts', "import { b } from '../instance.ts';"],
    [true, 'src/cli/a.ts', "import { b } from '../tour/main.ts';"],
    [true, 'src/cli/a.ts', "import { b } from '../launcher/runtime.js';"],
    [true, 'src/cli/a.ts', "import { b } from '../../test/b.ts';"],
    [true, 'src/unheard-of/a.ts', ''],
    [
      false,
      'src/wire/a.ts',
      "import { b } from '../base/b.ts'; import { c } from './c.ts'; import { d } from 'cborg';",
    ],
    [false, 'src/access/a.ts', "import type { B } from '../core/index.ts';"],
    [false, 'src/access/a.ts', "import { type B } from '../mesh/index.ts';"],
    [false, 'src/access/client/a.ts', "import { b } from '../frame.ts';"],
    [false, 'src/instance.ts', "import { b } from './core/index.ts'; import { c } from './mesh/index.ts';"],
    [false, 'src/cli/pam/main.ts', "import { b } from '../../access/index.ts';"],
    [false, 'test/a.ts', "import { b } from '../src/core/b.ts';"],
  ]);
});

describe('faces', () => {
  it('objects to a way past one', () => {
    const texts = { 'src/mesh/index.ts': '', 'src/mesh/b.ts': '', 'src/api/a.ts': "import { b } from '../mesh/b.ts';" };
    expect(violations(checkFaces, texts)).toHaveLength(1);
  });

  it('has nothing against folders without one, nor against the face', () => {
    const texts = {
      'src/mesh/index.ts': '',
      'src/wire/b.ts': '',
      'src/mesh/c.ts': "import './b.ts';",
      'src/api/a.ts': "import { b } from '../mesh/index.ts'; import { c } from '../wire/b.ts';",
      'src/cli/a.ts': "import { d } from '../api/client.ts'; import { e } from '../mesh/client/index.ts';",
    };
    expect(violations(checkFaces, texts)).toEqual([]);
  });
});

describe('dead files', () => {
  const reach: Check = (files) => checkReachability(files, ['src/main.ts']);

  it('objects to a file that only a test and another dead file use', () => {
    const texts = {
      'src/main.ts': '',
      'src/a.ts': '',
      'src/b.ts': "import './a.ts';",
      'test/a.test.ts': "import '../src/b.ts';",
    };
    expect(violations(reach, texts).map(({ path }) => path)).toEqual(['src/a.ts', 'src/b.ts']);
  });

  it('follows every way of loading a file', () => {
    const texts = {
      'src/main.ts':
        "import './a.ts'; export * from './b.ts'; await import('./c.ts'); new URL('./d.ts', import.meta.url);",
      'src/a.ts': "import type { E } from './e.ts'; let f: import('./f.ts').F;",
      'src/b.ts': "export { g } from './g.ts';",
      ...Object.fromEntries(['c', 'd', 'e', 'f', 'g'].map((name) => [`src/${name}.ts`, ''])),
    };
    expect(violations(reach, texts)).toEqual([]);
  });
});

describe('purity', () => {
  table(checkPurity, [
    [true, 'src/core/a.ts', 'export async function f() {}'],
    [true, 'src/core/a.ts', 'const f = async () => 1;'],
    [true, 'src/core/a.ts', 'let p: Promise<number>;'],
    [true, 'src/core/a.ts', 'const now = Date.now();'],
    [true, 'src/core/a.ts', 'const now = performance.now();'],
    [true, 'src/core/a.ts', 'const x = Math.random();'],
    [true, 'src/core/a.ts', 'setTimeout(f, 1);'],
    [true, 'src/core/a.ts', 'const e = process.env;'],
    [true, 'src/core/a.ts', "console.log('x');"],
    [true, 'src/core/a.ts', 'names.sort((a, b) => a.localeCompare(b));'],
    [true, 'src/core/a.ts', "import { readFileSync } from 'node:fs';"],
    [true, 'src/core/a.ts', "import { randomBytes } from 'node:crypto';"],
    [true, 'src/core/a.ts', "import * as crypto from 'node:crypto';"],
    [true, 'src/wire/a.ts', "import { z } from 'zod';"],
    [true, 'src/mesh/a.ts', '/**\n * Pure: chooses an address.\n */\nconst now = Date.now();'],
    [true, 'src/mesh/a.ts', '/** Pure: a time. */\nconst now = new Date();'],
    [
      false,
      'src/mesh/a.ts',
      '/** Pure: a time. */\nconst text = new Date(unixMs).toISOString(); const ms = Date.parse(text);',
    ],
    [true, 'src/core/a.ts', 'const text = new Date(unixMs).toISOString();'],
    [true, 'src/mesh/a.ts', '/** Pure: chooses an address. */\nconst now = Date.now();'],
    [false, 'src/mesh/a.ts', '/** Chooses an address. */\nconst now = Date.now();'],
    [false, 'src/mesh/a.ts', "/** Pure: an address. */\nimport { isIP } from 'node:net';"],
    [false, 'src/core/a.ts', '// No Promise, no Date.now().\nconst text = "Date";'],
    [false, 'src/core/a.ts', 'const x = machine.process; const y = { console: 1, Date: 2 }; const z = Math.max(1, 2);'],
    [false, 'src/core/a.ts', "import { createHash } from 'node:crypto'; import { encode } from 'cborg';"],
    [false, 'src/base/a.ts', "import { base58btc } from 'multiformats/bases/base58';"],
  ]);
});

describe('length', () => {
  table(checkLength, [[false, 'src/base/a.ts', '\n'.repeat(400)]]);

  it('objects to one line more', () => {
    expect(violations(checkLength, { 'src/base/a.ts': '\n'.repeat(401) })).toHaveLength(1);
  });
});

describe('names', () => {
  table(checkNames, [
    [true, 'src/base/utils.ts', ''],
    [true, 'src/wire/common/a.ts', ''],
    [true, 'test/mesh/test-helpers.ts', ''],
    [true, 'src/wire/types.ts', ''],
    [true, 'src/wire/memberRecord.ts', ''],
    [false, 'src/wire/member-record.ts', ''],
    [false, 'test/wire/member-record.test.ts', ''],
  ]);
});

describe('comments of exports', () => {
  table(checkExportComments, [
    [true, 'src/a.ts', 'export const a = 1;'],
    [true, 'src/a.ts', '/** Module. */\n\nexport const a = 1;'],
    [true, 'src/a.ts', '/** A. */\nexport const a = 1;\nexport const b = 1;'],
    [true, 'src/a.ts', '// A.\nexport interface A {}'],
    [true, 'src/a.ts', 'export type A = 1;'],
    [true, 'src/a.ts', 'export class A {}'],
    [false, 'src/a.ts', '/** A. */\nexport function a() {}'],
    [false, 'src/a.ts', '/**\n * A.\n */\nexport abstract class A {}'],
    [false, 'src/a.ts', "export { a } from './b.ts';\nexport * from './c.ts';"],
    [
      false,
      'src/a.ts',
      '/** A. */\nexport function a(x: 1): 1;\nexport function a(x: 2): 2;\nexport function a(x: any) { return x; }',
    ],
    [false, 'test/a.ts', 'export const a = 1;'],
  ]);
});

describe('state of modules', () => {
  table(checkModuleState, [
    [true, 'src/a.ts', 'let count = 0;'],
    [true, 'src/a.ts', 'export let count = 0;'],
    [false, 'src/a.ts', 'const table = [1];\nfunction f() { let x = 1; return x; }'],
  ]);
});

describe('dependencies', () => {
  it('objects to a package that is imported and not declared', () => {
    const check: Check = (files) => checkDeclared(files, ['zod', '@libp2p/tcp']);
    const text = "import 'zod/v4'; import '@libp2p/tcp'; import 'node:net'; import 'fast-check';";
    expect(violations(check, { 'src/a.ts': text }).map(({ reason }) => reason)).toEqual([
      'imports fast-check, which is not among the dependencies',
    ]);
  });

  it('objects to a dependency nobody uses', () => {
    const check: Check = (files) => checkUsed(files, ['zod', 'yaml', 'pino-pretty']);
    const text = "import 'zod'; start({ target: 'pino-pretty' });";
    expect(violations(check, { 'src/a.ts': text, 'test/a.ts': "import 'yaml';" })).toHaveLength(1);
  });

  it('objects to a dependency the README does not explain', () => {
    const readme = 'Uses `yaml` a lot.\n\n| package | why |\n| --- | --- |\n| `zod` | configuration |\n';
    expect(checkExplained(readme, ['zod', 'yaml'])).toHaveLength(1);
  });
});
