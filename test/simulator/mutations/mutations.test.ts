import { afterAll, describe, expect, it } from 'vitest';
import { MUTATIONS } from './mutations.ts';
import { Workshop } from './run-mutation.ts';

/** Lives in which a mistake must be found; a run of the tests goes through as many with the right core. */
const SEEDS = 200;

describe('a mistake in the core is found', () => {
  const workshop = new Workshop();
  afterAll(() => workshop.close());

  it.each(MUTATIONS)('$mistake', { timeout: 600_000 }, (mutation) => {
    const { checker, message } = workshop.try(mutation, SEEDS);
    expect(mutation.breaks, message).toContain(checker);
  });

  it('of at least twenty kinds', () => expect(MUTATIONS.length).toBeGreaterThanOrEqual(20));

  it('in lives that every run of the tests goes through', () => {
    expect(MUTATIONS.filter(({ seed }) => seed < 1 || seed > SEEDS)).toEqual([]);
  });
});
