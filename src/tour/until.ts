import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../base/errors.ts';
import { TourError } from './tour-error.ts';

/** What is waited for, and for how long. */
export interface UntilInit {
  /** Ends the sentence "… did not happen within". */
  readonly what: string;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** Between two looks. */
const LOOK_MS = 40;

/**
 * Looks again and again until there is something. Throws a `TourError` naming what did not come. An instance that cannot be asked yet is no failure:
 * the next look decides.
 */
export async function until<T>(init: UntilInit, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const untilMs = performance.now() + init.withinMs;
  for (;;) {
    init.signal.throwIfAborted();
    const found = await lookOnce(look);
    if (found !== undefined) return found;
    if (performance.now() > untilMs)
      throw new TourError(`${init.what} did not happen within ${init.withinMs / 1000} s`);
    await delay(LOOK_MS, undefined, { signal: init.signal });
  }
}

async function lookOnce<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof GatewayError && (error.code === 'unreachable' || error.code === 'timeout')) return undefined;
    throw error;
  }
}
