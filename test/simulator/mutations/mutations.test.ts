import { describe, expect, it } from 'vitest';
import { MUTATIONS } from './mutations.ts';
import { runMutation } from './run-mutation.ts';

/** Lives in which a mistake must be found; a run of the tests goes through as many with the right core. */
const SEEDS = 200;

describe('a mistake in the core is found', () => {
  it.each(MUTATIONS)('$mistake', { timeout: 600_000 }, (mutation) => {
    const { checker, message } = runMutation(mutation, SEEDS);
    expect(mutation.breaks, message).toContain(checker);
  });

  it('of at least twenty kinds', () => expect(MUTATIONS.length).toBeGreaterThanOrEqual(20));
});
