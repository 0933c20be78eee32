import type { InstanceId } from '../base/ids.ts';
import type { Stamp } from '../base/stamp.ts';
import type { JobNotice, TraceStep } from '../wire/job.ts';
import type { MemberRecord, MemberState, Seat } from '../wire/member-record.ts';
import type { Held, LoadSample } from '../wire/pulse.ts';
import type { TargetRecord } from '../wire/record.ts';
import type { ScheduleRow } from '../wire/schedule-row.ts';
import type { EditionSet } from './credentials/edition-set.ts';

/** What one instance believes at this moment: a snapshot for people, never a basis for a decision. */
export interface PoolView {
  readonly self: InstanceId;
  readonly state: MemberState;
  readonly limit: LimitView;
  /** All known members, oldest in the order first, the dead and the gone last. */
  readonly members: readonly MemberView[];
  readonly admission: AdmissionView;
}

/** The limit in force and those before it, newest first. */
export interface LimitView {
  readonly maxInstances: number;
  readonly version: number;
  readonly issuedUnixMs: number;
  readonly expiresUnixMs: number | null;
  readonly digest: string;
  readonly signedBy: readonly string[];
  readonly history: readonly {
    readonly maxInstances: number;
    readonly version: number;
    readonly issuedUnixMs: number;
  }[];
}

/** What this instance thinks of a member. */
export interface MemberView {
  readonly record: MemberRecord;
  /** The member's own word, or `suspect`, `dead` or `evicted`. */
  readonly state: MemberState | 'suspect' | 'dead' | 'evicted';
  /** Place among live members in the order of decisions, from 0; null for the dead and the gone. */
  readonly rank: number | null;
  readonly load: LoadSample | null;
  readonly held: Held | null;
  /** Since anything was heard of it; 0 for this instance. */
  readonly lastHeardMs: number;
  /** Its wall clock minus this instance's, as far as known from its last hello. */
  readonly clockOffsetMs: number | null;
  /** A direct link is open. */
  readonly linked: boolean;
}

/** Who holds a seat and why. */
export interface AdmissionView {
  readonly seatsHeld: number;
  readonly maxInstances: number;
  readonly limitVersion: number;
  readonly order: readonly AdmissionRow[];
  readonly agree: number;
  readonly of: number;
  readonly differ: readonly { readonly instanceId: InstanceId; readonly what: string }[];
}

/** One live member in the order of decisions. */
export interface AdmissionRow {
  readonly instanceId: InstanceId;
  readonly name: string;
  readonly rank: number;
  readonly state: MemberState | 'suspect';
  readonly joinedAt: Stamp;
  readonly seat: Seat | null;
  readonly reason: string;
}

/** The machine every instance runs, and everything the surroundings may ask of it. */
export interface JobsView {
  /** Newest first, at most `most`. */
  jobs(most: number): readonly JobNotice[];
  trace(jobId: string): readonly TraceStep[];
}

/** Records (targets) this instance holds, deleted ones left out. */
export interface RecordsView {
  list(): readonly TargetRecord[];
  find(idOrTitle: string): readonly TargetRecord[];
  /** True for a record that was removed; false for one in use and one never heard of. */
  isRemoved(recordId: string): boolean;
}

/** Credentials of records this instance holds, sealed. */
export interface CredentialsView {
  /** The editions of a record's credentials that stand: none, one, or several that were written without knowing of each other. */
  editions(recordId: string): EditionSet;
}

/** Due times of the records that have a schedule, as one instance sees them. */
export interface SchedulesView {
  list(): readonly ScheduleRow[];
}
