/**
 * What a pool derives from its configuration: pool id, topic, keys. It is *not* the machine of the pool, and it holds no state.
 *
 * Invariant: equal secret and gateway uid give equal values on every instance and in every version; anything else gives nothing in common.
 */
export { derivePoolKeys, POOL_SECRET_BYTES, type PoolKeys } from './derive.ts';
