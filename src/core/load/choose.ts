import { compareIds, type InstanceId } from '../../base/ids.ts';
import type { LoadSample } from '../../wire/pulse.ts';

/** An instance that could do a job, with what is known of its load. */
export interface Worker {
  readonly instanceId: InstanceId;
  readonly load: LoadSample;
  /** Memory of jobs sent to it that its sample does not contain yet, in KiB. */
  readonly pendingKib: number;
}

/** Headroom kept free on every instance, of 1000 (the reference refuses below 15 %). */
export const HEADROOM_PER_MILLE = 150;
/**
 * Busyness up to which an instance counts as idle. At 60 % of one core a job waits about as long as it takes, and the set-up of a burst alone shows as much on
 * a small machine: weighed, it would send the rest of that burst elsewhere.
 */
const BUSY_IGNORED_PER_MILLE = 600;
/** Even a saturated instance keeps this share of its capacity in the comparison, so that scores stay finite. */
const FREE_LEAST_PER_MILLE = 50;
const MILLION = 1_000_000;

/** True when the job fits and leaves the headroom free. */
export function fits(load: LoadSample, pendingKib: number, costKib: number): boolean {
  const usableKib = Math.floor((load.budgetKib * (1000 - HEADROOM_PER_MILLE)) / 1000);
  return load.reservedKib + pendingKib + costKib <= usableKib;
}

/**
 * How loaded an instance would be with the job, in millionths of its budget, weighed by how much of its processor is free: an
 * instance of which a tenth is free counts its sessions ten times. A whole number; lower is better.
 */
export function score({ load, pendingKib }: Worker, costKib: number): number {
  const share = Math.floor(((load.reservedKib + pendingKib + Math.max(costKib, 1)) * MILLION) / load.budgetKib);
  return Math.floor((Math.max(share, 1) * 1000) / freePerMille(load.busyPerMille));
}

function freePerMille(busyPerMille: number): number {
  if (busyPerMille <= BUSY_IGNORED_PER_MILLE) return 1000;
  const over = Math.floor(((busyPerMille - BUSY_IGNORED_PER_MILLE) * 1000) / (1000 - BUSY_IGNORED_PER_MILLE));
  return Math.max(FREE_LEAST_PER_MILLE, 1000 - over);
}

/**
 * The instances that can take the job, least loaded first. Equal scores are ordered by random numbers drawn for this choice, so that
 * several entries with the same view do not all pick the same one.
 */
export function rankWorkers(workers: readonly Worker[], costKib: number, random: () => number): readonly Worker[] {
  return workers
    .filter(({ load, pendingKib }) => fits(load, pendingKib, costKib))
    .sort((a, b) => compareIds(a.instanceId, b.instanceId))
    .map((worker) => ({ worker, score: score(worker, costKib), lot: random() }))
    .sort((a, b) => a.score - b.score || a.lot - b.lot || compareIds(a.worker.instanceId, b.worker.instanceId))
    .map(({ worker }) => worker);
}
