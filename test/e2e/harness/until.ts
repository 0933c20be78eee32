/** Waiting for what other processes do: they are asked again and again, with a deadline that says what is missing. */

import { setTimeout as delay } from 'node:timers/promises';

/** Between two questions. */
const LOOK_MS = 30;

/** Why what is waited for is not there yet. */
class NotYet extends Error {
  override readonly name = 'NotYet';
}

/** Inside `until`: what must hold, and what to say if it never does. */
export function needs(condition: boolean, otherwise: string | (() => string)): asserts condition {
  if (!condition) throw new NotYet(typeof otherwise === 'string' ? otherwise : otherwise());
}

/** How to wait. */
export interface UntilInit {
  /** Milliseconds. */
  readonly within: number;
  /** Between two questions, in milliseconds. */
  readonly every?: number;
  /** Throws when waiting has become pointless. */
  readonly giveUp?: () => void;
}

/** The answer of `ask` as soon as it throws no `NotYet` and finds whom it asks; the error names the last reason why not. */
export async function until<T>(what: string, init: UntilInit, ask: () => Promise<T> | T): Promise<T> {
  const beganAtMs = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error)) throw error;
      init.giveUp?.();
      if (performance.now() - beganAtMs >= init.within) {
        throw new Error(`not within ${init.within} ms: ${what}: ${error.message}`, { cause: error });
      }
    }
    await delay(init.every ?? LOOK_MS);
  }
}

/** An instance that is starting cannot be reached yet, and a stopped one does not answer. */
function isPassing(error: unknown): error is Error {
  if (error instanceof NotYet) return true;
  return error instanceof Error && 'code' in error && (error.code === 'unreachable' || error.code === 'timeout');
}
