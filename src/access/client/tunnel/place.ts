import { type ErrorCode, GatewayError } from '../../../base/errors.ts';
import { PATIENCE_MAX, PLACE_BUDGET_MS, PLACE_MS_MAX, PLACE_TRIES_MIN } from '../../bounds.ts';
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
 * of the first: a TCP connection may be offered again, since no byte of it has been carried yet. Where the answers themselves are slow there are some tries
 * more, each more patient than the one before. Throws the last failure.
 */
export async function placeSession(
  client: AccessClient,
  job: Omit<JobInit, 'jobId'>,
  signal: AbortSignal,
): Promise<Placed> {
  const beganAtMs = performance.now();
  for (let tries = 1; ; tries++) {
    const pauseMs = Math.min(PAUSE_MS_FIRST * 2 ** (tries - 1), PAUSE_MS_MAX);
    try {
      return await client.place(job, signal, Math.min(2 ** (tries - 1), PATIENCE_MAX));
    } catch (error) {
      // A connection that dies under a request shows as an error of the libraries: as good a reason to try elsewhere.
      if (signal.aborted || (error instanceof GatewayError && FINAL.has(error.code))) throw error;
      if (isOver({ tries, elapsedMs: performance.now() - beganAtMs + pauseMs })) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function isOver({ tries, elapsedMs }: { readonly tries: number; readonly elapsedMs: number }): boolean {
  return elapsedMs > PLACE_BUDGET_MS && (tries >= PLACE_TRIES_MIN || elapsedMs > PLACE_MS_MAX);
}
