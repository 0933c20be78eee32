import { type KeyPair, keyPairFromSeed } from '../base/ed25519.ts';
import type { Secret } from '../base/secret.ts';
import type { GatewayConfig } from '../config/index.ts';
import { derivePoolKeys, type PoolKeys } from '../core/index.ts';
import type { MeshRekeyed } from '../mesh/index.ts';

/** What is derived from the pool secret, and from those before it while they count, or where something was stored under them. */
export class PoolSecrets {
  readonly present: PoolKeys;
  /** Newest first. */
  readonly former: readonly PoolKeys[];
  /** With which the pool vouches for its instances. */
  readonly accessKey: KeyPair;
  readonly formerAccessKeys: readonly KeyPair[];
  readonly #config: GatewayConfig;

  /** `stored` are the former secrets that the data directory knows, newest first; those of the configuration are among them. */
  constructor(config: GatewayConfig, stored: readonly Secret<Uint8Array>[]) {
    const keysOf = (secret: Secret<Uint8Array>): PoolKeys =>
      derivePoolKeys({ secret: secret.reveal(), gatewayUid: config.uid });
    this.present = keysOf(config.poolSecret);
    this.former = stored.map(keysOf);
    this.accessKey = keyPairFromSeed(this.present.accessKeySeed.reveal());
    this.formerAccessKeys = this.former.map(({ accessKeySeed }) => keyPairFromSeed(accessKeySeed.reveal()));
    this.#config = config;
  }

  /** True while instances and clients that know only the newest former secret are let in. */
  get countsFormer(): boolean {
    const { rekeyed } = this.#config;
    return rekeyed !== null && rekeyed.formerSecrets.length > 0 && Date.now() < rekeyed.untilUnixMs;
  }

  /** What everybody knows who is let in: the former keys while they count, so that all of the pool says the same. */
  get spoken(): PoolKeys {
    return this.countsFormer ? (this.former[0] ?? this.present) : this.present;
  }

  /** Proves instances to clients: by the key that all clients trust. */
  get spokenAccessKey(): KeyPair {
    return this.countsFormer ? (this.formerAccessKeys[0] ?? this.accessKey) : this.accessKey;
  }

  /** With which what this instance signs as one of the pool is signed: whoever knows either secret takes it. */
  get signingAccessKeys(): readonly KeyPair[] {
    return this.countsFormer ? [this.accessKey, ...this.formerAccessKeys.slice(0, 1)] : [this.accessKey];
  }

  /** The sealed statement of the admins; undefined: the secret was never replaced. */
  get succession(): Uint8Array | undefined {
    return this.#config.rekeyed?.succession;
  }

  /** What the mesh has to know of former secrets; undefined: there are none. */
  meshRekeyed(): MeshRekeyed | undefined {
    const { rekeyed } = this.#config;
    if (this.former.length === 0) return undefined;
    const [newest] = this.former;
    const isFormer = newest !== undefined && rekeyed !== null && this.countsFormer;
    return {
      former: isFormer
        ? {
            poolTopic: newest.poolTopic,
            networkKey: newest.networkKey.reveal(),
            discoveryTag: newest.discoveryTag,
            untilUnixMs: rekeyed.untilUnixMs,
          }
        : null,
      replacedKeys: this.former.map(({ networkKey }) => networkKey.reveal()),
      succession: rekeyed?.succession ?? new Uint8Array(0),
    };
  }
}
