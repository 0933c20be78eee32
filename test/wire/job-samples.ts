/** Arbitrary jobs, and the messages that tell of them in batches. */
import fc from 'fast-check';
import { JOB_KINDS, JOB_STATES, type JobNotice, type JobRequest } from '../../src/wire/job.ts';
import { bytes, count, failure, hex, id, jobId, name, orNull, unixMs } from './field-samples.ts';

export const jobRequest: fc.Arbitrary<JobRequest> = fc.record({
  gatewayUid: name,
  jobId,
  kind: fc.constantFrom(...JOB_KINDS),
  recordId: hex(22),
  parent: orNull(jobId),
  parameters: fc.array(fc.record({ name, value: name }), { maxLength: 4 }),
  entry: id,
  entryStartId: hex(32),
  caller: id,
  deadlineUnixMs: unixMs,
  grant: orNull(bytes),
});

export const jobNotice: fc.Arbitrary<JobNotice> = fc.record({
  jobId,
  kind: fc.constantFrom(...JOB_KINDS),
  recordId: hex(22),
  parent: orNull(jobId),
  caller: id,
  state: fc.constantFrom(...JOB_STATES),
  entry: id,
  worker: orNull(id),
  submittedUnixMs: unixMs,
  startedUnixMs: orNull(unixMs),
  endedUnixMs: orNull(unixMs),
  error: orNull(failure),
  bytesIn: count,
  bytesOut: count,
  progress: orNull(
    fc.record({
      message: name,
      donePerMille: fc.integer({ min: 0, max: 1000 }),
      outputBytes: fc.integer({ min: 0, max: 4_000_000 }),
    }),
  ),
});

export const jobNewsSamples = {
  'job-news': fc.record({ number: count, notices: fc.array(jobNotice, { maxLength: 2 }) }),
  'job-news-want': fc.record({ number: count }),
};
