/**
 * The protocol of the pool, as one synchronous machine per instance: inputs with their time go in, effects come out. It is *not*
 * concerned with sockets, files or timers: a driver carries its effects out, in production over libp2p, in the simulator over a
 * modelled network. Invariants: `README.md` beside this file.
 */
import type { InstanceId } from '../base/ids.ts';
import type { Sign, Verify } from '../base/signing.ts';
import type { Stamp } from '../base/stamp.ts';
import type { Grant } from '../wire/grant.ts';
import type { JobNotice } from '../wire/job.ts';
import type { Label, Seat } from '../wire/member-record.ts';
import type { Effect } from './effect.ts';
import type { Input } from './input.ts';
import type { CouncilList } from './schedules/council.ts';
import type { CronTimes } from './schedules/due.ts';
import type { GrantedDue } from './schedules/due-book.ts';
import type { CredentialsView, JobsView, PoolView, RecordsView, SchedulesView } from './view.ts';

export {
  type EditionAuthority,
  type EditionSet,
  entriesOf,
  type HeldEdition,
  mergeEditions,
  revisionOf,
  verifyEdition,
} from './credentials/edition-set.ts';
export { type EntryChange, type NextEditionInit, nextEdition } from './credentials/next-edition.ts';
export type { Effect, Note, NoteLevel, Reply, Stored } from './effect.ts';
export { mustSurvivePowerCut } from './effect.ts';
export type { Event, Input, JobResult, Now, OutputPage, Search, Ticket } from './input.ts';
export { PolicyBook } from './policy/policy-book.ts';
export { derivePoolKeys, POOL_SECRET_BYTES, type PoolKeys } from './pool/index.ts';
export { createPoolMachine } from './pool-machine.ts';
export type { CouncilList } from './schedules/council.ts';
export { type CronTimes, delayOf, latestDue, nextDue } from './schedules/due.ts';
export type { GrantedDue } from './schedules/due-book.ts';
export type {
  AdmissionRow,
  AdmissionView,
  CredentialsView,
  JobsView,
  LimitView,
  MemberView,
  PoolView,
  RecordsView,
  SchedulesView,
} from './view.ts';

/** What an instance starts with: configuration, what its disk remembers, and its powers. */
export interface PoolInit {
  readonly identity: { readonly id: InstanceId; readonly sign: Sign };
  readonly verify: Verify;
  /** 32-bit random numbers for probe order and tie-breaks; seeded in the simulator. */
  readonly random: () => number;
  /** New with every start: 32 hexadecimal characters. */
  readonly startId: string;
  /** Starts of this data directory, this one included. */
  readonly incarnation: number;
  readonly gateway: GatewayFacts;
  readonly self: SelfFacts;
  readonly standby: boolean;
  readonly replaces: string | null;
  readonly remembered: Remembered;
  /** What cron patterns mean. */
  readonly cron: CronTimes;
}

/** From the gateway configuration. */
export interface GatewayFacts {
  readonly uid: string;
  readonly name: string;
  readonly adminKeys: readonly string[];
  /** Admin signatures that a limit needs. */
  readonly threshold: number;
  /** The sealed limit of the configuration. */
  readonly firstLimit: Uint8Array;
  /** Public halves of the pool's access keys: what an instance signs for the pool carries a signature by one of them. */
  readonly poolKeys: readonly string[];
}

/** From the instance settings. */
export interface SelfFacts {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  readonly capabilities: readonly string[];
  readonly labels: readonly Label[];
  readonly budgetKib: number;
  /** How long sessions may go on after a drain began. */
  readonly drainMs: number;
}

/** From the data directory. */
export interface Remembered {
  readonly limits: readonly Uint8Array[];
  /** In the order in which they were written. */
  readonly policies: readonly Uint8Array[];
  readonly records: readonly Uint8Array[];
  readonly credentials: readonly Uint8Array[];
  readonly self: { readonly joinedAt: Stamp; readonly seat: Seat | null } | null;
  /** Jobs this worker had written down, with the deadline after which their id can no longer be submitted. */
  readonly jobs: readonly { readonly notice: JobNotice; readonly deadlineUnixMs: number }[];
  /** Null: there was none. */
  readonly council: CouncilList | null;
  readonly dues: readonly GrantedDue[];
}

/** The policy in force, as the surroundings may ask of it. */
export interface PolicyView {
  /** The admins whose signatures count now. */
  readonly authority: { readonly adminKeys: readonly string[]; readonly threshold: number };
  /** Every policy that another needs to follow, in order, and what is in force; sealed. */
  readonly chain: readonly Uint8Array[];
  /** Why the grant does not count at this moment of the pool's clock, or null: its time, or that it was revoked. */
  grantProblem(grant: Grant, poolUnixMs: number): string | null;
}

/** The machine. Every call is synchronous; no call throws for anything that arrives from outside. */
export interface PoolMachine {
  step(input: Input): readonly Effect[];
  /** The pool's clock at a moment of the wall clock: what deadlines are measured by. */
  poolUnixMs(wallUnixMs: number): number;
  /** When the machine wants a `wakeup`, in monotonic milliseconds; undefined: not by itself. */
  nextWakeupAtMs(): number | undefined;
  view(now: { readonly atMs: number }): PoolView;
  readonly policy: PolicyView;
  readonly jobs: JobsView;
  readonly records: RecordsView;
  readonly credentials: CredentialsView;
  readonly schedules: SchedulesView;
}
