/** The peer: HashiCorp Serf agents, each a process, with the settings for a local network. */

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { needs, until } from '../../e2e/harness/until.ts';
import { freePort } from '../free-port.ts';
import type { Bench } from '../part.ts';

const SERF = '/usr/bin/serf';
const READY_MS = 60_000;
const run = promisify(execFile);

/** One agent. */
export interface SerfAgent {
  readonly name: string;
  readonly processId: number;
  /** Names of members that it holds for alive. */
  alive(): Promise<readonly string[]>;
  kill(): void;
}

/** Why there is none on this machine, or undefined. */
export function serfMissing(): string | undefined {
  return existsSync(SERF) ? undefined : `${SERF} is not installed (Debian: serf)`;
}

/** Its version. */
export function serfVersion(): string {
  return execFileSync(SERF, ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? 'serf';
}

/** Starts so many agents and waits until each knows all. */
export async function startSerf(bench: Bench, count: number): Promise<readonly SerfAgent[]> {
  const agents: SerfAgent[] = [];
  const first = await freePort();
  for (let number = 0; number < count; number++)
    agents.push(
      await startAgent(bench, {
        number,
        bind: number === 0 ? first : await freePort(),
        join: number === 0 ? null : first,
      }),
    );
  await untilAllKnow(
    agents,
    agents.map(({ name }) => name),
  );
  return agents;
}

/** Waits until each of them holds exactly these for alive. */
export async function untilAllKnow(agents: readonly SerfAgent[], names: readonly string[]): Promise<void> {
  const wanted = [...names].sort().join();
  await Promise.all(
    agents.map((agent) =>
      until(`${agent.name} knows ${names.length}`, { within: READY_MS, every: 20 }, async () => {
        const known = [...(await agent.alive())].sort().join();
        needs(known === wanted, `it knows ${known}`);
      }),
    ),
  );
}

/** Starts one agent more, which joins through the first. */
export async function startAgent(
  bench: Bench,
  { number, bind, join }: { readonly number: number; readonly bind: number; readonly join: number | null },
): Promise<SerfAgent> {
  const name = `s${number}`;
  const rpc = await freePort();
  const args = [
    'agent',
    '-node',
    name,
    '-bind',
    `127.0.0.1:${bind}`,
    '-rpc-addr',
    `127.0.0.1:${rpc}`,
    '-profile',
    'local',
  ];
  const child: ChildProcess = spawn(SERF, [...args, ...(join === null ? [] : ['-retry-join', `127.0.0.1:${join}`])], {
    stdio: 'ignore',
  });
  bench.defer(() => child.kill('SIGKILL'));
  const alive = async (): Promise<readonly string[]> => {
    try {
      const { stdout } = await run(SERF, [
        'members',
        '-rpc-addr',
        `127.0.0.1:${rpc}`,
        '-status',
        'alive',
        '-format',
        'json',
      ]);
      const { members }: { readonly members: readonly { readonly name: string }[] } = JSON.parse(stdout);
      return members.map((member) => member.name);
    } catch (cause) {
      throw Object.assign(new Error(`${name} does not answer`, { cause }), { code: 'unreachable' });
    }
  };
  return { name, processId: child.pid ?? 0, alive, kill: () => child.kill('SIGKILL') };
}
