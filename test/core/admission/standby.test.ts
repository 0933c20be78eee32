import { describe, expect, it } from 'vitest';
import { formatKeyId } from '../../../src/base/ids.ts';
import { perform } from '../../simulator/acts.ts';
import { CALM } from '../../simulator/conditions.ts';
import type { Step } from '../../simulator/plan.ts';
import type { SimProcess } from '../../simulator/sim-process.ts';
import { World } from '../../simulator/world.ts';

const FORMED_MS = 8000;
/** A silent link keeps a joiner waiting for five seconds, and a death takes three to be noticed. */
const FREE_SEAT_TAKEN_MS = 12_000;

function processOn(world: World, host: number): SimProcess {
  const { process } = world.host(host);
  if (process === undefined) throw new Error(`nothing runs on host ${host}`);
  return process;
}

/** One that holds the only seat, and one that waits for it. */
function formPair(): World {
  const start = { kind: 'start', offsetMs: 0, driftPpm: 0, replaces: null } as const;
  const steps: readonly Step[] = [
    { ...start, atMs: 0, host: 0, standby: false },
    { ...start, atMs: 4000, host: 1, standby: true },
  ];
  const times = { chaosMs: FORMED_MS, quietMs: 0 };
  const world = new World({
    plan: { seed: 1, maxInstances: 1, bootstrap: 'all', conditions: CALM, ...times, steps },
    checkers: [],
  });
  for (const step of steps) world.queue.push(step.atMs, () => perform(world, step));
  world.runUntil(FORMED_MS);
  expect([0, 1].map((host) => processOn(world, host).sight.state)).toEqual(['admitted', 'standby']);
  return world;
}

describe('a standby', () => {
  it('that waits for a greeting which never comes takes the seat that became free meanwhile', () => {
    const world = formPair();
    const waiting = processOn(world, 1);
    waiting.receive({ kind: 'link-up', peer: formatKeyId(new Uint8Array(32).fill(7)) });
    world.crash(processOn(world, 0), true);
    world.runUntil(FORMED_MS + FREE_SEAT_TAKEN_MS);
    expect(waiting.sight.state).toBe('admitted');
  });
});
