/** Pure: which of several discoveries of one range goes on. */
import { GatewayError } from '../../base/errors.ts';
import { isFinal, type JobNotice } from '../../wire/job.ts';

/**
 * One discovery of a range at a time, all its parts together: of two that began together the one that was asked for first goes on. Everybody knows of
 * the same jobs, so everybody decides alike, and nobody has to be asked. `jobs`: those of the range and of its parts. Throws `already-exists`.
 */
export function assertOnlyOne(own: JobNotice, jobs: readonly JobNotice[]): void {
  const began = (run: string): number =>
    Math.min(...[...jobs, own].filter((job) => runOf(job) === run).map(({ submittedUnixMs }) => submittedUnixMs));
  const [ownRun, ownBegan] = [runOf(own), began(runOf(own))];
  const isEarlier = (run: string): boolean => began(run) < ownBegan || (began(run) === ownBegan && run < ownRun);
  // Of one run each part has a job of its own; a second job for the same part takes the place of one that was lost.
  const other = jobs.find((job) => runOf(job) !== ownRun && !isFinal(job.state) && isEarlier(runOf(job)));
  if (other === undefined) return;
  throw new GatewayError(
    'already-exists',
    `discovery ${runOf(other)} of the same range runs on ${other.worker ?? '–'}`,
    { remedy: `pam action discover status -j ${runOf(other)} shows how far it is.` },
  );
}

/** What a job is part of: the discovery that it was cut from, or itself. */
export function runOf({ jobId, parent }: JobNotice): string {
  return parent ?? jobId;
}
