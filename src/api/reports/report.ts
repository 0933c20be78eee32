/**
 * Pure: the JSON documents that `gateway debug … --json` prints and the control socket answers. Scripts rely on these shapes: keys are
 * added, never renamed or removed. Times are ISO 8601 in UTC, ids are text, durations end in `Ms`, shares are of 1000.
 */
import type { ErrorCode } from '../../base/errors.ts';
import type { JobState } from '../../wire/job.ts';
import type { MemberState } from '../../wire/member-record.ts';

/** State of a member as shown: its own word, or what others think of it. */
export type ShownState = MemberState | 'suspect' | 'dead' | 'evicted';

/** The line above every table: which pool, under which limit, and whether its instances agree. */
export interface PoolReport {
  readonly gateway: { readonly uid: string; readonly name: string };
  readonly self: string;
  readonly name: string;
  readonly limit: { readonly maxInstances: number; readonly version: number; readonly expiresAt: string | null };
  readonly seatsHeld: number;
  /** Live members that hold no seat: candidates and standbys. */
  readonly waiting: number;
  readonly agreement: { readonly agree: number; readonly of: number };
}

/** Answer to `status`. */
export interface StatusReport {
  readonly instanceId: string;
  readonly name: string;
  readonly state: ShownState;
  readonly gateway: { readonly uid: string; readonly name: string };
  readonly version: string;
  readonly platform: string;
  readonly startedAt: string;
  readonly uptimeMs: number;
  readonly processId: number;
  readonly dataDir: string;
  readonly listen: Listening;
  readonly rank: number | null;
  readonly seat: SeatReport | null;
  /** Why it holds a seat, or why not. */
  readonly reason: string;
  readonly limit: { readonly maxInstances: number; readonly version: number };
}

/** Where an instance listens: `HOST:PORT` or multiaddr, port 0 replaced by what was picked; null where it does not. */
export interface Listening {
  readonly mesh: readonly string[];
  readonly access: readonly string[];
  readonly http: string | null;
}

/** A seat as shown. */
export interface SeatReport {
  readonly limitVersion: number;
  readonly maxInstances: number;
  readonly grantedAt: string;
  readonly handedOverBy: string | null;
}

/** Answer to `members`. */
export interface MembersReport {
  readonly self: string;
  readonly members: readonly MemberReport[];
}

/** One member of the table. */
export interface MemberReport {
  readonly instanceId: string;
  readonly name: string;
  readonly state: ShownState;
  readonly rank: number | null;
  readonly joinedAt: string;
  readonly startedAt: string;
  readonly version: string;
  readonly platform: string;
  /** Of the mesh plane. */
  readonly addresses: readonly string[];
  readonly accessAddresses: readonly string[];
  readonly capabilities: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly seat: SeatReport | null;
  /** Both null until a sample has arrived. */
  readonly load: { readonly perMille: number | null; readonly sessions: number | null };
  readonly lastHeardMs: number;
  readonly linked: boolean;
  readonly clockOffsetMs: number | null;
}

/** Answer to `admission`: the same text on every instance that sees the same, so it says nothing of the instance asked. */
export interface AdmissionReport {
  readonly limit: { readonly maxInstances: number; readonly version: number };
  readonly seatsHeld: number;
  readonly order: readonly AdmissionRowReport[];
  readonly agreement: {
    readonly agree: number;
    readonly of: number;
    readonly differ: readonly { readonly instanceId: string; readonly name: string; readonly what: string }[];
  };
  /** What the operator still has to do, for example `3 running, limit 2: stop 1`; null when nothing. */
  readonly hint: string | null;
}

/** One live member in the order of decisions. */
export interface AdmissionRowReport {
  readonly instanceId: string;
  readonly name: string;
  readonly rank: number;
  readonly state: ShownState;
  readonly joinedAt: string;
  readonly seat: SeatReport | null;
  readonly reason: string;
}

/** Answer to `load`: what this instance believes of each member that may serve. */
export interface LoadReport {
  readonly self: string;
  readonly instances: readonly InstanceLoadReport[];
}

/** One instance's load. */
export interface InstanceLoadReport {
  readonly instanceId: string;
  readonly name: string;
  readonly state: ShownState;
  /** The greater of the memory promised and how busy the process is. */
  readonly perMille: number;
  readonly busyPerMille: number;
  readonly sessions: Readonly<Record<string, number>>;
  readonly reservedBytes: number;
  readonly budgetBytes: number;
  /** How old the sample may be: the time since its instance was last heard. */
  readonly ageMs: number;
}

/** Answer to `topic`. */
export interface TopicReport {
  readonly topic: string;
  readonly poolId: string;
  readonly meshPeers: readonly string[];
}

/** Answer to `policy`. */
export interface PolicyReport {
  readonly maxInstances: number;
  readonly version: number;
  readonly issuedAt: string;
  readonly expiresAt: string | null;
  readonly digest: string;
  readonly signedBy: readonly string[];
  /** Ids of the live instances that hold this very limit. */
  readonly heldBy: readonly string[];
  readonly history: readonly { readonly maxInstances: number; readonly version: number; readonly issuedAt: string }[];
}

/** One job, alike from the control socket and from `pam action job-info`. */
export interface JobReport {
  readonly jobId: string;
  readonly kind: string;
  /** Id of the record. */
  readonly record: string;
  /** Title of the record; null when this instance does not hold it. */
  readonly recordTitle: string | null;
  readonly state: JobState;
  readonly entry: string;
  readonly worker: string | null;
  readonly parent: string | null;
  readonly caller: string;
  readonly submittedAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Of jobs that run without a client: one line, how far, and the size of their output. */
  readonly progress: { readonly message: string; readonly donePerMille: number; readonly outputBytes: number } | null;
}

/** Answer to `jobs`. */
export interface JobsReport {
  readonly jobs: readonly JobReport[];
}

/** Answer to `trace`. */
export interface TraceReport {
  readonly jobId: string;
  readonly job: JobReport | null;
  readonly steps: readonly TraceStepReport[];
}

/** One thing that happened to a job. */
export interface TraceStepReport {
  readonly at: string;
  readonly instanceId: string;
  readonly name: string;
  readonly what: string;
  readonly detail: string;
}

/** Answer to `events`, oldest first. */
export interface EventsReport {
  readonly events: readonly EventReport[];
}

/** One event. */
export interface EventReport {
  readonly at: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

/** Answer to `health`, on the control socket and over HTTP. */
export interface HealthReport {
  readonly healthy: boolean;
  readonly state: ShownState;
  /** Why it is not healthy, or `admitted and serving`. */
  readonly reason: string;
  readonly instanceId: string;
  readonly name: string;
  readonly gateway: { readonly uid: string; readonly name: string };
  readonly version: string;
  readonly uptimeMs: number;
  readonly seatsHeld: number;
  readonly maxInstances: number;
}
