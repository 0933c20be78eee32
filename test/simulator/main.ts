/**
 * `npm run simulate -- [--seeds N] [--from N] [--seed N] [--instances N] [--trace] [--no-shrink]`: runs simulated pools and reports what broke. One seed
 * gives one life of a pool; `--seed N --trace` tells it line by line.
 */
import { parseArgs } from 'node:util';
import { drawPlan } from './draw-plan.ts';
import { FAULTS, FaultCounts } from './fault-counts.ts';
import { formatStep } from './plan.ts';
import { describeFailure } from './report.ts';
import { runPlan } from './run-plan.ts';
import { shrink } from './shrink.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    instances: { type: 'string' },
    trace: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
    'most-failures': { type: 'string', default: '10' },
  },
});

const instances = values.instances === undefined ? undefined : Number(values.instances);
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
process.exitCode = run();

function run(): number {
  const faults = new FaultCounts();
  const failures = new Map<string, number[]>();
  const startedAt = process.cpuUsage();
  let [events, simulatedMs, failed] = [0, 0, 0];
  for (let seed = first; seed < first + count; seed++) {
    const plan = drawPlan(seed, instances);
    if (values.trace) for (const step of plan.steps) console.log(formatStep(step));
    const outcome = runPlan(plan, values.trace ? { log: (line) => console.log(line) } : {});
    faults.add(outcome.faults);
    events += outcome.events;
    simulatedMs += outcome.simulatedMs;
    if (outcome.failure === null) continue;
    failed += 1;
    failures.set(outcome.failure.checker, [...(failures.get(outcome.failure.checker) ?? []), seed]);
    if (failed > Number(values['most-failures'])) continue;
    console.log(describeFailure(values['no-shrink'] ? outcome : shrink(outcome)));
  }
  const { user, system } = process.cpuUsage(startedAt);
  const cpuMs = (user + system) / 1000;
  console.log(
    `${count} seeds, ${failed} failed; ${(simulatedMs / 3_600_000).toFixed(2)} h simulated in ${(cpuMs / 1000).toFixed(1)} s of processor time ` +
      `(${Math.round(simulatedMs / cpuMs)} x real time), ${events} events`,
  );
  for (const [checker, seeds] of failures) console.log(`  ${checker}: ${seeds.length} (${seeds.slice(0, 12).join(' ')})`);
  if (count > 1) console.log(`faults: ${FAULTS.map((fault) => `${fault} ${faults.of(fault)}`).join(', ')}`);
  if (count >= 200 && faults.missing().length > 0) console.log(`never fired: ${faults.missing().join(', ')}`);
  return failed === 0 ? 0 : 1;
}
