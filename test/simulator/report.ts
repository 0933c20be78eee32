import { execFileSync } from 'node:child_process';
import { formatStep } from './plan.ts';
import { type Outcome, runPlan } from './run-plan.ts';

const TRACE_LINES = 40;

/** A failure for people: seed and commit, what broke, what was done to the pool, and the end of what happened. */
export function describeFailure({ plan, failure }: Outcome): string {
  const trace: string[] = [];
  runPlan(plan, { log: (line) => trace.push(line) });
  const { lossPerMille, duplicatePerMille, delayLeastMs, delayMeanMs, slowPerMille, slowMs } = plan.conditions;
  return [
    `seed ${plan.seed} at commit ${commit()}, ${((failure?.atMs ?? 0) / 1000).toFixed(3)} s: ${failure?.message}`,
    `  limit ${plan.maxInstances}, bootstrap ${plan.bootstrap}, chaos ${plan.chaosMs} ms, loss ${lossPerMille}, duplicates ${duplicatePerMille}, ` +
      `delay ${delayLeastMs}+${delayMeanMs} ms, slow ${slowPerMille} by ${slowMs} ms`,
    ...plan.steps.map((step) => `  ${formatStep(step)}`),
    '  …',
    ...trace.slice(-TRACE_LINES).map((line) => `  ${line}`),
    '',
  ].join('\n');
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
