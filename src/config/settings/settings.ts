import { dirname, join, resolve } from 'node:path';
import { type NetworkRange, parseNetworkRange } from '../../base/network-range.ts';
import { Secret } from '../../base/secret.ts';
import type { Label } from '../../wire/member-record.ts';
import type { HostPort } from '../address.ts';
import type { GatewayConfigSource } from '../gateway-config.ts';
import { ConfigError, type Mistake, refuseMistakes } from '../mistakes.ts';
import { readConfigFile } from '../secret-file.ts';
import type { FlagTexts } from './flags.ts';
import {
  type Environment,
  environmentSource,
  fileSource,
  flagSource,
  type SettingSource,
  unknownVariables,
} from './sources.ts';
import { defaultDataDirectory, defaultMemoryBudgetMb, defaultName, type System, thisSystem } from './system.ts';
import { type LOG_FORMATS, type LOG_LEVELS, type Setting, settingsTable as table } from './table.ts';

/** How one instance runs: everything that may differ between the instances of a pool. */
export interface Settings {
  readonly gatewayConfig: GatewayConfigSource;
  /** Absolute. */
  readonly dataDirectory: string;
  readonly name: string;
  readonly listenMesh: HostPort;
  readonly listenAccess: HostPort;
  /** `host:port` or multiaddr; empty: what it listens on. */
  readonly announceMesh: readonly string[];
  readonly announceAccess: readonly string[];
  /** Mesh addresses of other instances, besides those of the gateway configuration. */
  readonly peers: readonly string[];
  readonly mdns: boolean;
  readonly standby: boolean;
  /** Id or name of the instance whose seat this one takes over; `--replace` gives its own name. */
  readonly replaces: string | null;
  readonly labels: readonly Label[];
  /** Where discoveries may look. */
  readonly discoveryAllow: readonly NetworkRange[];
  readonly memoryBudgetMb: number;
  /** Null: off. */
  readonly http: HostPort | null;
  /** Which recordings stay. */
  readonly keepRecordings: { readonly ageMsMax: number | null; readonly bytesMax: number | null };
  readonly logFormat: (typeof LOG_FORMATS)[number];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** How long sessions may go on after SIGTERM. */
  readonly drainMs: number;
}

/** Where settings come from. */
export interface SettingsInit {
  readonly flags: FlagTexts;
  readonly env: Environment;
  readonly system?: System;
}

const LISTEN_MESH: HostPort = { host: '0.0.0.0', port: 7400 };
const LISTEN_ACCESS: HostPort = { host: '0.0.0.0', port: 7401 };
const HTTP: HostPort = { host: '127.0.0.1', port: 8099 };
const DRAIN_SECONDS = 300;
const RECORDING_DAYS = 90;
const RECORDING_MAX_MB = 10_240;
const DAY_MS = 86_400_000;
const MB_BYTES = 1024 * 1024;
/** Private networks (RFC 1918), loopback and link-local. */
const DISCOVERY_ALLOW = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
  '::1',
];

/** The settings of an instance. Throws `bad-config` with every mistake of every source, also of values that another source overrides. */
export function loadSettings({ flags, env, system = thisSystem() }: SettingsInit): Settings {
  const mistakes: Mistake[] = [...unknownVariables(env)];
  const typed = [flagSource(flags), environmentSource(env)];
  const path = new SettingsReader(typed, mistakes, system).path(table.settings);
  const reader = new SettingsReader(
    path === undefined ? typed : [...typed, openFile(path, mistakes)],
    mistakes,
    system,
  );
  const settings = readSettings(reader, system);
  const gatewayConfig = chooseGatewayConfig(reader, mistakes);
  refuseMistakes(mistakes);
  if (gatewayConfig === undefined) throw new ConfigError([missingGatewayConfig]);
  return { ...settings, gatewayConfig };
}

/** What commands know that only look for the running instance. */
export interface DataDirectoryChoice {
  /** Value of `--data-dir`. */
  readonly flag: string | undefined;
  readonly env: Environment;
  readonly system?: System;
}

/** The data directory alone; mistakes in other settings are not its concern. Throws `bad-config`. */
export function chooseDataDirectory({ flag, env, system = thisSystem() }: DataDirectoryChoice): string {
  const typed = [flagSource(new Map(flag === undefined ? [] : [['data-dir', [flag]]])), environmentSource(env)];
  const mistakes: Mistake[] = [];
  const settingsPath = new SettingsReader(typed, mistakes, system).path(table.settings);
  const sources = settingsPath === undefined ? typed : [...typed, openFile(settingsPath, [])];
  const path = new SettingsReader(sources, mistakes, system).path(table.dataDir);
  refuseMistakes(mistakes);
  return path ?? defaultDataDirectory(system);
}

/** A value and the source that won. */
interface Found<T> {
  readonly value: T;
  readonly rank: number;
  readonly directory: string | undefined;
}

/** Reads settings from sources, the strongest first, and collects what is wrong in any of them. */
class SettingsReader {
  readonly #sources: readonly SettingSource[];
  readonly #mistakes: Mistake[];
  readonly #system: System;
  /** A setting that is asked for twice reports its mistakes once. */
  readonly #seen = new Set<string>();

  constructor(sources: readonly SettingSource[], mistakes: Mistake[], system: System) {
    this.#sources = sources;
    this.#mistakes = mistakes;
    this.#system = system;
  }

  /** The value of the strongest source that has one, whatever the others hold being checked too. */
  find<T>(setting: Setting<T>): Found<T> | undefined {
    const mistakes = this.#seen.has(setting.env) ? [] : this.#mistakes;
    this.#seen.add(setting.env);
    const found = this.#sources.map((source, rank) => {
      const value = readFrom(source, setting, mistakes);
      return value === undefined ? undefined : { value, rank, directory: source.directory };
    });
    return found.find((one) => one !== undefined);
  }

  /** Adds what is wrong with settings that are each right. */
  refuse(mistake: Mistake): void {
    this.#mistakes.push(mistake);
  }

  value<T>(setting: Setting<T>): T | undefined {
    return this.find(setting)?.value;
  }

  /** An absolute path: relative ones start at the settings file they stand in, `~` is the home directory. */
  path(setting: Setting<string>): string | undefined {
    const found = this.find(setting);
    if (found === undefined) return undefined;
    const { home, workingDirectory } = this.#system;
    if (found.value === '~' || found.value.startsWith('~/')) return join(home, found.value.slice(1));
    return resolve(found.directory ?? workingDirectory, found.value);
  }
}

function readFrom<T>(source: SettingSource, setting: Setting<T>, mistakes: Mistake[]): T | undefined {
  const texts = source.texts(setting, mistakes);
  if (texts === undefined) return undefined;
  const read = setting.kind.read(texts);
  if (read.ok) return read.value;
  mistakes.push(
    ...read.problems.map((problem) => ({ where: source.where(setting), problem, remedy: setting.kind.remedy })),
  );
  return undefined;
}

function openFile(path: string, mistakes: Mistake[]): SettingSource {
  const missing = 'Write it, or leave --settings out; config-samples has one for every situation.';
  try {
    const text = readConfigFile({ path, what: 'settings file', missing, secret: false });
    const file = fileSource(text, path, dirname(path));
    mistakes.push(...file.mistakes);
    return file.source;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    mistakes.push(...error.mistakes);
    return { directory: undefined, where: () => path, texts: () => undefined };
  }
}

function readSettings(reader: SettingsReader, system: System): Omit<Settings, 'gatewayConfig'> {
  const name = reader.value(table.name) ?? defaultName(system);
  return {
    dataDirectory: reader.path(table.dataDir) ?? defaultDataDirectory(system),
    name,
    listenMesh: reader.value(table.listenMesh) ?? LISTEN_MESH,
    listenAccess: reader.value(table.listenAccess) ?? LISTEN_ACCESS,
    announceMesh: reader.value(table.announceMesh) ?? [],
    announceAccess: reader.value(table.announceAccess) ?? [],
    peers: reader.value(table.peer) ?? [],
    mdns: !(reader.value(table.noMdns) ?? false),
    standby: reader.value(table.standby) ?? false,
    replaces: chooseReplaced(reader, name),
    labels: reader.value(table.label) ?? [],
    discoveryAllow:
      reader.value(table.discoveryAllow) ?? DISCOVERY_ALLOW.flatMap((text) => parseNetworkRange(text) ?? []),
    memoryBudgetMb: reader.value(table.memoryBudgetMb) ?? defaultMemoryBudgetMb(system),
    http: valueOr(reader.value(table.http), HTTP),
    keepRecordings: readKeepRule(reader),
    logFormat: reader.value(table.logFormat) ?? (system.onTerminal ? 'pretty' : 'json'),
    logLevel: reader.value(table.logLevel) ?? 'info',
    drainMs: (reader.value(table.drainSeconds) ?? DRAIN_SECONDS) * 1000,
  };
}

/** Zero means without a bound. */
function readKeepRule(reader: SettingsReader): Settings['keepRecordings'] {
  const days = reader.value(table.recordingDays) ?? RECORDING_DAYS;
  const megabytes = reader.value(table.recordingMaxMb) ?? RECORDING_MAX_MB;
  return { ageMsMax: days === 0 ? null : days * DAY_MS, bytesMax: megabytes === 0 ? null : megabytes * MB_BYTES };
}

/** Null is a value here: it means "off". */
function valueOr<T>(value: T | undefined, otherwise: T): T {
  return value === undefined ? otherwise : value;
}

const missingGatewayConfig: Mistake = {
  where: 'gateway configuration',
  problem: 'is not named',
  remedy: 'Give --config-file FILE, or set GATEWAY_CONFIG to its base64; "pam gateway new" writes one.',
};

/** The configuration of the stronger source; file and base64 from the environment together are ambiguous. */
function chooseGatewayConfig(reader: SettingsReader, mistakes: Mistake[]): GatewayConfigSource | undefined {
  const before = mistakes.length;
  const file = reader.find(table.configFile);
  const text = reader.find(table.config);
  const path = reader.path(table.configFile);
  if (text !== undefined && (file === undefined || text.rank < file.rank)) {
    return { kind: 'base64', text: new Secret(text.value), where: `environment variable ${table.config.env}` };
  }
  if (text !== undefined && file?.rank === text.rank) {
    const problem = `is set, and so is ${table.configFile.env}`;
    mistakes.push({ where: `environment variable ${table.config.env}`, problem, remedy: 'Keep one of them.' });
  }
  if (path !== undefined) return { kind: 'file', path };
  if (mistakes.length === before) mistakes.push(missingGatewayConfig);
  return undefined;
}

/** Whose seat to take: the stronger source decides between `replaces` and `replace`. */
function chooseReplaced(reader: SettingsReader, name: string): string | null {
  const named = reader.find(table.replaces);
  const same = reader.find(table.replace);
  if (named === undefined || (same !== undefined && same.rank < named.rank)) return same?.value === true ? name : null;
  if (same?.value !== true || same.rank !== named.rank) return named.value;
  const problem = `${JSON.stringify(named.value)} and replace contradict each other`;
  const remedy = 'Keep replaces to name another instance, or replace for the one with the same name.';
  reader.refuse({ where: 'replaces', problem, remedy });
  return null;
}
