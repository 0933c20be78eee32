/**
 * The access plane, both sides: what lets people and programs in (`server/`), and what they use to get in (`client/`). It is *not* an authority and
 * decides nothing: the running instance does, behind `PoolPort`.
 *
 * Source: `wire/access-message.ts` and `wire/access-session.ts` define what is spoken.
 */
export {
  type AcceptedJob,
  AccessClient,
  type AccessClientInit,
  connectAccess,
  type JobInit,
  newJobId,
  startTunnel,
  type Tunnel,
  type TunnelEvent,
  type TunnelInit,
} from './client/index.ts';
export { proveInstance } from './instance-proof.ts';
export type { AccessLog } from './log.ts';
export { type AccessServer, type AccessServerInit, startAccessServer } from './server/index.ts';
