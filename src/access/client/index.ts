/**
 * The access plane's client: finds an instance of the gateway, asks it, hands in jobs and opens their sessions. It is *not* a place where
 * anything is decided: which worker takes a job is the entry's business, whether it may is the pool's.
 *
 * Invariants: nothing is asked of an instance before it has proved that it belongs to the pool. One job id is submitted once, to one entry.
 */
export {
  type AcceptedJob,
  AccessClient,
  type AccessClientInit,
  connectAccess,
  type JobInit,
  newJobId,
  type Placed,
} from './access-client.ts';
export { askDesk, type DeskPlace } from './desk.ts';
export { startTunnel, type Tunnel, type TunnelEvent, type TunnelInit } from './tunnel/index.ts';
export { placeSession } from './tunnel/place.ts';
