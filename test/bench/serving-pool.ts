/** A pool that serves one record, for the parts that load it. */

import { type AccessClient, connectAccess } from '../../src/access/client/index.ts';
import { untilAgreed } from '../e2e/harness/agreement.ts';
import { Pool, type StartInit } from '../e2e/harness/pool.ts';
import { addRecord, untilRecordHeld } from '../e2e/harness/records.ts';
import type { Bench } from './part.ts';

const CONNECT_MS = 20_000;
/** Forming takes about a second; loading thirty processes on a busy machine takes minutes. */
const [FORM_MS, FORM_EACH_MS] = [60_000, 5_000];
const STARTED_AT_ONCE = 2;
const RECORD = 'bench';

/** A pool whose instances all serve and hold the record. */
export interface ServingPool {
  readonly pool: Pool;
  readonly names: readonly string[];
  readonly recordId: string;
  readonly record: string;
  readonly processIds: readonly number[];
  /** A client of the admin's whose entry is the instance of that place. */
  connect(entry: number): Promise<AccessClient>;
}

/** Starts it; the record is a TCP target at this port of 127.0.0.1. */
export async function startServingPool(
  bench: Bench,
  instances: number,
  targetPort: number,
  start: StartInit = {},
): Promise<ServingPool> {
  const names = Array.from({ length: instances }, (_, number) => `i${number}`);
  const pool = new Pool({ maxInstances: instances, bootstrap: names });
  bench.defer(() => pool.end());
  // As in a rollout: ten that load and form at once on two processors starve, and go on suspecting each other.
  for (let from = 0; from < instances; from += STARTED_AT_ONCE) {
    pool.startAll(names.slice(from, from + STARTED_AT_ONCE), start);
    const holders = names.slice(0, from + STARTED_AT_ONCE);
    await untilAgreed(pool.started, { holders, within: FORM_MS + FORM_EACH_MS * instances });
  }
  const recordId = await addRecord(pool, RECORD, { host: '127.0.0.1', port: targetPort });
  await untilRecordHeld(pool, names, RECORD);
  return {
    pool,
    names,
    recordId,
    record: RECORD,
    processIds: pool.started.map(({ processId }) => processId),
    connect: async (entry) => {
      const { key, poolKey } = pool.profile();
      const addresses = [pool.site(names[entry % instances] ?? '').access];
      const init = { keySeed: key.reveal(), grant: null, addresses, poolKey, gatewayUid: pool.uid };
      const client = await connectAccess(init, AbortSignal.timeout(CONNECT_MS));
      bench.defer(() => client.stop());
      return client;
    },
  };
}
