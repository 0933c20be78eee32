import type { Secret } from '../base/secret.ts';
import type { PoolPort } from '../pool-port.ts';
import { createEmbeddedVault, type EmbeddedVaultInit } from './embedded/index.ts';
import type { Resealed } from './embedded/reseal.ts';
import type { Vault } from './index.ts';

/** The vault of an instance, and what clients seal credentials to; null: they write them elsewhere. */
export interface PoolVault extends Vault {
  /** X25519, 32 bytes. */
  readonly publicKey: Uint8Array | null;
  /** Seals to the present key what is sealed to a former one; missing where nothing is sealed to the pool. */
  reseal?(signal: AbortSignal): Promise<Resealed>;
}

/** Which vault the gateway configuration names, and with what it is reached. */
export interface VaultProviderChoice {
  readonly provider: 'embedded' | 'keeper';
  /** The Keeper application's configuration and where it came from; null for every other vault. */
  readonly keeper: { readonly text: Secret<string>; readonly where: string } | null;
}

/** What a vault finds around it in a running instance. */
export interface VaultSurroundings extends EmbeddedVaultInit {
  readonly port: EmbeddedVaultInit['port'] & Pick<PoolPort, 'view'>;
  nowMs(): number;
}

/**
 * What makes the vault of the gateway configuration. Adding a provider: its folder, a word in the configuration's list, and a branch here. Keeper's SDK is
 * loaded only where it is used. Throws `bad-config`.
 */
export async function loadVaultProvider({
  provider,
  keeper,
}: VaultProviderChoice): Promise<(surroundings: VaultSurroundings) => PoolVault> {
  if (provider === 'embedded' || keeper === null) return createEmbeddedVault;
  const [{ createKeeperVault, postOverHttps }, { parseKeeperConfiguration }] = await Promise.all([
    import('./keeper/index.ts'),
    import('./keeper/configuration.ts'),
  ]);
  const configuration = parseKeeperConfiguration(keeper);
  return ({ port, nowMs }) =>
    createKeeperVault({
      configuration,
      post: postOverHttps,
      instances: () => port.view().admission.seatsHeld,
      nowMs,
      unixMs: () => port.unixMs(),
      records: port.records,
    });
}
