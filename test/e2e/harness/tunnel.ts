/** `pam tunnel start` as a process: its port, what it says, its end. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach } from 'vitest';
import { loadProfile, saveProfile } from '../../../src/config/index.ts';
import type { Pool } from './pool.ts';
import { type Place, startProgram } from './program.ts';
import { needs, until } from './until.ts';

/** What a tunnel is started with. */
export interface TunnelInit {
  readonly pool: Pool;
  /** Title or id. */
  readonly record: string;
  /** Names of the instances it knows, in the order in which it tries them; those of the admin's profile unless said. */
  readonly entries?: readonly string[];
  /** Instead of the admin's. */
  readonly profileFile?: string;
  readonly args?: readonly string[];
  readonly place?: Place | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

/** The document it prints when it listens. */
export interface TunnelReady {
  readonly jobId: string;
  readonly listening: string;
  readonly record: string;
  readonly worker: string;
  readonly entry: string;
}

const READY_MS = 20_000;
const END_MS = 10_000;
const LINES_SHOWN = 30;

/** A running tunnel. */
export class Tunnel {
  readonly ready: TunnelReady;
  readonly #child: ChildProcess;
  readonly #lines: readonly string[];

  private constructor(child: ChildProcess, lines: readonly string[], ready: TunnelReady) {
    this.#child = child;
    this.#lines = lines;
    this.ready = ready;
  }

  /** Starts it and waits until it listens; the error is what it said instead. */
  static async start(init: TunnelInit): Promise<Tunnel> {
    const { pool, record, args = [], place } = init;
    // Its own home: what runs for the user of this machine is not disturbed.
    const env = { PAM_PROFILE: profileOf(init), HOME: pool.folder, ...init.env };
    const child = startProgram({
      program: 'pam',
      args: ['tunnel', 'start', record, '--json', '-v', ...args],
      env,
      place,
    });
    const lines: string[] = [];
    const documents: string[] = [];
    for (const [stream, list] of [
      [child.stderr, lines],
      [child.stdout, documents],
    ] as const) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => list.push(line));
    }
    const ended = once(child, 'close').then(([code]) => {
      throw new Error(`pam tunnel start ended with ${code}: ${lines.join('\n')}`);
    });
    ended.catch(() => undefined);
    const listening = until('the tunnel listens', { within: READY_MS }, () => {
      needs(documents[0] !== undefined, () => `it has only said: ${lines.join(' | ')}`);
      return documents[0];
    });
    try {
      return new Tunnel(child, lines, JSON.parse(await Promise.race([listening, ended])));
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** The local port. */
  get port(): number {
    return Number(this.ready.listening.split(':').at(-1));
  }

  /** The id of the process. */
  get processId(): number {
    return this.#child.pid ?? Number.NaN;
  }

  /** What it has told of connections that failed. */
  get failures(): readonly string[] {
    return this.#lines.filter((line) => line.startsWith('connection failed: '));
  }

  /** The end of what it has said, for whoever looks at a failed test. */
  said(): string {
    const { exitCode, signalCode } = this.#child;
    return [...this.#lines.slice(-LINES_SHOWN), `(exit code ${exitCode}, signal ${signalCode})`].join('\n');
  }

  /** Waits until it has told of so many connections that failed. */
  untilFailed(count: number, within: number): Promise<readonly string[]> {
    return until(`${count} connections fail`, { within }, () => {
      needs(this.failures.length >= count, () => this.said());
      return this.failures;
    });
  }

  /** Without waiting: this process itself is about to end. */
  endNow(): void {
    this.#child.kill('SIGKILL');
  }

  /** Ends it with SIGTERM and waits for its end. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const late = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    this.#child.kill('SIGTERM');
    await once(this.#child, 'close');
    clearTimeout(late);
  }
}

/** Tunnels that end with the test that started them; call it after `usePools`, so that they end before their pool. */
export function useTunnels(): (init: TunnelInit) => Promise<Tunnel> {
  const tunnels = new Set<Tunnel>();
  process.on('exit', () => {
    for (const tunnel of tunnels) tunnel.endNow();
  });
  afterEach(async () => {
    await Promise.all([...tunnels].map((tunnel) => tunnel.stop()));
    tunnels.clear();
  });
  return async (init) => {
    const tunnel = await Tunnel.start(init);
    tunnels.add(tunnel);
    return tunnel;
  };
}

let profiles = 0;

function profileOf({ pool, profileFile = pool.profileFile, entries }: TunnelInit): string {
  if (entries === undefined) return profileFile;
  profiles += 1;
  const path = join(pool.folder, `profile-${profiles}.json`);
  saveProfile(path, { ...loadProfile(profileFile), addresses: entries.map((name) => pool.site(name).access) });
  return path;
}
