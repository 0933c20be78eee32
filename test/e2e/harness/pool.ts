/** A whole gateway of a test's own: configuration, admin profile, instances, and an end for everything whatever happens. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { createGateway, loadProfile, type Profile, writeGateway } from '../../../src/config/index.ts';
import { freeAddresses, type InstanceAddresses } from './addresses.ts';
import { heldStart } from './held-start.ts';
import { Instance } from './instance.ts';
import { type CommandResult, type Place, runCommand } from './program.ts';

/** Where an instance of a pool runs and listens. */
export interface Site extends InstanceAddresses, Partial<Place> {}

/** What a pool begins with. */
export interface PoolInit {
  readonly maxInstances: number;
  /** How many admins, and how many of them sign; one unless said. */
  readonly admins?: number;
  readonly threshold?: number;
  /** Names of instances whose addresses stand in the configuration; none unless said. */
  readonly bootstrap?: readonly string[];
  /** Gives a name its place; free loopback addresses unless said. */
  readonly site?: (name: string) => Site;
}

/** What one instance begins with besides its name. */
export interface StartInit {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of the one that belongs to the name. */
  readonly dataDir?: string;
  /** Instead of the one that belongs to the name. */
  readonly site?: Site;
}

/** A process that has not loaded by then never will. */
const LOAD_MS = 30_000;

/** A gateway and its instances. */
export class Pool {
  readonly uid: string;
  readonly folder: string;
  readonly configFile: string;
  readonly profileFile: string;
  /** Those of all admins. */
  readonly profileFiles: readonly string[];
  readonly #site: (name: string) => Site;
  readonly #sites = new Map<string, Site>();
  readonly #started: Instance[] = [];

  /** Makes the gateway; nothing runs yet. */
  constructor({ maxInstances, admins = 1, threshold = 1, bootstrap = [], site }: PoolInit) {
    this.folder = mkdtempSync(join(tmpdir(), 'pam-pool-'));
    const free = freeAddresses();
    this.#site = site ?? (() => free());
    const created = createGateway({
      name: 'test',
      maxInstances,
      admins,
      threshold,
      bootstrap: bootstrap.map((name) => this.site(name).mesh),
      addresses: bootstrap.map((name) => this.site(name).access),
    });
    const { configurationPath, adminProfilePath, adminProfilePaths } = writeGateway(
      join(this.folder, 'gateway'),
      created,
    );
    this.uid = created.uid;
    this.configFile = configurationPath;
    this.profileFile = adminProfilePath;
    this.profileFiles = adminProfilePaths;
  }

  /** Where the instance of this name listens. */
  site(name: string): Site {
    const site = this.#sites.get(name) ?? this.#site(name);
    this.#sites.set(name, site);
    return site;
  }

  /** The data directory of the instance of this name. */
  dataDir(name: string): string {
    return join(this.folder, name);
  }

  /** The admin's profile. */
  profile(): Profile {
    return loadProfile(this.profileFile);
  }

  /** Public half of the key of an admin's profile. */
  keyOf(profileFile: string): string {
    return loadProfile(profileFile).keyId;
  }

  /** Every process started, ended ones included, in order. */
  get started(): readonly Instance[] {
    return this.#started;
  }

  /** Starts a process; it has the name's data directory and addresses, also the second time. */
  start(name: string, init: StartInit = {}): Instance {
    const { mesh, access, enter } = init.site ?? this.site(name);
    const dataDir = init.dataDir ?? this.dataDir(name);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const args = [
      ...['--config-file', this.configFile, '--listen-mesh', mesh, '--listen-access', access],
      ...['--http', 'off', '--log-format', 'json', '--drain-seconds', '5'],
      ...(init.args?.includes('--mdns') === true ? [] : ['--no-mdns']),
      ...(init.args ?? []).filter((arg) => arg !== '--mdns'),
    ];
    const place = enter === undefined ? undefined : { enter };
    const instance = new Instance({ name, dataDir, args, place, env: init.env });
    this.#started.push(instance);
    return instance;
  }

  /** Starts several at the same instant. */
  startAll(names: readonly string[], init: StartInit = {}): readonly Instance[] {
    return names.map((name) => this.start(name, init));
  }

  /** Lets several begin within the same few milliseconds, however long they take to load. */
  async startTogether(names: readonly string[]): Promise<readonly Instance[]> {
    const instances = this.startAll(names, { env: heldStart() });
    await Promise.all(instances.map((instance) => instance.untilHeld(LOAD_MS)));
    for (const instance of instances) instance.release();
    return instances;
  }

  /** Runs `pam` with the admin's profile, from the place of an instance if one is named. */
  pam(args: readonly string[], from?: string): Promise<CommandResult> {
    const enter = from === undefined ? undefined : this.site(from).enter;
    const place = enter === undefined ? undefined : { enter };
    return runCommand({ program: 'pam', args, env: { PAM_PROFILE: this.profileFile }, place });
  }

  /** Runs `gateway` for the instance of this name. */
  gateway(name: string, args: readonly string[]): Promise<CommandResult> {
    return runCommand({ program: 'gateway', args: [...args, '--data-dir', this.dataDir(name)] });
  }

  /** Ends every process and removes every file. */
  async end(): Promise<void> {
    const ends = this.#started.map((instance) => (instance.isRunning ? instance.kill() : instance.ended));
    await Promise.all(ends);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Without waiting: this process itself is about to end. */
  endNow(): void {
    for (const instance of this.#started) if (instance.isRunning) instance.signal('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The ends of all logs. */
  tails(): string {
    return this.#started.map((instance) => instance.tail()).join('\n');
  }
}

/** Makes pools that end with the test that made them; the logs of a failed test's pools are shown. */
export function usePools(): (init: PoolInit) => Pool {
  const pools = new Set<Pool>();
  process.on('exit', () => {
    for (const pool of pools) pool.endNow();
  });
  afterEach(async ({ task }) => {
    for (const pool of pools) {
      if (task.result?.state === 'fail') process.stderr.write(`${pool.tails()}\n`);
      await pool.end();
      pools.delete(pool);
    }
  });
  return (init) => {
    const pool = new Pool(init);
    pools.add(pool);
    return pool;
  };
}
