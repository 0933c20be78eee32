import type { PoolPort } from '../pool-port.ts';
import { JOB_OUTPUT_BYTES_MAX } from '../wire/bounds.ts';

/** The output of an ended job, page by page from whoever keeps it; null if it cannot be had any more. */
export async function readOutput(
  port: Pick<PoolPort, 'queryOutput'>,
  jobId: string,
  signal: AbortSignal,
): Promise<unknown> {
  const pages: Uint8Array[] = [];
  for (let offset = 0; ; ) {
    const reply = await port.queryOutput(jobId, offset, signal);
    if (reply.kind !== 'output') return null;
    pages.push(reply.page);
    offset += reply.page.length;
    if (reply.page.length === 0 || offset >= Math.min(reply.totalBytes, JOB_OUTPUT_BYTES_MAX)) break;
  }
  return parse(new TextDecoder().decode(Buffer.concat(pages)));
}

/** What another instance wrote may be anything. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
