import { CALM } from './conditions.ts';
import type { Plan } from './plan.ts';
import { type Outcome, type RunOptions, runPlan } from './run-plan.ts';

/** Runs spent on one failure. */
const RUNS_MAX = 300;

/** The shortest plan found that breaks the same invariant: steps left out, the network made calm, the chaos shortened. */
export function shrink(failed: Outcome, options: RunOptions = {}): Outcome {
  let best = failed;
  let runs = 0;
  const attempt = (plan: Plan): boolean => {
    if (runs >= RUNS_MAX) return false;
    runs += 1;
    const outcome = runPlan(plan, options);
    if (outcome.failure?.checker !== failed.failure?.checker) return false;
    best = outcome;
    return true;
  };
  for (let before = -1; before !== best.plan.steps.length && runs < RUNS_MAX; ) {
    before = best.plan.steps.length;
    removeSteps(() => best.plan, attempt);
  }
  for (const plan of simpler(best.plan)) attempt({ ...best.plan, ...plan });
  return best;
}

/** Leaves out ever smaller runs of steps (delta debugging, Zeller and Hildebrandt 2002). */
function removeSteps(plan: () => Plan, attempt: (plan: Plan) => boolean): void {
  for (let size = Math.ceil(plan().steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < plan().steps.length; ) {
      const steps = plan().steps.filter((_, index) => index < start || index >= start + size);
      if (!attempt({ ...plan(), steps })) start += size;
    }
  }
}

function simpler(plan: Plan): readonly Partial<Plan>[] {
  const { conditions, steps } = plan;
  const lastMs = steps.at(-1)?.atMs ?? 0;
  return [
    { conditions: CALM },
    { conditions: { ...conditions, duplicatePerMille: 0 } },
    { conditions: { ...conditions, slowPerMille: 0 } },
    { conditions: { ...conditions, lossPerMille: 0 } },
    { chaosMs: lastMs + 1000 },
    { chaosMs: lastMs + 6000 },
    { bootstrap: 'all' },
  ];
}
