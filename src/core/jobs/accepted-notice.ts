import type { InstanceId } from '../../base/ids.ts';
import type { JobNotice, JobRequest } from '../../wire/job.ts';

/** What is told of a job that its worker has just taken. Pure. */
export function acceptedNotice(request: JobRequest, worker: InstanceId, submittedUnixMs: number): JobNotice {
  return {
    jobId: request.jobId,
    kind: request.kind,
    recordId: request.recordId,
    parent: request.parent,
    caller: request.caller,
    state: 'accepted',
    entry: request.entry,
    worker,
    submittedUnixMs,
    startedUnixMs: null,
    endedUnixMs: null,
    error: null,
    bytesIn: 0,
    bytesOut: 0,
    progress: null,
  };
}
