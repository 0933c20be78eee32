/** The gateway that the small pools belong to, and its one record. */

import type { GatewayFacts, OutputPage, Remembered, Reply, Stored } from '../../../src/core/index.ts';
import type { Failure } from '../../../src/wire/job.ts';
import { limitSeal } from '../../../src/wire/limit.ts';
import { type TargetRecord, targetRecordSeal } from '../../../src/wire/record.ts';
import { seal } from '../../../src/wire/sealed.ts';
import type { Signer } from '../../simulator/keys.ts';

/** The one record of the pool. */
export const RECORD_ID = 'record-of-the-small-po';
/** The gateway's uid. */
export const GATEWAY_UID = 'small-pool';
/** The wall clock when simulated time is 0. */
export const EPOCH_UNIX_MS = 1_800_000_000_000;

/** Where clients are. */
export const CLIENT_ADDRESS = '192.0.2.99';

/** What becomes of a message on its way. */
export type Fate = 'deliver' | 'drop' | 'twice';

/** How a pool is made. */
export interface SmallPoolInit {
  readonly instances: number;
  readonly seed?: number;
  /** Memory for sessions, of each instance in turn; the last one counts for the rest. */
  readonly budgetKib?: readonly number[];
  /** Kinds of job beside those that every small pool does. */
  readonly capabilities?: readonly string[];
}

/** A gateway of one admin. */
export function gatewayOf(admin: Signer, maxInstances: number): GatewayFacts {
  const issuedUnixMs = EPOCH_UNIX_MS - 1000;
  const limit = { gatewayUid: GATEWAY_UID, maxInstances, version: 1, issuedUnixMs, expiresUnixMs: null };
  const firstLimit = seal(limitSeal, limit, [admin]);
  return { uid: GATEWAY_UID, name: 'small', adminKeys: [admin.id], threshold: 1, firstLimit, poolKeys: [] };
}

/** The record, signed by the admin. */
export function recordOf(admin: Signer, changes: Partial<TargetRecord> = {}): Uint8Array {
  const record: TargetRecord = {
    gatewayUid: GATEWAY_UID,
    recordId: RECORD_ID,
    revision: 1,
    deleted: false,
    type: 'machine',
    title: 'target',
    host: '192.0.2.1',
    port: 22,
    protocol: 'tcp',
    user: null,
    labels: [],
    changedUnixMs: EPOCH_UNIX_MS,
    parentId: null,
    ...changes,
  };
  return seal(targetRecordSeal, record, [admin]);
}

/** What a start finds on a disk with these writes. */
export function remember(disk: readonly Stored[]): Remembered {
  const jobs = new Map<string, Remembered['jobs'][number]>();
  const records = new Map<string, Uint8Array>();
  const credentials = new Map<string, readonly Uint8Array[]>();
  let self: Remembered['self'] = null;
  for (const what of disk) {
    if (what.kind === 'job') jobs.set(what.notice.jobId, what);
    if (what.kind === 'record') records.set(what.recordId, what.sealed);
    if (what.kind === 'credentials') credentials.set(what.recordId, what.sealed);
    if (what.kind === 'self') self = { joinedAt: what.joinedAt, seat: what.seat };
  }
  const limits = disk.flatMap((what) => (what.kind === 'limit' ? [what.sealed] : []));
  return {
    limits,
    policies: disk.flatMap((what) => (what.kind === 'policy' ? [what.sealed] : [])),
    records: [...records.values()],
    credentials: [...credentials.values()].flat(),
    self,
    jobs: [...jobs.values()],
    council: disk.findLast((what) => what.kind === 'council') ?? null,
    dues: disk.filter((what) => what.kind === 'due'),
  };
}

/** Of a kind that nobody in these pools does. */
export const UNKNOWN = { kind: 'connection' } as const;

/** Why it was refused; throws if it was not. */
export function failureOf(answer: Reply | 'run' | undefined): Failure {
  if (answer === undefined || answer === 'run' || answer.kind !== 'refused')
    throw new Error(`not refused: ${JSON.stringify(answer)}`);
  return answer.failure;
}

/** Bytes of a page of output. */
export const PAGE_BYTES = 4;

/** What the driver reads: as in production a page is bounded, here by little. */
export function outputPage(
  disk: readonly Stored[],
  { jobId, offset }: { readonly jobId: string; readonly offset: number },
): OutputPage | null {
  const kept = disk.findLast((what) => what.kind === 'job-output' && what.jobId === jobId);
  if (kept?.kind !== 'job-output') return null;
  return { totalBytes: kept.output.length, bytes: kept.output.slice(offset, offset + PAGE_BYTES) };
}
