import { type ErrorCode, GatewayError } from '../../../base/errors.ts';
import { PLACE_BUDGET_MS } from '../../bounds.ts';
import type { AccessClient, JobInit, Placed } from '../access-client.ts';

/** Failures that another worker or another moment would only repeat. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'bad-usage',
  'bad-config',
  'bad-message',
  'not-allowed',
  'not-found',
  'not-supported',
  'target-refused',
  'target-unreachable',
  'target-timeout',
  'target-reset',
  'cancelled',
  'vault-unavailable',
  'credential-missing',
  'credential-refused',
  'host-key-changed',
  'recording-failed',
]);
const PAUSE_MS_FIRST = 25;
const PAUSE_MS_MAX = 200;

/**
 * Submits the job and opens its session. A worker that died, declined or does not answer costs another try under a new id, begun within two seconds
 * of the first: a TCP connection may be offered again, since no byte of it has been carried yet. Throws the last failure.
 */
export async function placeSession(
  client: AccessClient,
  job: Omit<JobInit, 'jobId'>,
  signal: AbortSignal,
): Promise<Placed> {
  const untilMs = performance.now() + PLACE_BUDGET_MS;
  for (let pauseMs = PAUSE_MS_FIRST; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX)) {
    try {
      return await client.place(job, signal);
    } catch (error) {
      // A connection that dies under a request shows as an error of the libraries: as good a reason to try elsewhere.
      if (signal.aborted || (error instanceof GatewayError && FINAL.has(error.code))) throw error;
      if (performance.now() + pauseMs > untilMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
