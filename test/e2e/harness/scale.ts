/** How often a test repeats itself: a few times wherever tests run, as often as the figures need with `PAM_TEST_FULL=1`. */

/** Whether this run takes the figures. */
export const isFull = process.env['PAM_TEST_FULL'] === '1';

/** One number for every run, another one for the run that takes the figures. */
export function scaled(size: { readonly usual: number; readonly full: number }): number {
  return isFull ? size.full : size.usual;
}

/** The time a test may take, in milliseconds: some for starting and ending, and some for each of its rounds. */
export function timeFor(rounds: number, roundMs: number): { readonly timeout: number } {
  return { timeout: 120_000 + rounds * roundMs };
}

/** The time a test has that starts a few processes: on a busy machine each takes seconds to load. */
export const PATIENTLY = { timeout: 180_000 } as const;
