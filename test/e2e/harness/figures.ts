/** Measured times: summed up, shown, and kept where `PAM_TEST_FIGURES` names a folder. */

import { appendFileSync, mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { isFull } from './scale.ts';

/** What many measurements come to. */
export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/** The nearest-rank percentiles of a list. */
export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((left, right) => left - right);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { count: sorted.length, min: at(0), median: at(0.5), p99: at(0.99), max: at(1) };
}

/** What was measured. */
export interface Figure {
  /** The file that the line is added to. */
  readonly file: string;
  readonly what: string;
  readonly unit: string;
  readonly values: readonly number[];
  /** What the figure must stay below. */
  readonly target?: string;
}

/** Says what was measured. */
export function recordFigure({ file, what, unit, values, target }: Figure): Summary {
  const summary = summarise(values);
  const { count, min, median, p99, max } = summary;
  const figures = [min, median, p99, max].map((value) => value.toFixed(unit === 'ms' ? 0 : 1)).join(' / ');
  const aim = target === undefined ? '' : `; target ${target}`;
  const line = `- ${what}: min / median / p99 / max ${figures} ${unit} (${count} times${aim}; load of the machine ${loadavg()[0]?.toFixed(1)})`;
  process.stdout.write(`${line}\n`);
  const folder = process.env['PAM_TEST_FIGURES'];
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    appendFileSync(join(folder, `${file}.md`), `${line}${isFull ? '' : ' [small run]'}\n`);
  }
  return summary;
}
