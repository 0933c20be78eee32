/** Real servers as processes of the test: they run as the user they insist on, on a free port, in a folder of their own, and end with the test run. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** How a server is started. */
export interface ServiceInit {
  readonly folder: string;
  /** Whom it runs as where the tests run as root. */
  readonly user: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Ends it in order. */
  readonly stopSignal: NodeJS.Signals;
  /** What it says when it serves. */
  readonly ready: RegExp;
}

/** A running server. */
export interface Service {
  readonly processId: number;
  /** The last lines it said. */
  lines(): readonly string[];
  /** Ends it in order. */
  stop(): Promise<void>;
}

const READY_MS = 30_000;
const LINES_KEPT = 60;

/** The first file that exists of the patterns, the newest version of each; undefined if the program is not installed. */
export function findProgram(patterns: readonly string[]): string | undefined {
  const found = patterns.flatMap((pattern) =>
    globSync(pattern).sort((left, right) => right.localeCompare(left, 'en', { numeric: true })),
  );
  return found.find((path) => existsSync(path));
}

/** A folder that belongs to the user. */
export function makeServiceFolder(name: string, user: string): string {
  const folder = mkdtempSync(join(tmpdir(), `pam-${name}-`));
  giveTo(user, folder);
  return folder;
}

/** Gives files to the user, as far as this process may. */
export function giveTo(user: string, ...paths: readonly string[]): void {
  if (isRoot()) execFileSync('chown', ['-R', `${user}:`, ...paths]);
}

/** Words before a command that make it run as the user, and end when this process is gone, however that ends. */
function asUser(user: string, endSignal: string): readonly string[] {
  const who = isRoot() ? [`--reuid=${user}`, `--regid=${user}`, '--init-groups'] : [];
  return ['setpriv', ...who, '--pdeathsig', endSignal, '--'];
}

/** Runs a command of the user to its end. */
export function runAs(user: string, words: readonly string[]): void {
  const [command = '', ...args] = [...asUser(user, 'KILL'), ...words];
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: '/', encoding: 'utf8' });
  if (status !== 0) throw new Error(`${words[0]} ended with ${status}: ${stderr}${stdout}`);
}

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await once(server.close(), 'close');
  return address === null || typeof address === 'string' ? 0 : address.port;
}

/** Starts a server and waits until it says that it serves; the error is what it said instead. */
export async function startService({ folder, user, command, args, stopSignal, ready }: ServiceInit): Promise<Service> {
  const [program = '', ...words] = [...asUser(user, stopSignal.slice('SIG'.length)), command, ...args];
  const child = spawn(program, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close');
  const lines: string[] = [];
  try {
    await isServing({ child, lines, ready });
  } catch (error) {
    child.kill('SIGKILL');
    await closed;
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    processId: child.pid ?? 0,
    lines: () => lines,
    async stop() {
      child.kill(stopSignal);
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isServing({
  child,
  lines,
  ready,
}: {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ready: RegExp;
}): Promise<void> {
  const serving = Promise.withResolvers<void>();
  const said = (): string => `the server is not ready; it has said:\n${lines.join('\n')}`;
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      if (lines.push(line) > LINES_KEPT) lines.shift();
      if (ready.test(line)) serving.resolve();
    });
  }
  const late = setTimeout(() => serving.reject(new Error(said())), READY_MS);
  child.once('error', serving.reject);
  child.once('close', () => serving.reject(new Error(said())));
  try {
    await serving.promise;
  } finally {
    clearTimeout(late);
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
