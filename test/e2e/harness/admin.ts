/** An admin with hands of its own: signs limits as it likes and offers them over the access plane. */

import { type AccessClient, connectAccess } from '../../../src/access/index.ts';
import { keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { type Limit, limitSeal } from '../../../src/wire/limit.ts';
import { seal } from '../../../src/wire/sealed.ts';
import type { Pool } from './pool.ts';

const CONNECT_MS = 15_000;

/** What an offered limit led to. */
export type OfferResult =
  | { readonly taken: true }
  | { readonly taken: false; readonly code: string; readonly message: string };

/** The admin of a pool, connected to it. */
export class Admin {
  readonly #pool: Pool;
  readonly #client: AccessClient;

  private constructor(pool: Pool, client: AccessClient) {
    this.#pool = pool;
    this.#client = client;
  }

  /** Connects to the instances of these names. */
  static async connect(pool: Pool, names: readonly string[]): Promise<Admin> {
    const { key, poolKey } = pool.profile();
    const addresses = names.map((name) => pool.site(name).access);
    const init = { keySeed: key.reveal(), grant: null, addresses, poolKey, gatewayUid: pool.uid };
    return new Admin(pool, await connectAccess(init, AbortSignal.timeout(CONNECT_MS)));
  }

  /** A limit signed with the key of this pool's admin, or with another pool's. */
  sign(limit: Pick<Limit, 'maxInstances' | 'version'> & Partial<Limit>, signer: Pool = this.#pool): Uint8Array {
    const whole = { gatewayUid: this.#pool.uid, issuedUnixMs: Date.now(), expiresUnixMs: null, ...limit };
    return seal(limitSeal, whole, [keyPairFromSeed(signer.profile().key.reveal())]);
  }

  /** Hands a limit in. */
  async offer(sealed: Uint8Array): Promise<OfferResult> {
    try {
      await this.#client.request({ kind: 'offer-limit', sealed }, 'done', AbortSignal.timeout(CONNECT_MS));
      return { taken: true };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      return { taken: false, code: String(error.code), message: error.message };
    }
  }

  /** Closes the connection. */
  async stop(): Promise<void> {
    await this.#client.stop();
  }
}
