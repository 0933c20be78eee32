/** The jobs that every chooser gets: the same ones at the same moments. */

import { costKib } from '../../../src/core/load/cost.ts';
import type { JobKind } from '../../../src/wire/job.ts';
import type { Random } from '../../simulator/random.ts';

/** One job on its way in. */
export interface Arrival {
  readonly atMs: number;
  /** Which instance is asked. */
  readonly entry: number;
  readonly kind: JobKind;
  readonly costKib: number;
  /** How long it takes: in proportion to its cost, more or less. */
  readonly durationMs: number;
}

/** What a load looks like. */
export interface TraceInit {
  readonly random: Random;
  readonly jobs: number;
  readonly instances: number;
  /** Jobs that run at the same time, in the mean; with `isQueued` the share of the time in which a worker is busy, of 1000. */
  readonly level: { readonly concurrent: number } | { readonly busyPerMille: number };
}

/** Mixed costs of 1 to 64 MiB: seven of ten jobs are small, one is large. */
const KINDS: readonly JobKind[] = [
  ...Array.from({ length: 7 }, () => 'tunnel' as const),
  'rotation',
  'rotation',
  'discovery',
];
/** Of a job of 1 MiB in a queue. */
const UNIT_MS = 5;
/** Between two arrivals where they do not queue, in the mean. */
const GAP_MS = 8;

/** Draws the arrivals: memoryless, at every instance alike. */
export function drawTrace({ random, jobs, instances, level }: TraceInit): readonly Arrival[] {
  const meanUnits = KINDS.reduce((sum, kind) => sum + units(kind), 0) / KINDS.length;
  const gapMs = 'concurrent' in level ? GAP_MS : (meanUnits * UNIT_MS * 1000) / (instances * level.busyPerMille);
  const unitMs = 'concurrent' in level ? (level.concurrent * gapMs) / meanUnits : UNIT_MS;
  let atMs = 0;
  return Array.from({ length: jobs }, () => {
    atMs += -Math.log(1 - random.fraction()) * gapMs;
    const kind = random.pick(KINDS) ?? 'tunnel';
    const cost = costKib({ kind, parameters: [] });
    const durationMs = Math.max(1, Math.round(units(kind) * unitMs * (0.5 + random.fraction())));
    return { atMs: Math.round(atMs), entry: random.below(instances), kind, costKib: cost, durationMs };
  });
}

function units(kind: JobKind): number {
  return costKib({ kind, parameters: [] }) / 1024;
}
