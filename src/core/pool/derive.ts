import { hkdfSync } from 'node:crypto';
import { base32 } from 'multiformats/bases/base32';
import { assert } from '../../base/assert.ts';
import { Secret } from '../../base/secret.ts';

/** What the instances of one pool share without ever sending it. */
export interface PoolKeys {
  /** Gossip topic: reveals nothing of the secret. */
  readonly poolTopic: string;
  /** Short public name of the pool: equal on two instances exactly when they share secret and gateway. */
  readonly poolId: string;
  /** Key of the private network, 32 bytes: who lacks it fails at the transport. */
  readonly networkKey: Secret<Uint8Array>;
  /** Seed of the Ed25519 key with which the pool vouches for its instances towards clients, who hold its public half. */
  readonly accessKeySeed: Secret<Uint8Array>;
  /** Private half of the X25519 key that credentials are sealed to: whoever seals needs only its public half. */
  readonly vaultKeySeed: Secret<Uint8Array>;
  /** Names the pool in local discovery; lower-case letters and digits, fit for a DNS label. */
  readonly discoveryTag: string;
  /** Key that recordings are encrypted under, 32 bytes: any instance of the pool reads them. */
  readonly recordingKey: Secret<Uint8Array>;
  /** What the host keys that people's own `ssh` sees are made from, 32 bytes. */
  readonly sshProxyKey: Secret<Uint8Array>;
}

/** Bytes of the pool secret: as many as every key made from it may need. */
export const POOL_SECRET_BYTES = 32;

/**
 * One label per derived value, with its length in bytes. Golden vectors hold them down: a changed label is another pool. Append only.
 * Sixteen bytes keep two pools from ever meeting by chance; ids that people read are shorter.
 */
const LABELS = {
  topic: { label: 'pam-mesh/1/pool-topic', length: 16 },
  id: { label: 'pam-mesh/1/pool-id', length: 10 },
  networkKey: { label: 'pam-mesh/1/network-key', length: 32 },
  accessKey: { label: 'pam-mesh/1/access-key', length: 32 },
  discoveryTag: { label: 'pam-mesh/1/discovery-tag', length: 15 },
  vaultKey: { label: 'pam-mesh/1/vault-key', length: 32 },
  recordingKey: { label: 'pam-mesh/1/recording-key', length: 32 },
  sshProxyKey: { label: 'pam-mesh/1/ssh-proxy-key', length: 32 },
} as const;

/**
 * Everything a pool derives from its secret of 32 bytes: HKDF-SHA256 (RFC 5869) with the gateway's uid in the salt and a label
 * each, so that another secret or another gateway gives nothing in common, and no value tells anything about another.
 */
export function derivePoolKeys(from: { readonly secret: Uint8Array; readonly gatewayUid: string }): PoolKeys {
  assert(from.secret.length === POOL_SECRET_BYTES, `a pool secret has ${POOL_SECRET_BYTES} bytes`);
  const derive = ({ label, length }: { readonly label: string; readonly length: number }): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', from.secret, `pam-mesh/1/gateway/${from.gatewayUid}`, label, length));
  return {
    poolTopic: `/pam-mesh/1/pool/${base32.baseEncode(derive(LABELS.topic))}`,
    poolId: base32.baseEncode(derive(LABELS.id)),
    networkKey: new Secret(derive(LABELS.networkKey)),
    accessKeySeed: new Secret(derive(LABELS.accessKey)),
    vaultKeySeed: new Secret(derive(LABELS.vaultKey)),
    discoveryTag: base32.baseEncode(derive(LABELS.discoveryTag)),
    recordingKey: new Secret(derive(LABELS.recordingKey)),
    sshProxyKey: new Secret(derive(LABELS.sshProxyKey)),
  };
}
