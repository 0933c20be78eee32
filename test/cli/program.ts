/** The two programs as processes: what they print, and how they end. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Assemble, runCommand } from '../../src/cli/frame/run-program.ts';
import type { Terminal } from '../../src/cli/frame/terminal.ts';
import { styleOf } from './golden.ts';

/** How a process ended and what it printed. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Which program, with what. */
export interface RunInit {
  readonly program: 'gateway' | 'pam';
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command line inside this process, with what it prints caught. */
export async function runInside(assemble: Assemble, args: readonly string[], env: Terminal['env'] = {}): Promise<Ran> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const terminal: Terminal = {
    env,
    signal: new AbortController().signal,
    print: (text) => void stdout.push(`${text}\n`),
    printJson: (document) => void stdout.push(`${JSON.stringify(document)}\n`),
    note: (text) => void stderr.push(`${text}\n`),
    style: () => styleOf(120),
  };
  const code = await runCommand(assemble, args, terminal);
  return { code, stdout: stdout.join(''), stderr: stderr.join('') };
}

/** What a program is, uncompiled. */
export function packageMain(program: 'gateway' | 'pam'): string {
  return fileURLToPath(new URL(`../../src/cli/${program}/main.ts`, import.meta.url));
}

/** Starts a program with a clean environment of its own. */
export function start({ program, args, env = {} }: RunInit): ChildProcess {
  const main = packageMain(program);
  // As the launcher does: compiled code is kept, or most of the time goes into compiling libraries anew.
  const cache = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));
  const base = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', NODE_COMPILE_CACHE: cache };
  return spawn(process.execPath, [main, ...args], { env: { ...base, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs a program to its end. */
export async function run(init: RunInit): Promise<Ran> {
  return follow(start(init));
}

/** Waits for the end of a process that was started. */
export async function follow(child: ChildProcess): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text) => (stderr += text));
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

/** The last line of a text. */
export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
