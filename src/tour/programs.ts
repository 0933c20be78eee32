import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The two programs of the product. */
export type ProgramName = 'gateway' | 'pam';

/** How a program is started. */
export interface ProgramInit {
  readonly program: ProgramName;
  readonly args: readonly string[];
  /** Added to this process's environment, from which the programs' own variables are taken out. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdio: StdioOptions;
  /** For its standard input, which is then a pipe. */
  readonly input?: string | null;
}

/** Where the command stands in this checkout. */
export function programPath(program: ProgramName): string {
  return fileURLToPath(new URL(`../launcher/${program}.js`, import.meta.url));
}

/** How long a process may take to end after it was asked to. */
const END_MS = 10_000;
/** Until it is asked once more: an instance then stops without waiting for its sessions. */
const AGAIN_MS = 2_500;

/** Every process the tour has started: each is ended by its own id, and none is left behind. */
export class Programs {
  readonly #running = new Map<ChildProcess, ProgramName>();

  /** Starts one of the programs as a user does. */
  start({ program, args, env, stdio }: ProgramInit): ChildProcess {
    const child = spawn(process.execPath, [programPath(program), ...args], {
      env: { ...ownEnvironment(), ...env },
      stdio,
      windowsHide: true,
    });
    this.#running.set(child, program);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }

  /** Runs a command to its end; its exit code. It is killed when the signal aborts. */
  async run(init: ProgramInit, signal: AbortSignal): Promise<number | null> {
    const child = this.start(init);
    if (typeof init.input === 'string') child.stdin?.end(init.input);
    const stop = (): void => void child.kill();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const [code]: unknown[] = await once(child, 'close');
      signal.throwIfAborted();
      return typeof code === 'number' ? code : null;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Asks all that still run to end: clients first, then instances. Who takes long is told again, which means at once, and killed in the end. */
  async end(): Promise<void> {
    const late = setTimeout(() => this.endNow(), END_MS);
    for (const program of ['pam', 'gateway'] as const) {
      const running = [...this.#running].filter(([, name]) => name === program).map(([child]) => child);
      const again = setTimeout(() => askToEnd(running), AGAIN_MS);
      askToEnd(running);
      await Promise.all(running.map((child) => (hasEnded(child) ? undefined : once(child, 'exit'))));
      clearTimeout(again);
    }
    clearTimeout(late);
  }

  /** Without waiting: this process is about to end. */
  endNow(): void {
    for (const child of this.#running.keys()) child.kill('SIGKILL');
  }
}

function askToEnd(children: readonly ChildProcess[]): void {
  for (const child of children) if (!hasEnded(child)) child.kill('SIGTERM');
}

/** True once the process is gone. */
export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Settings of the person's own gateways have no part in the tour. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:PAM|GATEWAY)_/.test(name)));
}
