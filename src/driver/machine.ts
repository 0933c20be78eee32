import { randomBytes } from 'node:crypto';
import { createEd25519Verify, type KeyPair } from '../base/ed25519.ts';
import type { DataDirectory, GatewayConfig, Settings } from '../config/index.ts';
import { type CronTimes, createPoolMachine } from '../core/index.ts';
import { monotonicMs } from './pool-driver.ts';

/** What the machine of an instance is made of. */
export interface MachineInit {
  readonly settings: Settings;
  readonly config: GatewayConfig;
  readonly directory: DataDirectory;
  readonly identity: KeyPair;
  /** New with every start: 32 hexadecimal characters. */
  readonly startId: string;
  /** Those with which the pool vouches for its instances, or did when something was stored. */
  readonly poolKeys: readonly KeyPair['id'][];
  /** What cron patterns mean. */
  readonly cron: CronTimes;
  readonly self: {
    readonly name: string;
    readonly version: string;
    readonly platform: string;
    readonly capabilities: readonly string[];
  };
}

/** The core of an instance, with what its configuration, its settings and its data directory say. */
export function createMachine(init: MachineInit): ReturnType<typeof createPoolMachine> {
  const { settings, config, directory, identity, startId } = init;
  const { uid, name, adminKeys, threshold, firstLimit } = config;
  return createPoolMachine(
    {
      identity: { id: identity.id, sign: identity.sign },
      verify: createEd25519Verify(),
      random: () => randomBytes(4).readUInt32LE(),
      startId,
      incarnation: directory.incarnation,
      gateway: { uid, name, adminKeys, threshold, firstLimit, poolKeys: init.poolKeys },
      self: {
        ...init.self,
        labels: settings.labels,
        budgetKib: settings.memoryBudgetMb * 1024,
        drainMs: settings.drainMs,
      },
      standby: settings.standby,
      replaces: settings.replaces,
      remembered: directory.store.remembered(),
      cron: init.cron,
    },
    { atMs: monotonicMs(), unixMs: Date.now() },
  );
}
