import { CALM, type Conditions } from './conditions.ts';
import type { Act, Plan, Step } from './plan.ts';

/** A life of a pool that once broke an invariant, shrunk; it runs in every test from then on. */
export interface Regression {
  /** What was wrong in the core. */
  readonly found: string;
  readonly plan: Plan;
}

const HOUR_MS = 3_600_000;
const QUIET_MS = 26_000;

type PlanInit = Partial<Omit<Plan, 'seed' | 'chaosMs' | 'steps'>> & Pick<Plan, 'seed' | 'chaosMs' | 'steps'>;

function plan(init: PlanInit): Plan {
  return { maxInstances: 3, bootstrap: 'all', conditions: CALM, quietMs: QUIET_MS, ...init };
}

function conditions(changes: Partial<Conditions>): Conditions {
  return { ...CALM, ...changes };
}

function start(atMs: number, host: number, more: Partial<Extract<Act, { kind: 'start' }>> = {}): Step {
  return { atMs, kind: 'start', host, standby: false, offsetMs: 0, driftPpm: 0, replaces: null, ...more };
}

function setLimit(atMs: number, host: number, maxInstances: number, offsetMs = 0): Step {
  return { atMs, kind: 'set-limit', host, maxInstances, expiresInMs: null, offsetMs };
}

function pause(atMs: number, host: number, forMs: number): Step {
  return { atMs, kind: 'pause', host, forMs, timersFirst: true };
}

function jobs(atMs: number, entry: number, more: Partial<Extract<Act, { kind: 'jobs' }>> = {}): Step {
  return { atMs, kind: 'jobs', entry, count: 3, spacingMs: 0, durationMs: 9000, twist: 'none', ...more };
}

/** Every bug that the simulator has found in the core, newest last. */
export const REGRESSIONS: readonly Regression[] = [
  {
    found:
      'an admin whose clock was behind evicted by lowering the limit: it seemed issued before the seats were granted',
    plan: plan({
      seed: 127,
      chaosMs: 43_479,
      steps: [
        start(10, 0, { offsetMs: -5000, driftPpm: -72 }),
        start(11, 1, { offsetMs: 300, driftPpm: -2 }),
        start(5081, 5, { driftPpm: -156 }),
        setLimit(37_479, 1, 2, -HOUR_MS),
      ],
    }),
  },
  {
    found: 'the refusal of a clock that is ahead was lost, because the connection was closed right behind it',
    plan: plan({
      seed: 226,
      maxInstances: 4,
      chaosMs: 28_716,
      steps: [start(1879, 3, { offsetMs: -HOUR_MS }), start(22_716, 7, { offsetMs: -300 })],
    }),
  },
  {
    found: 'two that started together with clocks an hour apart stayed apart: one waited for ever beside a free seat',
    plan: plan({
      seed: 173,
      maxInstances: 1,
      chaosMs: 15_017,
      steps: [
        start(6066, 7, { standby: true, offsetMs: -5000, driftPpm: -24 }),
        start(7958, 1, { standby: true, offsetMs: HOUR_MS, driftPpm: 40 }),
        setLimit(9017, 1, 2),
      ],
    }),
  },
  {
    found: 'a worker whose journal failed told everybody that the job had failed, which then ran elsewhere',
    plan: plan({
      seed: 121,
      maxInstances: 4,
      chaosMs: 55_513,
      conditions: conditions({ delayLeastMs: 40, delayMeanMs: 30, slowPerMille: 47, slowMs: 1000 }),
      steps: [
        start(2312, 1),
        start(7362, 0),
        { atMs: 45_147, kind: 'disk-failure', host: 0, forMs: 7997 },
        jobs(49_513, 1, { spacingMs: 500, twist: 'reroute' }),
      ],
    }),
  },
  {
    found: 'a worker that left in the moment its last session ended took the news of that with it',
    plan: plan({
      seed: 295,
      chaosMs: 25_397,
      steps: [
        start(1623, 0),
        start(7287, 2),
        jobs(19_383, 0, { count: 12, twist: 'duplicate' }),
        { atMs: 19_397, kind: 'drain', host: 2 },
      ],
    }),
  },
  {
    found: 'the same after a handover',
    plan: plan({
      seed: 308,
      maxInstances: 5,
      chaosMs: 30_894,
      conditions: conditions({ delayLeastMs: 1, delayMeanMs: 0.5, slowPerMille: 11, slowMs: 100 }),
      steps: [
        start(538, 2),
        start(2305, 3),
        start(4593, 4),
        jobs(21_603, 4, { count: 8, spacingMs: 5 }),
        pause(21_653, 3, 900),
        start(24_894, 7, { standby: true, replaces: 3 }),
      ],
    }),
  },
  {
    found: 'a lost greeting made two instances greet each other without end, one never learning of the other',
    plan: plan({
      seed: 262,
      maxInstances: 2,
      chaosMs: 44_847,
      conditions: conditions({ lossPerMille: 170, delayLeastMs: 40, delayMeanMs: 0.5 }),
      steps: [
        start(6064, 0),
        start(8283, 3),
        setLimit(10_350, 0, 5),
        { atMs: 16_657, kind: 'leave', host: 0 },
        start(38_847, 4),
      ],
    }),
  },
  {
    found: 'a copy of a data directory that was refused and left took the original out of everybody else’s view',
    plan: plan({
      seed: 650,
      chaosMs: 40_680,
      conditions: conditions({ delayLeastMs: 1, delayMeanMs: 2 }),
      steps: [
        start(1, 4, { standby: true }),
        start(5, 1),
        start(11, 2),
        start(12, 0),
        start(16, 3),
        setLimit(8977, 1, 5),
        { atMs: 16_158, kind: 'restart', host: 0, disk: 'kept', standby: true },
        setLimit(21_791, 2, 3),
        { atMs: 34_680, kind: 'copy-data-directory', host: 1, to: 7 },
      ],
    }),
  },
  {
    found: 'newcomers that met each other before slow connects to the holder ended shared its seats among themselves',
    plan: plan({
      seed: 842,
      maxInstances: 2,
      dialMs: 1500,
      chaosMs: 15_316,
      steps: [start(4762, 0), start(8920, 1), start(9316, 2)],
    }),
  },
  {
    found: 'an instance that crashed after handing its seat over came back with it, and handed it over again',
    plan: plan({
      seed: 1143,
      maxInstances: 4,
      dialMs: 200,
      chaosMs: 48_438,
      steps: [
        start(11, 1, { standby: true }),
        jobs(31_403, 1, { count: 9, spacingMs: 100 }),
        start(35_639, 6, { replaces: 1 }),
        start(36_228, 7, { replaces: 1 }),
        { atMs: 37_547, kind: 'crash', host: 1, loud: true, atWrite: false },
        { atMs: 42_438, kind: 'restart', host: 1, disk: 'kept', standby: true },
      ],
    }),
  },
  {
    found: 'a holder whose wall clock was set ahead told nobody, and had a candidate stamp itself anew without end',
    plan: plan({
      seed: 2614,
      dialMs: 1500,
      maxInstances: 5,
      chaosMs: 32_813,
      conditions: conditions({ lossPerMille: 40, duplicatePerMille: 283, delayLeastMs: 1, delayMeanMs: 2 }),
      steps: [
        start(1, 2, { offsetMs: -HOUR_MS }),
        start(5, 1, { standby: true, offsetMs: -HOUR_MS }),
        start(11, 3, { offsetMs: -5000, driftPpm: 16 }),
        start(13, 0, { offsetMs: -5000 }),
        { atMs: 2741, kind: 'restart', host: 3, disk: 'lost', standby: false },
        start(6073, 5, { offsetMs: 300 }),
        { atMs: 6381, kind: 'crash', host: 1, loud: true, atWrite: false },
        { atMs: 6381, kind: 'crash', host: 2, loud: true, atWrite: false },
        { atMs: 7841, kind: 'restart', host: 3, disk: 'kept', standby: false },
        { atMs: 11_122, kind: 'restart', host: 0, disk: 'kept', standby: false },
        { atMs: 11_546, kind: 'restart', host: 1, disk: 'kept', standby: false },
        { atMs: 20_722, kind: 'clock-jump', host: 3, byMs: HOUR_MS },
        { atMs: 26_813, kind: 'restart', host: 2, disk: 'kept', standby: false },
      ],
    }),
  },
  {
    found:
      'what one side of a split had carried out while the two met, the other carried out once more: nobody had asked a standby',
    plan: plan({
      seed: 6987,
      maxInstances: 1,
      dialMs: 200,
      chaosMs: 39_831,
      everySeconds: 8,
      conditions: conditions({ delayMeanMs: 0.5 }),
      steps: [
        start(1771, 1, { offsetMs: HOUR_MS }),
        { atMs: 21_173, kind: 'partition', side: [3, 4, 5, 7], oneWay: false, mode: 'drop', forMs: 20_000 },
        start(25_613, 5),
      ],
    }),
  },
  {
    found: 'the last who knew that a due time was carried out left newcomers, and told none of them',
    plan: plan({
      seed: 7031,
      dialMs: 20,
      chaosMs: 16_337,
      everySeconds: 14,
      conditions: conditions({ delayLeastMs: 0.1, delayMeanMs: 10, slowMs: 283 }),
      steps: [
        start(8, 0, { standby: true, offsetMs: HOUR_MS }),
        { atMs: 5454, kind: 'clock-jump', host: 0, byMs: 8000 },
        start(9488, 7, { standby: true }),
        start(9868, 6, { standby: true }),
        start(10_080, 1),
        start(10_269, 2, { standby: true }),
        { atMs: 10_337, kind: 'leave', host: 0 },
      ],
    }),
  },
  {
    found:
      'both sides of a pool that split while it formed agreed who they were, by who had a seat already, and carried the same due time out',
    plan: plan({
      seed: 2727,
      maxInstances: 4,
      dialMs: 20,
      chaosMs: 57_122,
      everySeconds: 11,
      conditions: conditions({
        ...{ lossPerMille: 95, duplicatePerMille: 99, slowMs: 100 },
        ...{ delayLeastMs: 10, delayMeanMs: 10 },
      }),
      steps: [
        start(2, 2),
        start(5, 1, { standby: true }),
        start(6, 3),
        start(11, 0),
        start(17, 5),
        { atMs: 2188, kind: 'partition', side: [1, 3, 4, 5, 7], oneWay: false, mode: 'drop', forMs: 25_000 },
      ],
    }),
  },
];
