import { setTimeout as delay } from 'node:timers/promises';
import type { AccessClient } from '../../../access/client/index.ts';
import { GatewayError } from '../../../base/errors.ts';
import { isFinal, type JobNotice } from '../../../wire/job.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';

/** Between two questions: reports of a job come not much oftener. */
const LOOK_MS = 300;
/** A job that no instance knows for so long has been forgotten by all. */
const UNKNOWN_MS = 15_000;

/** Waits for a job's end and shows how far it is, on stderr. Whoever interrupts the wait leaves the job running. */
export async function awaitJob(client: AccessClient, jobId: string, terminal: Terminal): Promise<JobNotice> {
  let said = '';
  return watchJob(client, jobId, terminal.signal, ({ state, progress }) => {
    const line = progress?.message ?? '';
    if (!isFinal(state) && line !== '' && line !== said) terminal.note(printable(line));
    said = line;
  });
}

/** Waits for a job's end and tells each look at it. */
export async function watchJob(
  client: AccessClient,
  jobId: string,
  signal: AbortSignal,
  onLook: (notice: JobNotice) => void,
): Promise<JobNotice> {
  let knownAtMs = performance.now();
  for (;;) {
    const notice = await findJob(client, jobId, signal);
    if (notice !== null) onLook(notice);
    if (notice !== null && isFinal(notice.state)) return notice;
    if (notice !== null) knownAtMs = performance.now();
    if (performance.now() - knownAtMs > UNKNOWN_MS)
      throw new GatewayError('outcome-unknown', `no instance knows what became of job ${jobId}`);
    await delay(LOOK_MS, undefined, { signal });
  }
}

/** What the pool knows of a job; null: no instance that answered knows of it. */
export async function findJob(client: AccessClient, jobId: string, signal: AbortSignal): Promise<JobNotice | null> {
  try {
    return (await client.request({ kind: 'job-info', jobId }, 'job', signal)).notice;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'not-found') return null;
    throw error;
  }
}

/** Throws for a job that did not succeed: what is printed before says more. */
export function assertSucceeded({ state, error, jobId }: JobNotice): void {
  if (state === 'succeeded') return;
  throw new GatewayError(error?.code ?? 'outcome-unknown', error?.message ?? `job ${jobId} is ${state}`);
}
