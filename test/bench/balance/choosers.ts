/** The choosers that ours is compared with: each on the same farm, with the same time on the way to the worker. */

import { EventQueue } from '../../simulator/event-queue.ts';
import type { Random } from '../../simulator/random.ts';
import { type Clock, Farm, type FarmFigures, type Manner } from './farm.ts';
import type { Arrival } from './trace.ts';

/** What a chooser can know. */
export interface Sight {
  readonly workers: number;
  readonly random: Random;
  /** Memory promised on each worker, jobs on their way included, at this very moment. */
  now(): readonly number[];
  /** The same as it was when each worker last told it: up to a second ago. */
  told(): readonly number[];
  /** Counts up with every job of an entry. */
  turn(entry: number): number;
}

/** Chooses a worker for a job at an entry. */
export type Chooser = (sight: Sight, entry: number) => number;

/** By name. */
export const CHOOSERS: Readonly<
  Record<'all-knowing' | 'round-robin' | 'random' | 'two choices' | 'least told', Chooser>
> = {
  'all-knowing': ({ now, random }) => least(now(), random),
  'round-robin': ({ workers, turn }, entry) => (entry + turn(entry)) % workers,
  random: ({ workers, random }) => random.below(workers),
  'two choices': ({ told, workers, random }) => {
    const loads = told();
    const [one, other] = [random.below(workers), random.below(workers)];
    return (loads[one] ?? 0) <= (loads[other] ?? 0) ? one : other;
  },
  'least told': ({ told, random }) => least(told(), random),
};

/** Age of what workers have told, at most. */
const TELL_MS = 1000;
/** From the entry to the worker: as in the pool of real machines. */
const WAY_MS = 20;

/** Runs a trace with a chooser. */
export function runChooser(
  choose: Chooser,
  trace: readonly Arrival[],
  { workers, manner, random }: { readonly workers: number; readonly manner: Manner; readonly random: Random },
): FarmFigures {
  const clock = new ModelClock();
  const farm = new Farm(clock, manner, workers);
  const onWay = Array.from({ length: workers }, () => 0);
  const told = Array.from({ length: workers }, () => 0);
  const turns = Array.from({ length: workers }, () => 0);
  const lastMs = (trace.at(-1)?.atMs ?? 0) + TELL_MS;
  const tell = (worker: number): void => {
    told[worker] = farm.reserved()[worker] ?? 0;
    if (clock.nowMs < lastMs) clock.after(TELL_MS, () => tell(worker));
  };
  for (let worker = 0; worker < workers; worker++) clock.after(random.below(TELL_MS), () => tell(worker));
  const sight: Sight = {
    workers,
    random,
    now: () => farm.reserved().map((load, worker) => load + (onWay[worker] ?? 0)),
    told: () => told,
    turn: (entry) => {
      turns[entry] = (turns[entry] ?? 0) + 1;
      return turns[entry] ?? 0;
    },
  };
  for (const arrival of trace) {
    clock.after(arrival.atMs, () => {
      const worker = choose(sight, arrival.entry);
      onWay[worker] = (onWay[worker] ?? 0) + arrival.costKib;
      clock.after(WAY_MS, () => {
        onWay[worker] = (onWay[worker] ?? 0) - arrival.costKib;
        farm.take(worker, arrival);
        farm.look();
      });
    });
  }
  clock.runAll();
  return farm.figures();
}

function least(loads: readonly number[], random: Random): number {
  const lowest = Math.min(...loads);
  return random.pick(loads.flatMap((load, worker) => (load === lowest ? [worker] : []))) ?? 0;
}

class ModelClock implements Clock {
  nowMs = 0;
  readonly #queue = new EventQueue();

  after(ms: number, act: () => void): void {
    this.#queue.push(this.nowMs + ms, act);
  }

  /** Until nothing is left to happen. */
  runAll(): void {
    for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop()) {
      this.nowMs = next.atMs;
      next.run();
    }
  }
}
