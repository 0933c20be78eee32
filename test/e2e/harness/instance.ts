/** One gateway instance as a process: its log, its views, its end. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type AskOf, askControl, type ControlAnswers } from '../../../src/api/client.ts';
import { HELD_LINE } from './held-start.ts';
import { type Place, startProgram } from './program.ts';
import { needs, until } from './until.ts';

/** What an instance is started with. */
export interface InstanceInit {
  readonly name: string;
  readonly dataDir: string;
  /** After `gateway start`. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly place?: Place | undefined;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lastLine: string;
  /** From the start of the process, or from its release if it was held, to its end. */
  readonly afterMs: number;
  readonly endedUnixMs: number;
}

/** One line of the log. */
export interface LogEntry {
  readonly event: string;
  readonly unixMs: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** How to wait for a line. */
export interface UntilLoggedInit {
  /** Milliseconds. */
  readonly within: number;
  /** By the clock of the instance. */
  readonly sinceUnixMs?: number;
}

/** Lines of stderr remembered: far more than an instance writes in the longest test. */
const LINES_MAX = 20_000;
/** Lines of stderr shown when a test fails. */
const TAIL_LINES = 25;
const CLEAN_STOP_MS = 15_000;

/** A running process of `gateway start`. */
export class Instance {
  readonly name: string;
  readonly dataDir: string;
  /** How it ended, once it has. */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #ending: Ending | undefined;
  #beganAtMs = performance.now();

  /** Starts the process. */
  constructor({ name, dataDir, args, env, place }: InstanceInit) {
    this.name = name;
    this.dataDir = dataDir;
    this.#child = startProgram({
      program: 'gateway',
      args: ['start', '--name', name, '--data-dir', dataDir, ...args],
      env,
      place,
    });
    this.ended = this.#watch();
  }

  /** The id of the process. */
  get processId(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.name} could not be started`);
    return pid;
  }

  /** False once the process has ended. */
  get isRunning(): boolean {
    return this.#ending === undefined;
  }

  /** The whole of stderr, line by line. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Asks over the control socket, as `gateway debug` does. */
  ask<K extends keyof ControlAnswers>(request: AskOf<K>): Promise<ControlAnswers[K]> {
    return askControl(this.dataDir, request, AbortSignal.timeout(10_000));
  }

  /** The instance's id, once it runs. */
  async id(): Promise<string> {
    return (await this.ask({ kind: 'status' })).instanceId;
  }

  /** Events of one name in the log, in the order of time. */
  logged(event: string): readonly LogEntry[] {
    return this.#lines.flatMap((line) => {
      if (!line.includes(`"event":"${event}"`)) return [];
      const fields: Record<string, unknown> = JSON.parse(line);
      return [{ event, unixMs: Date.parse(String(fields['time'])), fields }];
    });
  }

  /** Waits until a held process has loaded everything. */
  untilHeld(within: number): Promise<void> {
    return until(`${this.name} has loaded everything`, { within }, () => {
      needs(this.#lines.includes(HELD_LINE), 'it has not');
    });
  }

  /** Lets a held process begin. */
  release(): void {
    this.#beganAtMs = performance.now();
    this.signal('SIGUSR2');
  }

  /** Sends a signal to the process. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it with SIGTERM, as a service manager does, and waits for its end. */
  async stop(): Promise<Ending> {
    this.signal('SIGTERM');
    return this.untilEnded(CLEAN_STOP_MS);
  }

  /** Ends it without a chance to say good-bye, and waits until it is gone. */
  async kill(): Promise<Ending> {
    this.signal('SIGKILL');
    return this.ended;
  }

  /** Waits for the end of the process. */
  untilEnded(within: number): Promise<Ending> {
    return until(`the end of ${this.name}`, { within }, () => {
      needs(this.#ending !== undefined, 'it still runs');
      return this.#ending;
    });
  }

  /** Waits for an event in the log, the first one at or after a time if one is given. */
  untilLogged(event: string, { within, sinceUnixMs = 0 }: UntilLoggedInit): Promise<LogEntry> {
    return until(`${this.name} logs ${event}`, { within }, () => {
      const found = this.logged(event).find(({ unixMs }) => unixMs >= sinceUnixMs);
      needs(found !== undefined, 'it has not');
      return found;
    });
  }

  /** The end of its log, for whoever looks at a failed test. */
  tail(): string {
    const state = this.#ending === undefined ? 'running' : `ended ${JSON.stringify(this.#ending)}`;
    return [`--- ${this.name} (process ${this.#child.pid}, ${state})`, ...this.#lines.slice(-TAIL_LINES)].join('\n');
  }

  async #watch(): Promise<Ending> {
    const { stderr, stdout } = this.#child;
    for (const stream of [stderr, stdout]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (this.#lines.length < LINES_MAX) this.#lines.push(line);
      });
    }
    const [code, signal] = await once(this.#child, 'close');
    const afterMs = Math.round(performance.now() - this.#beganAtMs);
    this.#ending = { code, signal, lastLine: this.#lines.at(-1) ?? '', afterMs, endedUnixMs: Date.now() };
    return this.#ending;
  }
}
