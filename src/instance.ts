import { randomBytes } from 'node:crypto';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type AccessServer, proveInstance, startAccessServer } from './access/index.ts';
import { type ControlSource, createEventList, type InstanceFacts, startControl, startHttp } from './api/index.ts';
import { InstanceAudit, type Reading } from './audit/index.ts';
import { keyPairFromSeed } from './base/ed25519.ts';
import { ExitCode } from './base/errors.ts';
import {
  type DataDirectory,
  type GatewayConfig,
  keeperConfigurationText,
  loadGatewayConfig,
  openDataDirectory,
  type Settings,
} from './config/index.ts';
import type { Note } from './core/index.ts';
import { cronTimes } from './cron/index.ts';
import {
  Addresses,
  Contacts,
  createMachine,
  howToSearch,
  monotonicMs,
  PoolDriver,
  PoolSecrets,
  Rekeying,
  startBusyness,
} from './driver/index.ts';
import type { Instance, InstanceInit } from './instance/contract.ts';
import { openInstanceRecordings } from './instance/recordings.ts';
import { createMesh, type Mesh, type MeshEvent } from './mesh/index.ts';
import type { Recordings } from './recording/index.ts';
import { createReveal, loadVaultProvider, type PoolVault, type VaultSurroundings } from './vault/index.ts';
import {
  createTasks,
  createWorkloads,
  openHostKeyFile,
  TASK_KINDS,
  TaskRunner,
  type WorkloadTable,
} from './workloads/index.ts';

export type { Instance, InstanceInit, InstanceLog } from './instance/contract.ts';

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
    poolSecret: config.poolSecret,
    formerSecrets: config.rekeyed?.formerSecrets ?? [],
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
  readonly #secrets: PoolSecrets;
  readonly #events = createEventList();
  readonly #closers: (() => Promise<void> | void)[] = [];
  readonly #recordings: Recordings;
  readonly #workloads: WorkloadTable;
  readonly #driver: PoolDriver;
  readonly #mesh: Mesh;
  readonly #vault: PoolVault;
  readonly #rekeying: Rekeying;
  readonly #tasks: TaskRunner;
  readonly #addresses: Addresses;
  readonly #contacts: Contacts;
  readonly #startedUnixMs = Date.now();
  #access: AccessServer | undefined;
  #httpAddress: string | null = null;
  #outLines: readonly string[] | undefined;
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
    this.#secrets = new PoolSecrets(config, directory.formerSecrets);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#mesh = this.#createMesh();
    this.#recordings = openInstanceRecordings({ ...init, directory, audit: audit.log, secrets: this.#secrets });
    this.#closers.push(() => this.#recordings.stop());
    this.#workloads = this.#createWorkloads();
    this.#driver = this.#createDriver();
    this.#vault = createVault({
      port: this.#driver,
      keySeeds: [this.#secrets.present.vaultKeySeed, ...this.#secrets.former.map((keys) => keys.vaultKeySeed)],
      countsFormer: () => this.#secrets.countsFormer,
      signers: [keyPairFromSeed(directory.identity.reveal()), ...this.#secrets.signingAccessKeys],
      nowMs: monotonicMs,
    });
    this.#rekeying = new Rekeying({
      secrets: this.#secrets,
      port: this.#driver,
      vault: this.#vault,
      log: init.log,
      onShutOut: (lines) => this.#shutOut(lines),
    });
    this.#tasks = this.#createTasks();
    this.#addresses = this.#createAddresses();
    this.#contacts = this.#createContacts();
  }

  async start(signal: AbortSignal): Promise<void> {
    const { settings, log } = this.#init;
    const { poolId } = this.#secrets.present;
    await this.#audit.started({ ...this.#self(), processId: process.pid, poolId, config: this.#config });
    for (const warning of this.#directory.warnings) log.error({ event: 'data-directory-damaged' }, warning);
    await this.#mesh.start(signal);
    this.#closers.push(() => this.#mesh.stop());
    await this.#startAccess();
    if (settings.http !== null) await this.#startHttp(settings.http);
    const control = await startControl(this.#controlSource());
    this.#closers.push(() => control.stop());
    const search = howToSearch({
      seeds: this.#addresses.seeds(),
      own: this.#mesh.listenAddresses(),
      mdns: settings.mdns,
    });
    this.#driver.feed({ kind: 'start', search });
    this.#addresses.announce();
    const busyness = startBusyness((perMille) => {
      this.#driver.feed({ kind: 'busy', perMille });
      this.#addresses.announce();
    });
    this.#contacts.start();
    this.#rekeying.start();
    this.#closers.push(
      () => this.#rekeying.stop(),
      () => this.#driver.stop(),
      () => this.#tasks.stop(),
      () => busyness.stop(),
      () => this.#contacts.stop(),
    );
    log.info(
      {
        event: 'listening',
        ...this.#listening(),
        instance: this.#directory.instanceId,
        pool: this.#secrets.present.poolId,
      },
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
      poolTopic: this.#secrets.present.poolTopic,
      networkKey: this.#secrets.present.networkKey.reveal(),
      discoveryTag: this.#secrets.present.discoveryTag,
      rekeyed: this.#secrets.meshRekeyed(),
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
      cron: cronTimes,
      poolKeys: [this.#secrets.accessKey, ...this.#secrets.formerAccessKeys].map(({ id }) => id),
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
      seeds: this.#addresses.seeds(),
      view: () => this.#driver.view(),
      atMs: monotonicMs,
      remember: (addresses) => this.#addresses.remember(addresses),
      onSearch: (pending) => this.#driver.feed({ kind: 'search-pending', pending }),
      onFailure: (address, reason) => log.debug({ event: 'dial-failed', address }, reason),
    });
  }

  async #startAccess(): Promise<void> {
    const { settings, log } = this.#init;
    const access = await startAccessServer({
      identity: this.#directory.identity.reveal(),
      proof: () => proveInstance(this.#secrets.spokenAccessKey, this.#directory.instanceId),
      succession: this.#secrets.succession,
      listen: [settings.listenAccess],
      announce: settings.announceAccess,
      port: this.#driver,
      workloads: this.#workloads,
      desk: this.#recordings.desk,
      vault: this.#vault,
      vaultKey: () => this.#vault.publicKey,
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
      proxyKey: () => this.#secrets.spoken.sshProxyKey,
      findRecords: (named) => this.#driver.records.find(named),
    });
  }

  async #startHttp(listen: NonNullable<Settings['http']>): Promise<void> {
    const http = await startHttp(listen, this.#controlSource());
    this.#httpAddress = http.address;
    this.#closers.push(() => http.stop());
  }

  #createAddresses(): Addresses {
    const { settings, log } = this.#init;
    return new Addresses({
      config: this.#config,
      settings,
      store: this.#directory.store,
      own: () => this.#listening(),
      tell: (told) => this.#driver.feed({ kind: 'addresses', ...told }),
      onProblem: (problem) => log.warn({ event: 'addresses-not-remembered' }, problem),
    });
  }

  #onMesh(event: MeshEvent): void {
    if (event.kind === 'peer-found') return this.#contacts.found(event.addresses);
    if (event.kind === 'secret-replaced') return this.#rekeying.heard(event.succession);
    if (event.kind === 'former-refused') return this.#rekeying.refused(event.address);
    if (event.kind === 'link-down') return this.#driver.feed({ kind: 'link-down', peer: event.peer });
    this.#driver.feed(event);
  }

  #onNote(note: Note): void {
    this.#audit.noted(note);
    this.#events.add(note, Date.now());
    this.#init.log[note.level]({ event: note.event, ...note.detail }, note.event);
  }

  /** The pool goes on with another secret: sessions may end in order, and the process says why it ends. */
  #shutOut(lines: readonly string[]): void {
    this.#outLines = lines;
    this.drain('the pool secret was replaced');
  }

  async #onExit(exitCode: ExitCode, exitLines: readonly string[]): Promise<void> {
    await delay(FAREWELL_MS);
    const code = this.#outLines === undefined ? exitCode : ExitCode.usage;
    const lines = this.#outLines ?? exitLines;
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
        topic: this.#secrets.spoken.poolTopic,
        poolId: this.#secrets.present.poolId,
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
