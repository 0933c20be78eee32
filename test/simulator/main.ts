/**
 * `npm run simulate -- [--seeds N] [--from N] [--seed N] [--instances N] [--no-shrink] [--trace [--messages]] [--plan FILE]`: runs simulated pools and
 * reports what broke. One seed gives one life of a pool; `--trace` tells it line by line. `--plan` keeps the shrunk plan of a failure in a file, and runs the
 * plan of the file when it is there. `--explore [--departures N] [--minutes N]` explores small worlds exhaustively instead, `--scale [--sizes 10,100,1000]
 * [--loss-per-mille 10]` measures traffic and how fast news travels by the size of the pool; `--calm-hour` lives one hour of `--instances` (5) without faults.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { calmHour } from './calm-hour.ts';
import { drawPlan } from './draw-plan.ts';
import { explore } from './explorer/explore.ts';
import { formatExploration } from './explorer/report.ts';
import { SITUATIONS } from './explorer/situations.ts';
import { FAULTS, FaultCounts } from './fault-counts.ts';
import { formatStep, type Plan } from './plan.ts';
import { describeFailure } from './report.ts';
import { runPlan } from './run-plan.ts';
import { scaleTable } from './scale.ts';
import { shrink } from './shrink.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    instances: { type: 'string' },
    trace: { type: 'boolean', default: false },
    messages: { type: 'boolean', default: false },
    plan: { type: 'string' },
    explore: { type: 'boolean', default: false },
    departures: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '60' },
    'calm-hour': { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    sizes: { type: 'string', default: '10,100,1000' },
    'loss-per-mille': { type: 'string', default: '10' },
    'no-shrink': { type: 'boolean', default: false },
    'most-failures': { type: 'string', default: '10' },
  },
});

for (const name of ['seeds', 'from', 'seed', 'instances', 'minutes', 'departures'] as const) {
  const text = values[name];
  if (text === undefined || /^[0-9]+$/.test(text)) continue;
  console.error(`--${name}: "${text}" is no whole number`);
  process.exit(2);
}

/** A map in memory holds that many. */
const EXPLORED_STATES_MAX = 10_000_000;
const instances = values.instances === undefined ? undefined : Number(values.instances);
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined && !values['calm-hour'] ? Number(values.seeds) : 1;
process.exitCode = values.scale ? measure() : values.explore ? exploreAll() : run();

/** A row for each size, as soon as it is there. */
function measure(): number {
  const sizes = values.sizes.split(',').map(Number);
  for (const line of scaleTable({ sizes, lossPerMille: Number(values['loss-per-mille']) })) console.log(line);
  return 0;
}

/** Every situation of the small world, each with its share of the time. */
function exploreAll(): number {
  const spendMs = (Number(values.minutes) * 60_000) / SITUATIONS.length;
  const explorations = SITUATIONS.map((situation) => {
    const exploration = explore(situation, {
      departuresMax: Number(values.departures),
      statesMax: EXPLORED_STATES_MAX,
      spendMs,
    });
    console.log(formatExploration(exploration));
    return exploration;
  });
  const states = explorations.reduce((sum, exploration) => sum + exploration.states, 0);
  console.log(`${states} states in all, up to ${values.departures} departures from the usual course`);
  return explorations.some(({ failure }) => failure !== null) ? 1 : 0;
}

/** The plan of the seed, or the one that an earlier shrinking left in the file of `--plan`. */
function readPlan(seed: number): Plan {
  if (values['calm-hour']) return calmHour(instances ?? 5);
  if (values.plan === undefined || !existsSync(values.plan)) return drawPlan(seed, instances);
  return JSON.parse(readFileSync(values.plan, 'utf8')) as Plan;
}

function run(): number {
  const faults = new FaultCounts();
  const failures = new Map<string, number[]>();
  const startedAt = process.cpuUsage();
  let [events, simulatedMs, failed] = [0, 0, 0];
  for (let seed = first; seed < first + count; seed++) {
    const plan = readPlan(seed);
    if (values.trace) for (const step of plan.steps) console.log(formatStep(step));
    const outcome = runPlan(plan, values.trace ? { log: (line) => console.log(line), messages: values.messages } : {});
    faults.add(outcome.faults);
    events += outcome.events;
    simulatedMs += outcome.simulatedMs;
    if (outcome.failure === null) continue;
    failed += 1;
    failures.set(outcome.failure.checker, [...(failures.get(outcome.failure.checker) ?? []), seed]);
    if (failed > Number(values['most-failures'])) continue;
    const told = values['no-shrink'] ? outcome : shrink(outcome);
    console.log(describeFailure(told));
    if (values.plan !== undefined) writeFileSync(values.plan, JSON.stringify(told.plan, null, 1));
  }
  const { user, system } = process.cpuUsage(startedAt);
  const cpuMs = (user + system) / 1000;
  console.log(
    `${count} seeds, ${failed} failed; ${(simulatedMs / 3_600_000).toFixed(2)} h simulated in ${(cpuMs / 1000).toFixed(1)} s of processor time ` +
      `(${Math.round(simulatedMs / cpuMs)} x real time), ${events} events`,
  );
  for (const [checker, seeds] of failures)
    console.log(`  ${checker}: ${seeds.length} (${seeds.slice(0, 12).join(' ')})`);
  if (count > 1) console.log(`faults: ${FAULTS.map((fault) => `${fault} ${faults.of(fault)}`).join(', ')}`);
  if (count >= 200 && faults.missing().length > 0) console.log(`never fired: ${faults.missing().join(', ')}`);
  return failed === 0 ? 0 : 1;
}
