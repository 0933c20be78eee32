/** Users of the small pools: their grants and sessions. */

import { expect } from 'vitest';
import { type Grant, grantSeal } from '../../../src/wire/grant.ts';
import { seal } from '../../../src/wire/sealed.ts';
import { EPOCH_UNIX_MS, GATEWAY_UID } from './small-gateway.ts';
import type { Instance, SmallPool } from './small-pool.ts';

/** A grant of the pool's admin for its user. */
export function grantIn(pool: SmallPool, changes: Partial<Grant> = {}): Uint8Array {
  const grant: Grant = {
    gatewayUid: GATEWAY_UID,
    grantId: 'grant-1',
    name: 'alice',
    userKey: pool.user.id,
    allow: [{ kind: 'tunnel', record: '*' }],
    issuedUnixMs: EPOCH_UNIX_MS,
    expiresUnixMs: null,
    conditions: null,
    ...changes,
  };
  return seal(grantSeal, grant, [pool.admin]);
}

/** A session of the user under a grant, running. */
export function begin(pool: SmallPool, grant: Uint8Array): { readonly jobId: string; readonly worker: Instance } {
  const { jobId, sealed } = pool.request(pool.at(0), { caller: pool.user.id, grant }, pool.user);
  const answers = pool.submit(pool.at(0), sealed);
  pool.run(500);
  const [answer] = answers;
  if (answer?.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(answer)}`);
  const worker = pool.withId(answer.worker);
  expect(pool.openSession(worker, jobId, pool.user.id)).toEqual(['run']);
  return { jobId, worker };
}
