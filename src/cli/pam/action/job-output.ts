import type { AccessClient } from '../../../access/client/index.ts';
import { GatewayError } from '../../../base/errors.ts';
import { JOB_OUTPUT_BYTES_MAX } from '../../../wire/bounds.ts';
import type { JobNotice } from '../../../wire/job.ts';

/** What a job has to show, and why that cannot be had. */
export interface JobOutput {
  /** Null: there is none. */
  readonly output: unknown;
  readonly outputMissing: string | null;
}

/** The output of a job, page by page from its worker through whichever instance is asked. */
export async function readOutput(client: AccessClient, notice: JobNotice, signal: AbortSignal): Promise<JobOutput> {
  const { jobId, progress } = notice;
  if (progress === null || progress.outputBytes === 0) return { output: null, outputMissing: null };
  try {
    return { output: JSON.parse(await readPages(client, jobId, signal)), outputMissing: null };
  } catch (error) {
    if (error instanceof GatewayError && (error.code === 'unreachable' || error.code === 'not-found'))
      return { output: null, outputMissing: error.message };
    throw error;
  }
}

async function readPages(client: AccessClient, jobId: string, signal: AbortSignal): Promise<string> {
  const pages: Uint8Array[] = [];
  let [offset, total] = [0, 0];
  do {
    const { totalBytes, page } = await client.request({ kind: 'job-output', jobId, offset }, 'output', signal);
    pages.push(page);
    offset += page.length;
    total = Math.min(totalBytes, JOB_OUTPUT_BYTES_MAX);
    if (page.length === 0) break;
  } while (offset < total);
  return new TextDecoder().decode(Buffer.concat(pages));
}
