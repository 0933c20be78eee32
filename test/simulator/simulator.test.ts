import { describe, expect, it } from 'vitest';
import { drawPlan } from './draw-plan.ts';
import { FaultCounts } from './fault-counts.ts';
import { createEd25519Keyring } from './keys.ts';
import { REGRESSIONS } from './regressions.ts';
import { describeFailure } from './report.ts';
import { type Outcome, runPlan } from './run-plan.ts';
import { shrink } from './shrink.ts';

/** Lives of pools in every run of the tests; `npm run simulate -- --seeds 10000` does more of the same. */
const SEEDS = Number(process.env['SIMULATE_SEEDS'] ?? 200);
const BATCH_MS_MAX = 240_000;

function expectWhole(outcome: Outcome): void {
  if (outcome.failure !== null) throw new Error(describeFailure(shrink(outcome)));
}

describe('simulated pools', () => {
  const faults = new FaultCounts();

  it(`keep every invariant in ${SEEDS} lives`, { timeout: BATCH_MS_MAX }, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const outcome = runPlan(drawPlan(seed));
      faults.add(outcome.faults);
      expectWhole(outcome);
    }
  });

  it('went through every kind of fault in them', () => expect(faults.missing()).toEqual([]));

  it('live the same life again from the same seed', () => {
    const trace = (seed: number): string[] => {
      const lines: string[] = [];
      runPlan(drawPlan(seed), { log: (line) => lines.push(line), messages: true });
      return lines;
    };
    for (const seed of [7, 42]) expect(trace(seed)).toEqual(trace(seed));
  });

  it('keep them with real Ed25519 signatures, too', { timeout: 60_000 }, () => {
    for (let seed = 301; seed <= 303; seed++) expectWhole(runPlan(drawPlan(seed), { keyring: createEd25519Keyring() }));
  });
});

describe('what once went wrong does not any more', () => {
  it.each(REGRESSIONS)('$found', ({ plan }) => {
    const outcome = runPlan(plan);
    if (outcome.failure !== null) throw new Error(describeFailure(outcome));
  });
});
