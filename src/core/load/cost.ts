import { isLease, namedProtocol } from '../../wire/access-job.ts';
import type { JobKind, JobRequest } from '../../wire/job.ts';

/**
 * Memory a running job is counted with, in KiB. The reference's table (SSH 70 MB, database 35, tunnel 35, …) sizes a helper process for each session;
 * a tunnelled connection here is two sockets and their windows in the instance's own process, and an SSH session that plus two ciphers, a window of the
 * target's output and the second that waits to be recorded: its cost is what was measured, doubled and more.
 */
const COST_KIB: Readonly<Record<JobKind, number>> = {
  tunnel: 1024,
  connection: 4 * 1024,
  discovery: 64 * 1024,
  rotation: 16 * 1024,
};
/** A connection to a database is two sockets as a tunnel's is, and what is kept of statements for the recording. */
const DATABASE_KIB = 2 * 1024;
const DATABASE_PROTOCOLS: ReadonlySet<string | undefined> = new Set(['postgres', 'mysql']);
/** The lease that stands for a whole tunnel: no connection of its own. */
const LEASE_KIB = 0;

/** What a job is counted with on its worker, in KiB. */
export function costKib(request: Pick<JobRequest, 'kind' | 'parameters'>): number {
  if (isLease(request)) return LEASE_KIB;
  const isDatabase = request.kind === 'connection' && DATABASE_PROTOCOLS.has(namedProtocol(request));
  return isDatabase ? DATABASE_KIB : COST_KIB[request.kind];
}
