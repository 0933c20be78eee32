import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError } from '../../../base/errors.ts';
import { isScriptName } from '../../../wire/rotation-profile.ts';

/** One run of an operator's script. */
export interface ScriptInit {
  readonly folder: string;
  /** File name inside the folder. */
  readonly name: string;
  /** What it reads; may hold secrets, so it is no argument. */
  readonly input: string;
  readonly ms: number;
  readonly signal: AbortSignal;
}

/** How it ended. */
export interface ScriptResult {
  readonly name: string;
  readonly code: number;
  /** stdout and stderr, printable, the first `SCRIPT_OUTPUT_MAX` characters. */
  readonly output: string;
}

/** What is kept of a script's words. */
export const SCRIPT_OUTPUT_MAX = 4000;

const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } as const;
/** Between asking a script to end and ending it. */
const KILL_MS = 2000;

/** Runs a script in a minimal environment, with limits. Throws `bad-usage` for what is no safe script, `target-timeout`, `cancelled`. */
export async function runScript({ folder, name, input, ms, signal }: ScriptInit): Promise<ScriptResult> {
  const path = safePath(folder, name);
  const child = spawn(path, [], { cwd: folder, env: ENVIRONMENT, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let output = '';
  const take = (chunk: Buffer): void => {
    if (output.length < SCRIPT_OUTPUT_MAX) output += chunk.toString('latin1').replace(/[^\x20-\x7e\n]+/g, ' ');
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const timeout = AbortSignal.timeout(ms);
  const ended = AbortSignal.any([signal, timeout]);
  const onEnded = (): void => stopGroup(child.pid);
  ended.addEventListener('abort', onEnded, { once: true });
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (signal.aborted) throw new GatewayError('cancelled', `script ${name} was cancelled`);
    if (timeout.aborted) throw new GatewayError('target-timeout', `script ${name} did not end within ${ms / 1000} s`);
    return { name, code: code ?? 255, output: output.slice(0, SCRIPT_OUTPUT_MAX) };
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError('bad-usage', `script ${name} cannot be run: ${error instanceof Error ? error.message : ''}`);
  } finally {
    ended.removeEventListener('abort', onEnded);
  }
}

/** The script with everything it has started: a group of its own. */
function stopGroup(processId: number | undefined): void {
  if (processId === undefined) return;
  const signalGroup = (name: NodeJS.Signals): void => {
    try {
      process.kill(-processId, name);
    } catch {
      // It has ended by itself.
    }
  };
  signalGroup('SIGTERM');
  setTimeout(() => signalGroup('SIGKILL'), KILL_MS).unref();
}

/** A plain file in the folder that only its owner can change: whoever could change it would get the credentials. */
function safePath(folder: string, name: string): string {
  if (!isScriptName(name)) throw new GatewayError('bad-usage', `"${name.slice(0, 100)}" is no name of a script`);
  const path = join(folder, name);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile())
    throw new GatewayError('bad-usage', `there is no script ${path} on this instance`);
  if ((found.mode & 0o022) !== 0)
    throw new GatewayError('bad-usage', `script ${path} can be changed by others than its owner; chmod go-w it`);
  return path;
}
