import type { Effect } from '../../src/core/index.ts';
import type { JobFate, JobsAct } from './clients.ts';
import type { SelfSight } from './sight.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

/** An invariant that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly checker: string;

  constructor(checker: string, message: string) {
    super(`${checker}: ${message}`);
    this.checker = checker;
  }
}

/** Watches one invariant. Every method that it has is called as things happen; it throws `Violation` when the invariant is broken. */
export interface Checker {
  /** A process was started. */
  started?(process: SimProcess): void;
  /** What a process says of itself may have changed. */
  seen?(process: SimProcess, before: SelfSight): void;
  effect?(process: SimProcess, effect: Effect): void;
  /** A process has ended, by itself (`exit`) or not. */
  ended?(process: SimProcess): void;
  /** Clients begin to ask for these jobs at one entry; the list grows as they do. */
  burst?(fates: readonly JobFate[], act: JobsAct): void;
  /** The quiet time is over: what had to happen has happened. */
  finished?(): void;
}

/** Makes the checker of one invariant for one world. */
export type MakeChecker = (world: World) => Checker;
