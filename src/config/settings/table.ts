import { ADDRESSES_MAX } from '../../wire/bounds.ts';
import { MEMORY_KIB_MAX } from '../../wire/pulse.ts';
import {
  addressesKind,
  integerKind,
  labelsKind,
  listenKind,
  listenOrOffKind,
  nameKind,
  pathKind,
  rangesKind,
  secretKind,
  switchKind,
  type ValueKind,
  wordKind,
} from './value-kind.ts';

/** One setting of an instance, in every place where it can be set. */
export interface Setting<T> {
  /** What it is called as a flag, with its argument, and (without the hyphens) in the settings file; null: in neither. */
  readonly flag: string | null;
  /** Environment variable. */
  readonly env: string;
  /** It has a key in the settings file. */
  readonly inFile: boolean;
  readonly kind: ValueKind<T>;
  /** Meaning, with the unit; raising it does what the second half says. No full stop. */
  readonly help: string;
  /** What holds when nothing sets it, as help says it; null: nothing. */
  readonly otherwise: string | null;
}

/** Addresses of other instances one can name: a pool is found through any one of them. */
const PEERS_MAX = 64;
/** Networks that can be named for discoveries. */
const DISCOVERY_RANGES_MAX = 64;
/** Least memory for sessions, in MB: one of every common kind. */
const MEMORY_BUDGET_MB_MIN = 64;
/** A day: whoever wants longer sessions than that to survive a restart wants no restart. */
const DRAIN_SECONDS_MAX = 86_400;

/** Ten years. */
const RECORDING_DAYS_MAX = 3660;
/** A petabyte. */
const RECORDING_MB_MAX = 1_000_000_000;

/** Formats of the log. */
export const LOG_FORMATS = ['json', 'pretty'] as const;
/** Levels of the log, most first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const everywhere = { inFile: true, otherwise: null } as const;

/**
 * Every setting of an instance: the flags of `gateway start`, the environment and the settings file are all read from this table. A
 * flag beats the environment, which beats the file; a list is replaced as a whole.
 */
export const settingsTable = {
  settings: {
    flag: '--settings <FILE>',
    env: 'GATEWAY_SETTINGS',
    inFile: false,
    kind: pathKind,
    help: 'YAML file with any of these settings, under their names without the hyphens',
    otherwise: null,
  },
  configFile: {
    ...everywhere,
    flag: '--config-file <FILE>',
    env: 'GATEWAY_CONFIG_FILE',
    kind: pathKind,
    help: 'gateway configuration, alike on every instance of the pool; or its base64 in GATEWAY_CONFIG',
  },
  config: {
    flag: null,
    env: 'GATEWAY_CONFIG',
    inFile: false,
    kind: secretKind,
    help: 'base64 of the gateway configuration',
    otherwise: null,
  },
  dataDir: {
    ...everywhere,
    flag: '--data-dir <DIR>',
    env: 'GATEWAY_DATA_DIR',
    kind: pathKind,
    help: "this instance's own key and memory; one process at a time",
    otherwise: '/var/lib/pam-gateway for root, else ~/.pam-gateway',
  },
  name: {
    ...everywhere,
    flag: '--name <NAME>',
    env: 'GATEWAY_NAME',
    kind: nameKind,
    help: 'what people call this instance',
    otherwise: 'the host name',
  },
  listenMesh: {
    ...everywhere,
    flag: '--listen-mesh <HOST:PORT>',
    env: 'GATEWAY_LISTEN_MESH',
    kind: listenKind,
    help: 'where other instances reach this one; port 0 picks a free one',
    otherwise: '0.0.0.0:7400',
  },
  listenAccess: {
    ...everywhere,
    flag: '--listen-access <HOST:PORT>',
    env: 'GATEWAY_LISTEN_ACCESS',
    kind: listenKind,
    help: 'where pam clients reach this instance; port 0 picks a free one',
    otherwise: '0.0.0.0:7401',
  },
  announceMesh: {
    ...everywhere,
    flag: '--announce-mesh <HOST:PORT>',
    env: 'GATEWAY_ANNOUNCE_MESH',
    kind: addressesKind(ADDRESSES_MAX),
    help: 'address that other instances are told to dial, behind NAT or in a container (repeatable)',
    otherwise: 'the addresses it listens on',
  },
  announceAccess: {
    ...everywhere,
    flag: '--announce-access <HOST:PORT>',
    env: 'GATEWAY_ANNOUNCE_ACCESS',
    kind: addressesKind(ADDRESSES_MAX),
    help: 'address that pam clients are told to dial (repeatable)',
    otherwise: 'the addresses it listens on',
  },
  peer: {
    ...everywhere,
    flag: '--peer <HOST:PORT>',
    env: 'GATEWAY_PEER',
    kind: addressesKind(PEERS_MAX),
    help: 'mesh address of another instance, besides those of the configuration (repeatable; multiaddrs too)',
  },
  noMdns: {
    ...everywhere,
    flag: '--no-mdns',
    env: 'GATEWAY_NO_MDNS',
    kind: switchKind,
    help: 'do not look for instances on the local network',
  },
  standby: {
    ...everywhere,
    flag: '--standby',
    env: 'GATEWAY_STANDBY',
    kind: switchKind,
    help: 'when the pool is full, wait for the next free seat instead of exiting',
  },
  replaces: {
    ...everywhere,
    flag: '--replaces <INSTANCE>',
    env: 'GATEWAY_REPLACES',
    kind: nameKind,
    help: 'take over the seat of the instance with this id or name, which then drains',
  },
  replace: {
    ...everywhere,
    flag: '--replace',
    env: 'GATEWAY_REPLACE',
    kind: switchKind,
    help: 'take over the seat of the instance with the same name as this one',
  },
  label: {
    ...everywhere,
    flag: '--label <KEY=VALUE>',
    env: 'GATEWAY_LABEL',
    kind: labelsKind,
    help: 'says something about this instance that jobs can ask for (repeatable)',
  },
  discoveryAllow: {
    ...everywhere,
    flag: '--discovery-allow <CIDR>',
    env: 'GATEWAY_DISCOVERY_ALLOW',
    kind: rangesKind(DISCOVERY_RANGES_MAX),
    help: 'network that discoveries may look at, in place of the default ones (repeatable); more lets them reach further',
    otherwise: 'private networks, link-local and loopback',
  },
  memoryBudgetMb: {
    ...everywhere,
    flag: '--memory-budget-mb <N>',
    env: 'GATEWAY_MEMORY_BUDGET_MB',
    kind: integerKind({ min: MEMORY_BUDGET_MB_MIN, max: MEMORY_KIB_MAX / 1024 }),
    help: 'memory that sessions may take in all, in MB; more lets this instance take more of them',
    otherwise: "half of the machine's or container's memory",
  },
  http: {
    ...everywhere,
    flag: '--http <HOST:PORT|off>',
    env: 'GATEWAY_HTTP',
    kind: listenOrOffKind,
    help: 'health, metrics and dashboard',
    otherwise: '127.0.0.1:8099',
  },
  recordingDays: {
    ...everywhere,
    flag: '--recording-days <N>',
    env: 'GATEWAY_RECORDING_DAYS',
    kind: integerKind({ min: 0, max: RECORDING_DAYS_MAX }),
    help: 'days that recordings of sessions are kept on this instance; 0 keeps them whatever their age',
    otherwise: '90',
  },
  recordingMaxMb: {
    ...everywhere,
    flag: '--recording-max-mb <N>',
    env: 'GATEWAY_RECORDING_MAX_MB',
    kind: integerKind({ min: 0, max: RECORDING_MB_MAX }),
    help: 'room for recordings on this instance, in MB: beyond it the oldest are removed; 0 sets no bound',
    otherwise: '10240',
  },
  logFormat: {
    ...everywhere,
    flag: '--log-format <FORMAT>',
    env: 'GATEWAY_LOG_FORMAT',
    kind: wordKind(LOG_FORMATS),
    help: 'json or pretty',
    otherwise: 'pretty on a terminal, else json',
  },
  logLevel: {
    ...everywhere,
    flag: '--log-level <LEVEL>',
    env: 'GATEWAY_LOG_LEVEL',
    kind: wordKind(LOG_LEVELS),
    help: `${LOG_LEVELS.join(', ')}; addresses and names appear from debug on`,
    otherwise: 'info',
  },
  drainSeconds: {
    ...everywhere,
    flag: '--drain-seconds <N>',
    env: 'GATEWAY_DRAIN_SECONDS',
    kind: integerKind({ min: 0, max: DRAIN_SECONDS_MAX }),
    help: 'how long sessions may go on after SIGTERM, in seconds; longer interrupts fewer people and delays the stop',
    otherwise: '300',
  },
} satisfies Readonly<Record<string, Setting<unknown>>>;

/** All settings, for whoever needs no types: help, completion, the check for unknown names. */
export const allSettings: readonly Setting<unknown>[] = Object.values(settingsTable);

/** The name of a setting in the settings file, and after the hyphens of its flag; null if it has neither. */
export function settingKey({ flag }: Setting<unknown>): string | null {
  return flag === null ? null : (flag.slice(2).split(' ')[0] ?? null);
}
