/** What a part of the benchmark is, and what it hands over. */

import type { Plot } from './measure/plot.ts';
import type { Row } from './measure/rows.ts';

/** The surroundings of a run. */
export interface Bench {
  /** A size that fits into the tests: it shows that everything works, its figures say little. */
  readonly isSmoke: boolean;
  /** Paired runs of every measurement. */
  readonly runs: number;
  /** Progress, for whoever waits. */
  say(line: string): void;
  /** Called when the part has ended, however it ended; last come, first called. */
  defer(close: () => Promise<unknown> | unknown): void;
}

/** What a part has measured. */
export interface PartReport {
  readonly rows: readonly Row[];
  readonly plots?: readonly Plot[];
  /** Sentences below the table: versions of the peers, what could not be measured and why. */
  readonly notes?: readonly string[];
}

/** One subject, measured beside what people would use instead. */
export interface Part {
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<PartReport>;
}

/** One number for the full run, another one for the smoke run. */
export function sized({ isSmoke }: Bench, size: { readonly full: number; readonly smoke: number }): number {
  return isSmoke ? size.smoke : size.full;
}
