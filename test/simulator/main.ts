/** `npm run simulate -- …`: runs simulated pools and reports what broke; one seed gives one life of a pool. `--help` tells the rest. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
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

const values = new Command('npm run simulate --')
  .description('Runs simulated pools and reports what broke. One seed gives one life of a pool.')
  .option('--seeds <N>', 'lives', whole, 200)
  .option('--from <N>', 'seed of the first', whole, 1)
  .option('--seed <N>', 'this one life', whole)
  .option('--no-shrink', 'tell a failure as it is, without looking for the shortest life that breaks the same')
  .option('--most-failures <N>', 'failures that are told in full', whole, 10)
  .option('--trace', 'tell what happens, line by line', false)
  .option('--messages', 'with --trace: every message, too', false)
  .option('--plan <FILE>', 'run the plan of the file where it exists; keep the shrunk plan of a failure there')
  .option('--explore', 'explore small worlds exhaustively instead', false)
  .option('--departures <N>', 'with --explore: departures from the usual course', whole, 2)
  .option('--minutes <N>', 'with --explore: how long', whole, 60)
  .option('--scale', 'measure traffic, and how fast news travels, by the size of the pool', false)
  .option('--sizes <LIST>', 'with --scale: instances', '10,100,1000')
  .option('--loss-per-mille <N>', 'with --scale: messages lost of 1,000', whole, 10)
  .option('--calm-hour', 'live an hour without faults', false)
  .option('--instances <N>', 'pool size, where it is not the seed that says it', whole)
  .allowExcessArguments(false)
  .parse()
  .opts<{
    readonly seeds: number;
    readonly from: number;
    readonly seed?: number;
    readonly shrink: boolean;
    readonly mostFailures: number;
    readonly trace: boolean;
    readonly messages: boolean;
    readonly plan?: string;
    readonly explore: boolean;
    readonly departures: number;
    readonly minutes: number;
    readonly scale: boolean;
    readonly sizes: string;
    readonly lossPerMille: number;
    readonly calmHour: boolean;
    readonly instances?: number;
  }>();

/** A map in memory holds that many. */
const EXPLORED_STATES_MAX = 10_000_000;
const { instances } = values;
const first = values.seed ?? values.from;
const count = values.seed === undefined && !values.calmHour ? values.seeds : 1;
process.exitCode = values.scale ? measure() : values.explore ? exploreAll() : run();

function whole(text: string): number {
  if (/^[0-9]+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is no whole number.');
}

/** A row for each size, as soon as it is there. */
function measure(): number {
  const sizes = values.sizes.split(',').map(Number);
  for (const line of scaleTable({ sizes, lossPerMille: values.lossPerMille })) console.log(line);
  return 0;
}

/** Every situation of the small world, each with its share of the time. */
function exploreAll(): number {
  const spendMs = (values.minutes * 60_000) / SITUATIONS.length;
  const explorations = SITUATIONS.map((situation) => {
    const exploration = explore(situation, {
      departuresMax: values.departures,
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
  if (values.calmHour) return calmHour(instances ?? 5);
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
    if (failed > values.mostFailures) continue;
    const told = values.shrink ? shrink(outcome) : outcome;
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
