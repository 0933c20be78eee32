import { isScopeId } from '../../wire/discovery-scope.ts';
import type { JobKind, JobNotice, JobRequest } from '../../wire/job.ts';
import type { Permitted } from '../../wire/permission.ts';
import type { RecordShelf } from '../records/record-shelf.ts';

/**
 * Kinds of job that run without a client: they begin on their worker as soon as they are in its journal. What becomes of one whose worker was lost
 * depends on the kind: a discovery changes nothing and may be asked for again, a rotation is taken up by whoever runs on the worker's data directory next.
 */
const UNATTENDED: ReadonlySet<JobKind> = new Set<JobKind>(['discovery', 'rotation']);
/** Kinds that a restarted worker takes up again, to learn what became of them. */
const RESUMED: ReadonlySet<JobKind> = new Set<JobKind>(['rotation']);

/**
 * A discovery is of one record (the accounts on it), or of a network: then its record id names the range, and its permission is that of a record without
 * a name.
 */
const NETWORK: Permitted = { recordId: '', title: '', labels: [] };

/** True for jobs that no client opens a session for. Pure. */
export function isUnattended(kind: JobKind): boolean {
  return UNATTENDED.has(kind);
}

/** True for jobs that a restarted worker takes up again. Pure. */
export function isResumed(kind: JobKind): boolean {
  return RESUMED.has(kind);
}

/** True for a session that somebody had at a target, or for the port that their programs used: not for each connection over such a port. Pure. */
export function isSession({ kind, parent, startedUnixMs }: JobNotice): boolean {
  return kind === 'connection' && parent === null && startedUnixMs !== null;
}

/** What a caller needs permission for; undefined if there is no such record. */
export function subjectOf(
  { kind, recordId }: Pick<JobRequest, 'kind' | 'recordId'>,
  shelf: RecordShelf,
): Permitted | undefined {
  const record = shelf.find(recordId)[0];
  if (kind === 'discovery' && record === undefined && isScopeId(recordId)) return NETWORK;
  return record?.type === 'rule' ? undefined : record;
}
