import { randomBytes } from 'node:crypto';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type AccessServer, proveInstance, startAccessServer } from './access/index.ts';
import { type ControlSource, createEventList, type InstanceFacts, startControl, startHttp } from './api/index.ts';
import { InstanceAudit, type Reading } from './audit/index.ts';
import { type KeyPair, keyPairFromSeed } from './base/ed25519.ts';
import type { ExitCode } from './base/errors.ts';
import {
  type DataDirectory,
  type GatewayConfig,
  keeperConfigurationText,
  loadGatewayConfig,
  openDataDirectory,
  type Settings,
} from './config/index.ts';
import { derivePoolKeys, type Note, type PoolKeys } from './core/index.ts';
import { Contacts, createMachine, howToSearch, monotonicMs, PoolDriver, startBusyness } from './driver/index.ts';
import { createMesh, type Mesh, type MeshEvent } from './mesh/index.ts';
import { openRecordings, type Recordings } from './recording/index.ts';
import { createReveal, loadVaultProvider, type PoolVault, type VaultSurroundings } from './vault/index.ts';
import {
  createTasks,
  createWorkloads,
  openHostKeyFile,
  TASK_KINDS,
  TaskRunner,
  type WorkloadTable,
} from './workloads/index.ts';

/** Where an instance writes its log: values as fields, the text second. A pino logger fits. */
export interface InstanceLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What an instance starts with. */
export interface InstanceInit {
  readonly settings: Settings;
  readonly version: string;
  readonly log: InstanceLog;
}

/** A running instance. */
export interface Instance {
  /** How the process has to end, once it has left the pool and closed everything. The lines are for whoever started it. */
  readonly ended: Promise<{ readonly code: ExitCode; readonly lines: readonly string[] }>;
  /** Stop taking jobs, let sessions finish, leave. */
  drain(reason: string): void;
  /** Leave now. */
  stop(reason: string): void;
}

/** Time for the last messages to reach the others before the mesh is closed. */
const FAREWELL_MS = 150;

/**
 * Starts one instance: the composition root, the one place where the core and the I/O meet. Resources open in the order of their needs and close in
 * reverse. Throws the typed error of whatever cannot be opened.
 */
export async function startInstance(init: InstanceInit, signal: AbortSignal): Promise<Instance> {
  const config = loadGatewayConfig(init.settings.gatewayConfig);
  const keeper = config.vault.provider === 'keeper' ? keeperConfigurationText(config.vault, process.env) : null;
  const createVault = await loadVaultProvider({ provider: config.vault.provider, keeper });
  const directory = openDataDirectory({
    path: init.settings.dataDirectory,
    gatewayUid: config.uid,
    unixMs: () => Date.now(),
  });
  const audit = await InstanceAudit.open({ directory, log: init.log });
  const instance = new RunningInstance({ init, config, directory, audit, createVault });
  try {
    await instance.start(signal);
    return instance;
  } catch (error) {
    await instance.close();
    throw error;
  }
}

/** What an instance is made of before it starts. */
interface InstanceParts {
  readonly init: InstanceInit;
  readonly config: GatewayConfig;
  readonly directory: DataDirectory;
  readonly audit: InstanceAudit;
  createVault(surroundings: VaultSurroundings): PoolVault;
}

class RunningInstance implements Instance {
  readonly ended: Instance['ended'];
  readonly #init: InstanceInit;
  readonly #config: GatewayConfig;
  readonly #directory: DataDirectory;
  readonly #audit: InstanceAudit;
  readonly #keys: PoolKeys;
  /** With which the pool vouches for its instances. */
  readonly #accessKey: KeyPair;
  readonly #events = createEventList();
  readonly #closers: (() => Promise<void> | void)[] = [];
  readonly #recordings: Recordings;
  readonly #workloads: WorkloadTable;
  readonly #driver: PoolDriver;
  readonly #mesh: Mesh;
  readonly #vault: PoolVault;
  readonly #tasks: TaskRunner;
  readonly #contacts: Contacts;
  readonly #startedUnixMs = Date.now();
  #access: AccessServer | undefined;
  #httpAddress: string | null = null;
  #announced = '';
  #end: (result: Awaited<Instance['ended']>) => void = () => undefined;

  constructor({ init, config, directory, audit, createVault }: InstanceParts) {
    this.#init = init;
    this.#config = config;
    this.#directory = directory;
    this.#audit = audit;
    this.#closers.push(
      () => directory.close(),
      () => audit.log.close(),
    );
    this.#keys = derivePoolKeys({ secret: config.poolSecret.reveal(), gatewayUid: config.uid });
    this.#accessKey = keyPairFromSeed(this.#keys.accessKeySeed.reveal());
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#mesh = this.#createMesh();
    this.#recordings = this.#openRecordings();
    this.#workloads = this.#createWorkloads();
    this.#driver = this.#createDriver();
    this.#vault = createVault({
      port: this.#driver,
      keySeeds: [this.#keys.vaultKeySeed],
      signers: [keyPairFromSeed(directory.identity.reveal()), this.#accessKey],
      nowMs: monotonicMs,
    });
    this.#tasks = this.#createTasks();
    this.#contacts = this.#createContacts();
  }

  async start(signal: AbortSignal): Promise<void> {
    const { settings, log } = this.#init;
    const { poolId } = this.#keys;
    await this.#audit.started({ ...this.#self(), processId: process.pid, poolId, config: this.#config });
    for (const warning of this.#directory.warnings) log.error({ event: 'data-directory-damaged' }, warning);
    await this.#mesh.start(signal);
    this.#closers.push(() => this.#mesh.stop());
    await this.#startAccess();
    if (settings.http !== null) await this.#startHttp(settings.http);
    const control = await startControl(this.#controlSource());
    this.#closers.push(() => control.stop());
    const search = howToSearch({ seeds: this.#seeds(), own: this.#mesh.listenAddresses(), mdns: settings.mdns });
    this.#driver.feed({ kind: 'start', search });
    this.#announce();
    const busyness = startBusyness((perMille) => {
      this.#driver.feed({ kind: 'busy', perMille });
      this.#announce();
    });
    this.#contacts.start();
    this.#closers.push(
      () => this.#driver.stop(),
      () => this.#tasks.stop(),
      () => busyness.stop(),
      () => this.#contacts.stop(),
    );
    log.info(
      { event: 'listening', ...this.#listening(), instance: this.#directory.instanceId, pool: this.#keys.poolId },
      'listening',
    );
  }

  drain(reason: string): void {
    this.#driver.feed({ kind: 'drain', reason });
  }

  stop(reason: string): void {
    this.#driver.feed({ kind: 'leave', reason });
  }

  /** Closes what is open, last opened first. */
  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        this.#init.log.warn({ error: String(error) }, 'closing failed');
      }
    }
  }

  #self(): { readonly name: string; readonly version: string; readonly platform: string } {
    const { settings, version } = this.#init;
    return { name: settings.name, version, platform: `${platform()}-${arch()}` };
  }

  #createMesh(): Mesh {
    const { settings, log } = this.#init;
    return createMesh({
      identity: this.#directory.identity.reveal(),
      poolTopic: this.#keys.poolTopic,
      networkKey: this.#keys.networkKey.reveal(),
      discoveryTag: this.#keys.discoveryTag,
      listen: [settings.listenMesh],
      announce: settings.announceMesh,
      mdns: settings.mdns,
      onEvent: (event) => this.#onMesh(event),
      log,
    });
  }

  #createDriver(): PoolDriver {
    const { uid, name, adminKeys, threshold } = this.#config;
    const identity = keyPairFromSeed(this.#directory.identity.reveal());
    const startId = randomBytes(16).toString('hex');
    const gateway = { uid, name, adminKeys, threshold };
    const machine = createMachine({
      settings: this.#init.settings,
      config: this.#config,
      directory: this.#directory,
      identity,
      startId,
      accessKeyId: this.#accessKey.id,
      self: { ...this.#self(), capabilities: [...Object.keys(this.#workloads), ...TASK_KINDS] },
    });
    return new PoolDriver({
      instanceId: identity.id,
      startId,
      gateway,
      machine,
      send: (to, bytes) => this.#mesh.send(to, bytes),
      publish: (bytes) => this.#mesh.publish(bytes),
      disconnect: (peer) => this.#mesh.disconnect(peer),
      onBegin: (begin, cancelled) => this.#tasks.begin(begin, cancelled),
      readOutput: (jobId, offset) => this.#directory.store.readOutput(jobId, offset),
      refuse: (what) => this.#audit.refusal(what),
      write: (batch) => {
        this.#directory.store.write(batch);
        this.#audit.stored(batch);
      },
      onNote: (note) => this.#onNote(note),
      onExit: (code, lines) => void this.#onExit(code, lines),
      onUnlinked: (peer) => this.#contacts.urge(peer),
    });
  }

  #createContacts(): Contacts {
    const { log } = this.#init;
    return new Contacts({
      mesh: this.#mesh,
      self: this.#directory.instanceId,
      seeds: this.#seeds(),
      view: () => this.#driver.view(),
      atMs: monotonicMs,
      remember: (addresses) => this.#remember(addresses),
      onFailure: (address, reason) => log.debug({ event: 'dial-failed', address }, reason),
    });
  }

  async #startAccess(): Promise<void> {
    const { settings, log } = this.#init;
    const access = await startAccessServer({
      identity: this.#directory.identity.reveal(),
      proof: proveInstance(this.#accessKey, this.#directory.instanceId),
      listen: [settings.listenAccess],
      announce: settings.announceAccess,
      port: this.#driver,
      workloads: this.#workloads,
      desk: this.#recordings.desk,
      vault: this.#vault,
      vaultKey: this.#vault.publicKey,
      reveal: createReveal(this.#vault, this.#config.uid),
      audit: this.#audit.log,
      log,
    });
    this.#access = access;
    this.#closers.push(() => access.stop());
  }

  #createTasks(): TaskRunner {
    const components = {
      port: this.#driver,
      vaultFor: (reading: Reading) => this.#audit.log.vaultFor(this.#vault, reading),
      allowed: this.#init.settings.discoveryAllow,
      scripts: join(this.#directory.path, 'scripts'),
      atMs: monotonicMs,
    };
    return new TaskRunner({ tasks: createTasks(components), sink: this.#driver, log: this.#init.log });
  }

  #createWorkloads(): WorkloadTable {
    return createWorkloads({
      recorder: this.#recordings.recorder,
      hostKeys: openHostKeyFile(join(this.#init.settings.dataDirectory, 'host-keys.json')),
      proxyKey: this.#keys.sshProxyKey,
      findRecords: (named) => this.#driver.records.find(named),
    });
  }

  #openRecordings(): Recordings {
    const { settings, log } = this.#init;
    const recordings = openRecordings({
      folder: join(settings.dataDirectory, 'recordings'),
      instanceId: this.#directory.instanceId,
      poolKey: this.#keys.recordingKey,
      keep: settings.keepRecordings,
      onProblem: (problem) => log.error({ event: 'recordings-not-pruned' }, problem),
    });
    this.#closers.push(() => recordings.stop());
    return recordings;
  }

  async #startHttp(listen: NonNullable<Settings['http']>): Promise<void> {
    const http = await startHttp(listen, this.#controlSource());
    this.#httpAddress = http.address;
    this.#closers.push(() => http.stop());
  }

  /** Addresses change when interfaces come and go: told whenever they differ from what was told last. */
  #announce(): void {
    const mesh = this.#mesh.listenAddresses().slice(0, ADDRESSES_TOLD_MAX);
    const access = (this.#access?.addresses() ?? []).slice(0, ADDRESSES_TOLD_MAX);
    const told = [...mesh, '|', ...access].join(' ');
    if (told === this.#announced) return;
    this.#announced = told;
    this.#driver.feed({ kind: 'addresses', mesh, access });
  }

  #seeds(): readonly string[] {
    return [
      ...new Set([...this.#config.bootstrap, ...this.#init.settings.peers, ...this.#directory.store.addresses()]),
    ];
  }

  #remember(addresses: readonly string[]): void {
    try {
      this.#directory.store.rememberAddresses(addresses);
    } catch (error) {
      this.#init.log.warn(
        { event: 'addresses-not-remembered' },
        error instanceof Error ? error.message : String(error),
      );
    }
  }

  #onMesh(event: MeshEvent): void {
    if (event.kind === 'peer-found') return this.#contacts.found(event.addresses);
    if (event.kind === 'link-down') return this.#driver.feed({ kind: 'link-down', peer: event.peer });
    this.#driver.feed(event);
  }

  #onNote(note: Note): void {
    this.#audit.noted(note);
    this.#events.add(note, Date.now());
    this.#init.log[note.level]({ event: note.event, ...note.detail }, note.event);
  }

  async #onExit(code: ExitCode, lines: readonly string[]): Promise<void> {
    await delay(FAREWELL_MS);
    this.#audit.ended(code, lines);
    await this.close();
    this.#end({ code, lines });
  }

  #listening(): ReturnType<InstanceFacts['listening']> {
    return { mesh: this.#mesh.listenAddresses(), access: this.#access?.addresses() ?? [], http: this.#httpAddress };
  }

  #controlSource(): ControlSource {
    const { settings, log } = this.#init;
    const { gatewayConfig: _, ...shown } = settings;
    return {
      port: this.#driver,
      facts: {
        ...this.#self(),
        startedUnixMs: this.#startedUnixMs,
        processId: process.pid,
        dataDir: settings.dataDirectory,
        topic: this.#keys.poolTopic,
        poolId: this.#keys.poolId,
        listening: () => this.#listening(),
        auditFailure: () => this.#audit.log.failure,
        meshPeers: () => this.#mesh.gossipPeers(),
      },
      events: this.#events,
      settings: { ...shown },
      drain: (reason) => this.drain(reason),
      stop: (reason) => this.stop(reason),
      onBug: (error) =>
        log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a control request failed'),
    };
  }
}

/** Addresses of one plane that are told to the others. */
const ADDRESSES_TOLD_MAX = 16;
