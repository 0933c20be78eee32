import type { GatewayFacts } from '../../src/core/index.ts';
import { type Limit, limitSeal } from '../../src/wire/limit.ts';
import type { Label } from '../../src/wire/member-record.ts';
import { type TargetRecord, targetRecordSeal } from '../../src/wire/record.ts';
import { RotationLabel } from '../../src/wire/rotation-profile.ts';
import { seal } from '../../src/wire/sealed.ts';
import { EPOCH_UNIX_MS } from './host-clock.ts';
import type { Keyring, Signer } from './keys.ts';
import type { Random } from './random.ts';

/** The gateway of every simulated pool. */
export const GATEWAY_UID = 'simulated-gateway';
/** The record that every simulated job is for. */
export const RECORD_ID = 'simulated-record-00000';

/** What an admin begins with. */
export interface OperatorInit {
  /** Number of the first limit. */
  readonly maxInstances: number;
  /** Period of the record's schedule; undefined: it has none. */
  readonly everySeconds?: number | undefined;
  now(): number;
}

/** The admin: signs limits and records. */
export class Operator {
  readonly key: Signer;
  readonly gateway: GatewayFacts;
  /** Every limit ever signed, oldest first, and when that was, whatever its time of issue says. */
  readonly limits: { readonly limit: Limit; readonly sealed: Uint8Array; readonly signedAtMs: number }[] = [];
  /** Versions that some instance has held: what was refused counts for nothing. */
  readonly held = new Set<number>([1]);
  readonly #now: () => number;
  readonly #labels: readonly Label[];
  #version = 0;

  constructor(keyring: Keyring, random: Random, { maxInstances, everySeconds, now }: OperatorInit) {
    this.#now = now;
    this.#labels = everySeconds === undefined ? [] : scheduled(everySeconds);
    this.key = keyring.make(random);
    const firstLimit = this.sign({ maxInstances, expiresUnixMs: null, issuedUnixMs: EPOCH_UNIX_MS - 1000 });
    const shared = { uid: GATEWAY_UID, name: 'simulated', adminKeys: [this.key.id], threshold: 1 };
    this.gateway = { ...shared, firstLimit, poolKeys: [] };
  }

  /** Version of the newest limit. */
  get version(): number {
    return this.#version;
  }

  /** A new limit; `sameVersion` makes one that contradicts the newest. */
  sign(values: Pick<Limit, 'maxInstances' | 'expiresUnixMs' | 'issuedUnixMs'>, sameVersion = false): Uint8Array {
    if (!sameVersion) this.#version += 1;
    const limit: Limit = { gatewayUid: GATEWAY_UID, version: this.#version, ...values };
    const sealed = seal(limitSeal, limit, [this.key]);
    this.limits.push({ limit, sealed, signedAtMs: this.#now() });
    return sealed;
  }

  /** The one target of all jobs. */
  record(): Uint8Array {
    const record: TargetRecord = {
      gatewayUid: GATEWAY_UID,
      recordId: RECORD_ID,
      revision: 1,
      deleted: false,
      type: 'machine',
      title: 'target',
      host: '192.0.2.1',
      port: 22,
      protocol: 'tcp',
      user: null,
      labels: this.#labels,
      changedUnixMs: EPOCH_UNIX_MS,
      parentId: null,
    };
    return seal(targetRecordSeal, record, [this.key]);
  }
}

function scheduled(everySeconds: number): readonly Label[] {
  return [
    { key: RotationLabel.scheduledFrom, value: String(EPOCH_UNIX_MS) },
    { key: RotationLabel.schedule, value: `every ${everySeconds}s` },
  ];
}
