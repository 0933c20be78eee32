/** The cache of resolutions, on a package of its own with one dependency. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const LAUNCHER = new URL('../../src/launcher/resolution-cache.js', import.meta.url).href;
let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'resolutions-'));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  write('main.js', `import { say } from 'greeting'; import './more.js'; say();`);
  write('more.js', '');
  install('greeting', 'first');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  writeFileSync(join(root, path), text);
}

/** Puts a package there as npm does, with its main file under a name of this version. */
function install(name: string, version: string): void {
  const folder = join(root, 'node_modules', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, type: 'module', exports: `./${version}.js` }));
  writeFileSync(join(folder, `${version}.js`), `export const say = () => console.log('${version}');`);
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), version);
}

function run(): string {
  const script = `
    import { keepResolutions } from '${LAUNCHER}';
    keepResolutions({ packageRoot: ${JSON.stringify(root)}, folder: ${JSON.stringify(join(root, 'cache'))} });
    await import(${JSON.stringify(join(root, 'main.js'))});`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  return stdout + stderr;
}

const TWICE = 2;
const cache = (): string => join(root, 'cache', 'resolutions.json');

describe('the cache of resolutions', () => {
  it('answers the next run', () => {
    expect(run()).toBe('first\n');
    const kept = readFileSync(cache(), 'utf8');
    expect(JSON.parse(kept).found).toMatchObject({
      'greeting main.js': ['node_modules/greeting/first.js', 'module'],
    });
    // What was found is believed: an import that would fail now is answered from the cache.
    writeFileSync(join(root, 'node_modules', 'greeting', 'package.json'), '{"name":"greeting","exports":{}}');
    expect(run()).toContain('first');
  });

  it('leaves alone what is required, of whatever kind', () => {
    write('old.cjs', `console.log(require('./package.json').type, require('./older.cjs'));`);
    write('older.cjs', 'module.exports = 1;');
    write('main.js', `import './old.cjs';`);
    for (let time = 0; time < TWICE; time++) expect(run()).toBe('module 1\n');
  });

  it('counts for nothing once something else is installed', () => {
    run();
    install('greeting', 'second');
    expect(run()).toBe('second\n');
  });

  it('does without where it is damaged, or cannot be written', () => {
    run();
    writeFileSync(cache(), '{"stamp":');
    expect(run()).toBe('first\n');
    rmSync(join(root, 'cache'), { recursive: true });
    writeFileSync(join(root, 'cache'), 'a file where the folder should be');
    expect(run()).toBe('first\n');
    expect(existsSync(cache())).toBe(false);
  });
});
