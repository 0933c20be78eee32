/** A target that counts how often each job reached it: the first bytes of a connection are the job's id. */

import { JOB_ID_LENGTH } from '../../../src/wire/job.ts';
import { readBytes } from './socket.ts';
import { startTarget, type Target } from './target.ts';

/** What it answers when it has counted. */
export const COUNTED = 'counted';

/** A target and its counts. */
export interface CountingTarget extends Target {
  readonly executions: ReadonlyMap<string, number>;
}

/** Starts it; connections that name no job count for nothing. */
export async function startCountingTarget(): Promise<CountingTarget> {
  const executions = new Map<string, number>();
  const target = await startTarget((socket) => {
    readBytes(socket, JOB_ID_LENGTH).then(
      (bytes) => {
        const jobId = bytes.toString('ascii', 0, JOB_ID_LENGTH);
        executions.set(jobId, (executions.get(jobId) ?? 0) + 1);
        socket.end(COUNTED);
      },
      () => socket.destroy(),
    );
  });
  return { ...target, executions };
}
