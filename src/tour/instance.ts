import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AskOf, askControl, type ControlAnswers, type ControlAsk } from '../api/client.ts';
import { hasEnded, type Programs } from './programs.ts';
import { TourError } from './tour-error.ts';
import { until } from './until.ts';

/** What an instance of the tour is started with. */
export interface TourInstanceInit {
  readonly name: string;
  /** Its data directory and its log go below. */
  readonly folder: string;
  readonly programs: Programs;
  readonly mesh: string;
  readonly access: string;
  readonly signal: AbortSignal;
}

/** Lines of a log that are shown when something has failed. */
const TAIL_LINES = 12;
/** Starting a process, finding the others and being admitted, on a busy machine. */
const ADMITTED_MS = 40_000;

/** One `gateway start` process; it stands for a server of its own. */
export class TourInstance {
  readonly name: string;
  readonly dataDir: string;
  readonly #init: TourInstanceInit;
  readonly #logFile: string;
  #child: ChildProcess | undefined;

  /** Not yet started. */
  constructor(init: TourInstanceInit) {
    this.#init = init;
    this.name = init.name;
    this.dataDir = join(init.folder, init.name);
    this.#logFile = join(init.folder, `${init.name}.log`);
    mkdirSync(this.dataDir, { mode: 0o700 });
  }

  /** What a server's own settings would say; the command lines of the tour stay as short as on a server. */
  get env(): Readonly<Record<string, string>> {
    return {
      GATEWAY_DATA_DIR: this.dataDir,
      GATEWAY_NAME: this.name,
      GATEWAY_LISTEN_MESH: this.#init.mesh,
      GATEWAY_LISTEN_ACCESS: this.#init.access,
      GATEWAY_HTTP: '127.0.0.1:0',
      GATEWAY_NO_MDNS: 'true',
      GATEWAY_DRAIN_SECONDS: '2',
    };
  }

  /** Starts the process with these words after `gateway`; its log goes to a file. */
  start(args: readonly string[]): void {
    const log = openSync(this.#logFile, 'a', 0o600);
    this.#child = this.#init.programs.start({
      program: 'gateway',
      args,
      env: this.env,
      stdio: ['ignore', 'ignore', log],
    });
    closeSync(log);
  }

  /** Asks over its control socket, as `gateway debug` does. */
  ask<K extends ControlAsk['kind']>(request: AskOf<K>): Promise<ControlAnswers[K]> {
    return askControl(this.dataDir, request, this.#init.signal);
  }

  /** Waits until it is in this state. Throws when it has ended instead. */
  async untilState(state: string): Promise<void> {
    await until({ what: `${this.name} being ${state}`, withinMs: ADMITTED_MS, signal: this.#init.signal }, async () => {
      this.assertRunning();
      return (await this.ask({ kind: 'status' })).state === state ? true : undefined;
    });
  }

  /** True from its start until its end. */
  get isRunning(): boolean {
    return this.#child !== undefined && !hasEnded(this.#child);
  }

  /** The id of its process. */
  get processId(): number | undefined {
    return this.#child?.pid;
  }

  /** Throws when the process has ended. */
  assertRunning(): void {
    if (!this.isRunning) throw new TourError(`${this.name} has ended`);
  }

  /** Ends it without a chance to say good-bye. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** The end of its log. */
  tail(): string {
    try {
      const lines = readFileSync(this.#logFile, 'utf8').trimEnd().split('\n');
      return [`--- log of ${this.name}`, ...lines.slice(-TAIL_LINES)].join('\n');
    } catch {
      return `--- ${this.name} has no log`;
    }
  }
}
