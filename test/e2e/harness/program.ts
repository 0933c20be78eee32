/** The two programs as processes: how they are started and what they say. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { findPinnedRuntime, isRuntime, packageRoot } from '../../../src/launcher/runtime.js';

/** Where a process runs: on this machine as it is, or inside a network namespace. */
export interface Place {
  /** Words before the command; the last of them replaces itself by the command, so that its process is the command's. */
  readonly enter: readonly string[];
}

/** What a program is started with. */
export interface ProgramInit {
  readonly program: 'gateway' | 'pam';
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly place?: Place | undefined;
  /** What it reads on stdin; nothing unless said. */
  readonly input?: string;
}

const RUNTIME = isRuntime() ? process.execPath : (findPinnedRuntime() ?? process.execPath);

/** Starts one of the programs as a user does, with nothing of this process's own settings. */
export function startProgram({ program, args, env, place, input }: ProgramInit): ChildProcess {
  const [command = RUNTIME, ...words] = [
    ...(place?.enter ?? []),
    RUNTIME,
    join(packageRoot, 'src', 'launcher', `${program}.js`),
    ...args,
  ];
  const child = spawn(command, words, {
    env: { ...cleanEnvironment(), ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(input);
  return child;
}

/** What a command ended with. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line on stderr, where refusals stand. */
  readonly lastLine: string;
  readonly elapsedMs: number;
}

/** Most time that a command may take unless it says otherwise. */
const COMMAND_MS = 30_000;

/** Runs a command to its end. */
export async function runCommand(init: ProgramInit & { readonly within?: number }): Promise<CommandResult> {
  const beganAtMs = performance.now();
  const child = startProgram(init);
  const late = setTimeout(() => child.kill('SIGKILL'), init.within ?? COMMAND_MS);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  try {
    const [code]: unknown[] = await once(child, 'close');
    const lines = stderr.text().trimEnd().split('\n');
    return {
      code: typeof code === 'number' ? code : null,
      stdout: stdout.text(),
      stderr: stderr.text(),
      lastLine: lines.at(-1) ?? '',
      elapsedMs: Math.round(performance.now() - beganAtMs),
    };
  } finally {
    clearTimeout(late);
  }
}

function collect(stream: Readable | null): { text(): string } {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { text: () => Buffer.concat(chunks).toString() };
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(?:PAM|GATEWAY)_|^(?:NODE_OPTIONS|NODE_ENV|NO_COLOR|FORCE_COLOR)$|^VITEST/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
