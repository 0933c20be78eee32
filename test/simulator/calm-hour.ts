import { CALM } from './conditions.ts';
import type { Plan, Step } from './plan.ts';

const HOUR_MS = 3_600_000;
const SPACING_MS = 500;

/** An hour in which nothing happens to a pool but 1 % loss: what the simulator itself costs. */
export function calmHour(instances: number): Plan {
  const steps = Array.from(
    { length: instances },
    (_, host): Step => ({
      atMs: host * SPACING_MS,
      ...{ kind: 'start', host, standby: false, offsetMs: 0, driftPpm: 0, replaces: null },
    }),
  );
  return {
    seed: 1,
    maxInstances: instances,
    bootstrap: 'all',
    conditions: { ...CALM, lossPerMille: 10 },
    chaosMs: HOUR_MS,
    quietMs: 10_000,
    steps,
  };
}
