/** Runs in a copy of the core that holds a mistake: tells the first of the seeds in which something breaks. Arguments: a seed to begin with, and how many follow from 1. */
import { drawPlan } from '../draw-plan.ts';
import { runPlan } from '../run-plan.ts';

const [firstSeed = 1, seeds = 200] = process.argv.slice(2).map(Number);
const order = [firstSeed, ...Array.from({ length: seeds }, (_, index) => index + 1)];
console.log(JSON.stringify(search()));

function search(): { readonly seed: number | null; readonly checker: string | null; readonly message: string } {
  for (const seed of order) {
    const { failure } = runPlan(drawPlan(seed));
    if (failure !== null) return { seed, checker: failure.checker, message: failure.message.split('\n')[0] ?? '' };
  }
  return { seed: null, checker: null, message: `${seeds} lives without a failure` };
}
