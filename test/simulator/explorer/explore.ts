import { type Choice, type Situation, SmallWorld } from './small-world.ts';

/** How far to explore. */
export interface Bounds {
  /** Departures from the usual course: overtaken or lost messages, early timers, crashes, limit changes. */
  readonly departuresMax: number;
  readonly statesMax: number;
  /** Processor time to spend, in milliseconds. */
  readonly spendMs?: number;
}

/** What was explored, and what was found. */
export interface Exploration {
  readonly situation: string;
  readonly states: number;
  readonly schedules: number;
  /** Steps of the longest schedule. */
  readonly depth: number;
  /** Every schedule with so few departures was explored. */
  readonly complete: boolean;
  readonly failure: {
    readonly message: string;
    readonly schedule: readonly Departure[];
    readonly trace: readonly string[];
  } | null;
}

/** At this step something else happened than usual. */
export interface Departure {
  readonly step: number;
  readonly choice: number;
}

/** Everything must have settled so long after the explored time: longer than the longest patience of the protocol. */
const SETTLED_MS = 12_000;
const STEPS_MAX = 20_000;

/**
 * Explores every schedule with at most so many departures from the usual course (delay-bounded search: Emmi, Qadeer, Rakamarić 2011), each from the start. A
 * state that was reached before with as many departures left is not gone into again. Seats are counted in every state, and each schedule is followed until
 * everything has settled.
 */
export function explore(situation: Situation, bounds: Bounds): Exploration {
  const seen = new Map<string, number>();
  const pending: (readonly Departure[])[] = [[]];
  let [schedules, depth] = [0, 0];
  const startedAt = process.cpuUsage();
  const spentMs = (): number => process.cpuUsage(startedAt).user / 1000;
  const result = (complete: boolean, failure: Exploration['failure']): Exploration => ({
    situation: situation.name,
    states: seen.size,
    schedules,
    depth,
    complete,
    failure,
  });
  for (let schedule = pending.pop(); schedule !== undefined; schedule = pending.pop()) {
    if (seen.size > bounds.statesMax || spentMs() > (bounds.spendMs ?? Number.POSITIVE_INFINITY))
      return result(false, null);
    schedules += 1;
    const run = follow(situation, schedule, { seen, departuresMax: bounds.departuresMax });
    depth = Math.max(depth, run.steps);
    if (run.failure !== null)
      return result(false, { message: run.failure, schedule, trace: traceOf(situation, schedule) });
    pending.push(...run.alternatives);
  }
  return result(true, null);
}

interface Run {
  readonly steps: number;
  readonly failure: string | null;
  readonly alternatives: readonly (readonly Departure[])[];
}

function follow(
  situation: Situation,
  schedule: readonly Departure[],
  { seen, departuresMax }: { readonly seen: Map<string, number>; readonly departuresMax: number },
): Run {
  const world = new SmallWorld(situation);
  const alternatives: (readonly Departure[])[] = [];
  const departures = new Map(schedule.map(({ step, choice }) => [step, choice]));
  const lastStep = schedule.at(-1)?.step ?? -1;
  const left = departuresMax - schedule.length;
  let step = 0;
  try {
    for (; step < STEPS_MAX && world.nowMs < situation.untilMs + SETTLED_MS; step++) {
      const choices = world.choices();
      if (choices.length === 0) break;
      if (step > lastStep && world.isExplored) {
        const key = world.key();
        if ((seen.get(key) ?? -1) >= left) return { steps: step, failure: null, alternatives };
        seen.set(key, left);
        if (left > 0)
          for (let choice = 1; choice < choices.length; choice++) alternatives.push([...schedule, { step, choice }]);
      }
      const choice = choices[departures.get(step) ?? 0];
      if (choice !== undefined) world.apply(choice);
      const broken = seatsBroken(world);
      if (broken !== null) return { steps: step, failure: broken, alternatives };
    }
    return { steps: step, failure: unsettled(world), alternatives };
  } catch (error) {
    return {
      steps: step,
      failure: error instanceof Error ? (error.stack ?? error.message) : String(error),
      alternatives,
    };
  }
}

/** At any moment the seats held are no more than the greatest limit that any of them was granted under. */
function seatsBroken(world: SmallWorld): string | null {
  const holders = world.holders();
  const granted = holders.map((index) => {
    const version = world.instances[index]?.sight.seat?.limitVersion ?? 0;
    return Math.max(
      0,
      ...world.limits.filter((limit) => limit.version === version).map(({ maxInstances }) => maxInstances),
    );
  });
  const allowed = Math.max(0, ...granted);
  return holders.length > allowed
    ? `${holders.length} seats are held (${holders.map((index) => `g${index}`).join(' ')}), ${allowed} are allowed`
    : null;
}

/** In the end nobody is on the way any more, a free seat has been taken by whoever waited, and all see the same. */
function unsettled(world: SmallWorld): string | null {
  const running = world.instances.filter(({ machine }) => machine !== null);
  const states = running.map(({ sight }) => sight.state);
  const maxInstances = Math.max(0, ...running.map(({ sight }) => sight.limit.maxInstances));
  if (new Set(running.map(({ sight }) => sight.limit.version)).size > 1)
    return 'in the end not all hold the same limit';
  if (states.includes('candidate') || states.includes('draining'))
    return `in the end somebody is still on the way: ${states.join(' ')}`;
  const held = world.holders().length;
  if (held < maxInstances && states.includes('standby'))
    return `in the end ${held} of ${maxInstances} seats are held, and somebody waits: ${states.join(' ')}`;
  const views = new Set(
    running.map(({ machine }) => JSON.stringify(machine?.view({ atMs: world.nowMs }).admission.order)),
  );
  return views.size > 1 ? 'in the end not all see the same' : null;
}

/** The schedule as a story. */
export function traceOf(situation: Situation, schedule: readonly Departure[]): readonly string[] {
  const world = new SmallWorld(situation);
  const departures = new Map(schedule.map(({ step, choice }) => [step, choice]));
  const lines: string[] = [];
  for (let step = 0; step < STEPS_MAX && world.nowMs < situation.untilMs + SETTLED_MS; step++) {
    const choices = world.choices();
    const index = departures.get(step) ?? 0;
    const choice = choices[index];
    if (choice === undefined) break;
    const before = world.instances.map(({ sight, machine }) => `${sight.state}${machine === null ? ' (gone)' : ''}`);
    const mark = index === 0 ? ' ' : '!';
    if (index !== 0)
      lines.push(
        `${mark} ${world.nowMs} ms, step ${step}: ${formatChoice(choice, situation)} instead of ${formatChoice(choices[0] ?? choice, situation)}`,
      );
    world.apply(choice);
    for (const [number, { sight, machine }] of world.instances.entries()) {
      const now = `${sight.state}${machine === null ? ' (gone)' : ''}`;
      if (now !== before[number]) lines.push(`  ${world.nowMs} ms, step ${step}: g${number} is ${now}`);
    }
    if (seatsBroken(world) !== null) break;
  }
  return lines;
}

function formatChoice(choice: Choice, { instances, mayHappen }: Situation): string {
  const ends = (channel: number): string =>
    `g${Math.floor(channel / instances.length)} to g${channel % instances.length}`;
  if (choice.kind === 'deliver') return `a message from ${ends(choice.channel)} arrives`;
  if (choice.kind === 'lose') return `a message from ${ends(choice.channel)} is lost`;
  if (choice.kind === 'wake') return `a timer of g${choice.instance} fires`;
  return JSON.stringify(mayHappen[choice.index]);
}
