import { describe, expect, it } from 'vitest';
import { explore } from './explore.ts';
import { formatExploration } from './report.ts';
import { SITUATIONS } from './situations.ts';

/** In every run of the tests one departure from the usual course; `npm run simulate -- --explore --departures 3` goes further. */
const DEPARTURES = Number(process.env['EXPLORE_DEPARTURES'] ?? 1);

describe(`with any ${DEPARTURES} departure(s) from the usual course, seats are right and everything settles when`, () => {
  it.each(SITUATIONS)('$name', { timeout: 120_000 }, (situation) => {
    const exploration = explore(situation, { departuresMax: DEPARTURES, statesMax: 1_000_000 });
    if (exploration.failure !== null) throw new Error(formatExploration(exploration));
    expect(exploration.complete).toBe(true);
  });
});
