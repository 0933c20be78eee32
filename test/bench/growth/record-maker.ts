/** Many records, made as an admin makes them. */

import { randomBytes } from 'node:crypto';
import type { AccessClient } from '../../../src/access/client/index.ts';
import { keyPairFromSeed } from '../../../src/base/ed25519.ts';
import { type TargetRecord, targetRecordSeal } from '../../../src/wire/record.ts';
import { seal } from '../../../src/wire/sealed.ts';
import type { Pool } from '../../e2e/harness/pool.ts';

const AT_ONCE = 32;
const OFFER_MS = 30_000;

/** Offers records to a pool until it has so many more than it began with. */
export class RecordMaker {
  readonly #pool: Pool;
  readonly #client: AccessClient;
  #made = 0;

  constructor(pool: Pool, client: AccessClient) {
    this.#pool = pool;
    this.#client = client;
  }

  /** Makes what is missing. */
  async makeUpTo(count: number): Promise<void> {
    const key = keyPairFromSeed(this.#pool.profile().key.reveal());
    const work = async (): Promise<void> => {
      while (this.#made < count) {
        this.#made += 1;
        const sealed = seal(targetRecordSeal, this.#record(this.#made), [key]);
        await this.#client.request({ kind: 'offer-record', sealed }, 'done', AbortSignal.timeout(OFFER_MS));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  #record(number: number): TargetRecord {
    return {
      gatewayUid: this.#pool.uid,
      recordId: randomBytes(16).toString('base64url'),
      revision: 1,
      deleted: false,
      type: 'machine',
      title: `machine-${number}`,
      host: `10.1.${number >> 8}.${number & 255}`,
      port: 22,
      protocol: 'ssh',
      user: null,
      parentId: null,
      labels: [],
      changedUnixMs: Date.now(),
    };
  }
}
