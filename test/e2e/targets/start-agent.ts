/** Starts agents, and ends them with their test. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import type { Place } from '../harness/program.ts';
import type { Calls } from './agent.ts';

const AGENT = fileURLToPath(new URL('agent.ts', import.meta.url));
const ANSWER_MS = 60_000;

/** Agents in a place. */
export interface Agents {
  /** Serves an echo; the answer is its port. */
  echo(place: Place, host: string): Promise<number>;
  call(place: Place, port: number, count: number): Promise<Calls>;
}

/** Agents that end with the test. */
export function useAgents(): Agents {
  const running = new Set<ChildProcess>();
  const end = (): void => {
    for (const child of running) child.kill('SIGKILL');
    running.clear();
  };
  process.on('exit', end);
  afterEach(end);
  const start = async ({ enter }: Place, words: readonly string[]): Promise<string> => {
    const [command = process.execPath, ...args] = [...enter, process.execPath, AGENT, ...words];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    running.add(child);
    const [line] = await once(child.stdout.setEncoding('utf8'), 'data', { signal: AbortSignal.timeout(ANSWER_MS) });
    return String(line);
  };
  return {
    echo: async (place, host) => Number(await start(place, ['echo', host])),
    call: async (place, port, count) => JSON.parse(await start(place, ['call', String(port), String(count)])),
  };
}
