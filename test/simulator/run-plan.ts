import { perform } from './acts.ts';
import type { MakeChecker } from './checker.ts';
import { CHECKERS } from './checkers/index.ts';
import type { FaultCounts } from './fault-counts.ts';
import type { Keyring } from './keys.ts';
import type { Plan } from './plan.ts';
import { describeView } from './sight.ts';
import { World } from './world.ts';

/** What came of one run. */
export interface Outcome {
  readonly plan: Plan;
  /** Name of the invariant that broke, or of the error. */
  readonly failure: { readonly checker: string; readonly message: string; readonly atMs: number } | null;
  readonly faults: FaultCounts;
  readonly events: number;
  readonly simulatedMs: number;
}

/** How to run a plan. */
export interface RunOptions {
  readonly checkers?: readonly MakeChecker[];
  readonly keyring?: Keyring;
  readonly log?: (line: string) => void;
  readonly messages?: boolean;
}

/** Runs a plan: chaos with safety checked after every event, then quiet, in which progress is due. The same plan gives the same outcome. */
export function runPlan(plan: Plan, options: RunOptions = {}): Outcome {
  const world = new World({ plan, ...options, checkers: options.checkers ?? CHECKERS });
  let failure: Outcome['failure'] = null;
  try {
    // Nothing is done to a pool in its quiet time.
    for (const step of plan.steps)
      if (step.atMs < plan.chaosMs) world.queue.push(step.atMs, () => perform(world, step));
    world.queue.push(plan.chaosMs, () => world.beginQuiet());
    world.runUntil(plan.chaosMs + plan.quietMs);
    for (const checker of world.checkers) checker.finished?.();
  } catch (error) {
    failure = failureOf(error, world.now());
    for (const process of world.live()) world.log(`${process.name} sees ${describeView(world, process)}`);
    world.log(`FAILED ${failure.message}`);
  }
  return { plan, failure, faults: world.faults, events: world.events, simulatedMs: world.now() };
}

function failureOf(error: unknown, atMs: number): NonNullable<Outcome['failure']> {
  if (!(error instanceof Error)) return { checker: 'error', message: String(error), atMs };
  if ('checker' in error && typeof error.checker === 'string')
    return { checker: error.checker, message: error.message, atMs };
  return { checker: 'no-exceptions', message: error.stack ?? error.message, atMs };
}
