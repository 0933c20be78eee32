/**
 * The library: an instance inside another program, and a client of a pool. It is *not* a second way to do anything: the two commands are made of the same
 * calls. What is exported here stays; everything else in this package may change.
 *
 * An instance: `loadSettings` (or an object of that type), then `startInstance`; it ends by itself when it leaves the pool or is refused, and
 * `ended` says why. A client: `connectAccess` with the key and the addresses of a profile, then requests, jobs, or `startTunnel`.
 *
 * Expected failures are `GatewayError`s with a stable code; anything else is a bug.
 */

/** A client of a pool: its requests, its jobs, its tunnels. */
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
} from './access/client/index.ts';
/** Expected failures, and the exit code that belongs to each. */
export { type ErrorCode, ExitCode, GatewayError } from './base/errors.ts';
/** Ids of instances and callers: peer ids of Ed25519 keys. */
export { type InstanceId, type PeerKeyId, parseKeyId } from './base/ids.ts';
/** Values that must not be seen: `reveal()` gives them, everything else shows a placeholder. */
export { Secret } from './base/secret.ts';
/** Configuration, settings and profiles, read and checked as the commands do. */
export {
  createGateway,
  type FlagTexts,
  type GatewayConfig,
  type GatewayConfigSource,
  loadGatewayConfig,
  loadProfile,
  loadSettings,
  type NewGateway,
  type NewGatewayInit,
  type Profile,
  type Settings,
  type SettingsInit,
  writeGateway,
} from './config/index.ts';
/** A running instance. */
export { type Instance, type InstanceInit, type InstanceLog, startInstance } from './instance.ts';
/** What clients hear of members, the pool, jobs and records. */
export type { MemberSummary } from './wire/access-member.ts';
export type { AccessAnswer, AccessRequest, PoolPage, Welcome } from './wire/access-message.ts';
export type { Failure, JobKind, JobNotice, JobState, TraceStep } from './wire/job.ts';
export type { TargetRecord } from './wire/record.ts';
