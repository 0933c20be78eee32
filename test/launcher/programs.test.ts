/** The launcher as users meet it: started by the Node of the host, on a package with stand-ins for the two programs. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findPinnedRuntime, packageRoot, RUNTIME_MAJOR } from '../../src/launcher/runtime.js';

/** Says what it is, then does what the test asks for. */
const STAND_IN = `
const [task, code] = process.argv.slice(2);
process.on('SIGTERM', () => process.exit(7));
process.stdout.write(JSON.stringify({ version: process.version, pid: process.pid, args: process.argv.slice(2) }) + '\\n');
if (task === 'exit') process.exit(Number(code));
if (task === 'wait') setInterval(() => {}, 1000);
`;

/** Starts a program through the child that stands in where a process cannot be replaced. */
const FOLLOWER = `
import { endLike, follow } from './follow.js';
const endWithParent = new URL('./end-with-parent.js', import.meta.url).href;
endLike(await follow(process.argv[2], ['--import', endWithParent, ...process.argv.slice(3)]));
`;

/** Whether this machine can replace a process; see `become.js`. */
const replaceable = !(process.platform === 'linux' && process.arch === 'arm64');
const runtime = findPinnedRuntime() ?? process.execPath;
/** Becomes another program under whichever Node runs it. */
const BECOMER = `
import { become } from './become.js';
await become(process.argv[2], process.argv.slice(3));
`;

const hostNode = findHostNode();
const folder = mkdtempSync(join(tmpdir(), 'launcher-'));
const entry = join(folder, 'dist/cli/gateway/main.js');
const running: ChildProcess[] = [];

beforeAll(() => {
  cpSync(join(packageRoot, 'src/launcher'), join(folder, 'src/launcher'), { recursive: true });
  mkdirSync(dirname(entry), { recursive: true });
  writeFileSync(entry, STAND_IN);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'src/launcher/follower.js'), FOLLOWER);
  writeFileSync(join(folder, 'src/launcher/becomer.js'), BECOMER);
  linkModules();
});

function linkModules(): void {
  symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'), 'dir');
}

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The first Node on the path that is not the one of the package: an old one on many hosts, and none on some. */
function findHostNode(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((path) => !path.includes('node_modules'));
  const candidates = folders.map((path) => join(path, process.platform === 'win32' ? 'node.exe' : 'node'));
  return candidates.find((path) => existsSync(path)) ?? process.execPath;
}

function start(file: string, ...args: string[]): ChildProcess {
  const child = spawn(hostNode, [join(folder, 'src/launcher', file), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  return child;
}

/** The first line the program writes: what it found out about itself. */
async function firstLine(child: ChildProcess): Promise<{ version: string; pid: number; args: string[] }> {
  let text = '';
  while (!text.includes('\n')) {
    const [chunk] = await once(child.stdout as Readable, 'data');
    text += chunk;
  }
  return JSON.parse(text);
}

/** Everything written on both streams, and the exit code. */
async function run(file: string, ...args: string[]): Promise<{ output: string; code: number | null }> {
  return collect(start(file, ...args));
}

async function collect(child: ChildProcess): Promise<{ pid: number | undefined; output: string; code: number | null }> {
  let output = '';
  const add = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  const [code] = await once(child, 'close');
  return { pid: child.pid, output, code };
}

describe('a program started by the Node of the host', () => {
  it('runs under a new enough Node, with its arguments untouched and without a word of its own', async () => {
    const { output, code } = await run('gateway.js', 'exit', '0', 'two words', '--flag');
    expect(code).toBe(0);
    const lines = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(1);
    expect(Number.parseInt(lines[0].version.slice(1), 10)).toBeGreaterThanOrEqual(RUNTIME_MAJOR);
    expect(lines[0].args).toEqual(['exit', '0', 'two words', '--flag']);
  });

  it('hands on the exit code', async () => {
    expect((await run('gateway.js', 'exit', '3')).code).toBe(3);
  });

  it.skipIf(process.platform === 'win32' || !replaceable)('is the very process that was started', async () => {
    const child = start('gateway.js', 'wait');
    expect((await firstLine(child)).pid).toBe(child.pid);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([7, null]);
  });

  it.skipIf(process.platform === 'win32')(
    'is so as well where Node itself can replace a process, without a warning',
    async () => {
      const becomer = join(folder, 'src/launcher/becomer.js');
      const child = spawn(runtime, [becomer, runtime, entry, 'exit', '3'], { stdio: ['ignore', 'pipe', 'pipe'] });
      const { pid, output, code } = await collect(child);
      expect({ lines: output.trim().split('\n').length, code, self: JSON.parse(output).pid === pid }).toEqual({
        lines: 1,
        code: 3,
        self: true,
      });
    },
  );

  it('says what to do when there is no runtime for it', async () => {
    rmSync(join(folder, 'node_modules'));
    try {
      const { output, code } = await run('gateway.js', 'exit', '0');
      // A host whose own Node is new enough needs no other one.
      if (code === 0) return;
      expect(code).toBe(2);
      expect(output).toMatch(/^gateway: needs Node 24 or newer, this is v\d+.*install Node 24, or install again.*\n$/);
    } finally {
      linkModules();
    }
  });
});

describe('a program that stands beside its starter, where a process cannot be replaced', () => {
  it('hands back its exit code', async () => {
    expect((await run('follower.js', runtime, entry, 'exit', '3')).code).toBe(3);
  });

  it('receives the signals sent to the starter', async () => {
    const child = start('follower.js', runtime, entry, 'wait');
    await firstLine(child);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([7, null]);
  });

  it('ends when the starter is killed', async () => {
    const child = start('follower.js', runtime, entry, 'wait');
    const { pid } = await firstLine(child);
    expect(pid).not.toBe(child.pid);
    child.kill('SIGKILL');
    // Its streams close once their last holder, the program, is gone.
    await once(child, 'close');
  });

  it('passes on the signal that killed it', async () => {
    const child = start('follower.js', runtime, entry, 'wait');
    const { pid } = await firstLine(child);
    process.kill(pid, 'SIGKILL');
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
  });
});
