import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Terminal } from '../cli/frame/terminal.ts';
import { GATEWAY_FILES } from '../config/index.ts';
import type { EchoConnection } from './echo-connections.ts';
import { TourInstance } from './instance.ts';
import { createNarrator, type Narrator } from './narrator.ts';
import { type ProgramName, Programs } from './programs.ts';
import type { Targets } from './targets.ts';
import { TourError } from './tour-error.ts';

/** Name of the tour's gateway. */
export const GATEWAY_NAME = 'tour';

/** Everything the tour has made, and the end of it. */
export interface World {
  readonly narrator: Narrator;
  readonly programs: Programs;
  readonly signal: AbortSignal;
  /** A new folder of its own below the system's temporary one. */
  readonly folder: string;
  readonly configFile: string;
  readonly profileFile: string;
  /** For commands of the admin. */
  readonly adminEnv: Readonly<Record<string, string>>;
  readonly instances: ReadonlyMap<string, TourInstance>;
  /** Connections through the tunnel that are kept open. */
  readonly connections: EchoConnection[];
  targets: Targets | undefined;
  /** Local addresses of the two tunnels. */
  tunnels: { readonly echo: string; readonly web: string } | undefined;
  /** Adds an instance; it is not started. */
  addInstance(name: string, addresses: { readonly mesh: string; readonly access: string }): TourInstance;
  instance(name: string): TourInstance;
  /** Shows a command and runs it on this terminal; what it reads may come last. Throws when it fails. */
  admin(...args: readonly (string | Typed)[]): Promise<void>;
  /** The same, on the server of an instance. */
  server(name: string, ...args: readonly string[]): Promise<void>;
  logTails(): readonly string[];
  end(): Promise<void>;
}

/** Makes the folder; from now on nothing of it survives this process. */
export function createWorld(terminal: Terminal): World {
  return new TourWorld(terminal);
}

/** What a command reads from its standard input; never shown. */
export interface Typed {
  readonly input: string;
}

class TourWorld implements World {
  readonly narrator: Narrator;
  readonly programs = new Programs();
  readonly signal: AbortSignal;
  readonly folder = mkdtempSync(join(tmpdir(), 'pam-tour-'));
  readonly configFile = join(this.folder, GATEWAY_FILES.configuration);
  readonly profileFile = join(this.folder, GATEWAY_FILES.adminProfile);
  readonly adminEnv = { PAM_PROFILE: this.profileFile };
  readonly instances = new Map<string, TourInstance>();
  readonly connections: EchoConnection[] = [];
  targets: Targets | undefined;
  tunnels: World['tunnels'];

  constructor(terminal: Terminal) {
    this.narrator = createNarrator(terminal);
    this.signal = terminal.signal;
    process.once('exit', () => this.#endNow());
  }

  addInstance(name: string, { mesh, access }: { readonly mesh: string; readonly access: string }): TourInstance {
    const { folder, programs, signal } = this;
    const instance = new TourInstance({ name, folder, programs, mesh, access, signal });
    this.instances.set(name, instance);
    return instance;
  }

  instance(name: string): TourInstance {
    const found = this.instances.get(name);
    if (found === undefined) throw new TourError(`the tour has no instance ${name}`);
    return found;
  }

  admin(...given: readonly (string | Typed)[]): Promise<void> {
    const args = given.filter((one) => typeof one === 'string');
    const last = given.at(-1);
    const input = typeof last === 'object' ? last.input : null;
    return this.#show({ who: 'admin', program: 'pam', args, env: this.adminEnv, input });
  }

  server(name: string, ...args: readonly string[]): Promise<void> {
    return this.#show({ who: name, program: 'gateway', args, env: this.instance(name).env, input: null });
  }

  logTails(): readonly string[] {
    return [...this.instances.values()].map((instance) => instance.tail());
  }

  async end(): Promise<void> {
    for (const connection of this.connections) connection.end();
    await this.programs.end();
    this.targets?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #show({ who, program, args, env, input }: ShownCommand): Promise<void> {
    const line = [program, ...args].map(quoteWord).join(' ');
    this.narrator.command(who, input === null ? line : `${line} < password`);
    const stdio = [input === null ? 'ignore' : 'pipe', 'inherit', 'inherit'] as const;
    const code = await this.programs.run({ program, args, env, stdio: [...stdio], input }, this.signal);
    // Its output came between: what follows begins a paragraph of its own.
    this.narrator.outputEnded();
    if (code !== 0) throw new TourError(`"${line}" has ended with exit code ${code}`);
  }

  #endNow(): void {
    this.programs.endNow();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface ShownCommand {
  readonly who: string;
  readonly program: ProgramName;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For its standard input; null: nothing. */
  readonly input: string | null;
}

function quoteWord(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : `'${word}'`;
}
