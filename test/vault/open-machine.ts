/** One instance without sockets: the real core, driver, store on disk and embedded vault. */

import { randomBytes } from 'node:crypto';
import { createEd25519Verify, type KeyPair, keyPairFromSeed } from '../../src/base/ed25519.ts';
import type { InstanceId } from '../../src/base/ids.ts';
import { Secret } from '../../src/base/secret.ts';
import { openStore, type Store } from '../../src/config/index.ts';
import { createPoolMachine } from '../../src/core/index.ts';
import { monotonicMs, PoolDriver } from '../../src/driver/index.ts';
import { createEmbeddedVault, type Vault } from '../../src/vault/index.ts';
import { limitSeal } from '../../src/wire/limit.ts';
import { type TargetRecord, targetRecordSeal } from '../../src/wire/record.ts';
import { seal } from '../../src/wire/sealed.ts';

const key = (number: number): KeyPair => keyPairFromSeed(new Uint8Array(32).fill(number));
/** Who signs records, and the pool. */
export const [admin, accessKey] = [key(1), key(2)];
const UID = 'gateway-of-this-test-0';
const gateway = { uid: UID, name: 'test', adminKeys: [admin.id], threshold: 1 };
const limit = { gatewayUid: UID, maxInstances: 9, version: 1, issuedUnixMs: 1, expiresUnixMs: null };
const facts = { version: '0', platform: 'test', capabilities: [], labels: [], budgetKib: 1024, drainMs: 1000 };
const nothing = (): void => undefined;

/** What is open. */
export interface OpenMachine {
  readonly id: InstanceId;
  readonly driver: PoolDriver;
  readonly store: Store;
  readonly vault: Vault;
}

/** Opens a data directory; `number` is whose. Messages go to `send`. */
export function openMachine(
  directory: string,
  number = 10,
  send: (to: InstanceId, bytes: Uint8Array) => boolean = () => false,
): OpenMachine {
  const store = openStore({ directory, gatewayUid: UID, unixMs: () => Date.now() });
  const identity = key(number);
  const machine = createPoolMachine(
    {
      identity,
      verify: createEd25519Verify(),
      random: () => randomBytes(4).readUInt32LE(),
      startId: randomBytes(16).toString('hex'),
      incarnation: 1,
      gateway: { ...gateway, firstLimit: seal(limitSeal, limit, [admin]), poolKeys: [accessKey.id] },
      self: { ...facts, name: `instance-${number}` },
      standby: false,
      replaces: null,
      remembered: store.remembered(),
      cron: { latest: () => null, next: () => null },
    },
    { atMs: monotonicMs(), unixMs: Date.now() },
  );
  const driver = new PoolDriver({
    instanceId: identity.id,
    startId: '',
    gateway,
    machine,
    send,
    publish: nothing,
    disconnect: nothing,
    write: (batch) => store.write(batch),
    refuse: () => null,
    onBegin: nothing,
    readOutput: () => undefined,
    onNote: nothing,
    onExit: nothing,
    onUnlinked: nothing,
  });
  const keySeeds = [new Secret(new Uint8Array(32).fill(9))] as const;
  const vault = createEmbeddedVault({ port: driver, keySeeds, signers: [identity, accessKey] });
  return { id: identity.id, driver, store, vault };
}

/** A record signed by the admin. */
export function signRecord(recordId: string): Uint8Array {
  const record: TargetRecord = {
    gatewayUid: UID,
    recordId,
    revision: 1,
    deleted: false,
    type: 'machine',
    title: recordId,
    host: 'host.example',
    port: 22,
    protocol: 'ssh',
    user: 'root',
    labels: [{ key: 'site', value: 'eu-1' }],
    changedUnixMs: 1,
    parentId: null,
  };
  return seal(targetRecordSeal, record, [admin]);
}
