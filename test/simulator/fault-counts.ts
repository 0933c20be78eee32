/** Every fault the simulator knows. Counted where it takes effect: a fault that never fires in a batch of seeds proves nothing. */
export const FAULTS = [
  'loss',
  'slow-message',
  'duplicate-direct',
  'duplicate-gossip',
  'reordered-gossip',
  'partition-two-way',
  'partition-one-way',
  'partition-healed',
  'stalled-then-delivered',
  'link-timeout',
  'crash-loud',
  'crash-silent',
  'restart-with-disk',
  'restart-without-disk',
  'pause',
  'clock-offset',
  'clock-drift',
  'clock-jump',
  'disk-failure',
  'write-lost-in-crash',
  'copied-data-directory',
  'limit-raised',
  'limit-lowered',
  'limit-equivocation',
  'limit-expired',
  'drain',
  'leave',
  'standby',
  'handover',
  'job-duplicated',
  'job-rerouted',
  'job-cancelled',
  'worker-died-with-job',
  'hostile-forged-record',
  'hostile-forged-limit',
  'hostile-replayed-limit',
  'hostile-early-stamp',
  'hostile-lying-load',
  'hostile-false-accusation',
  'hostile-replayed-gossip',
  'hostile-noise',
] as const;
/** One kind of fault or disturbance. */
export type Fault = (typeof FAULTS)[number];

/** How often each fault took effect. */
export class FaultCounts {
  readonly #counts = new Map<Fault, number>();

  count(fault: Fault, times = 1): void {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + times);
  }

  of(fault: Fault): number {
    return this.#counts.get(fault) ?? 0;
  }

  add(other: FaultCounts): void {
    for (const fault of FAULTS) if (other.of(fault) > 0) this.count(fault, other.of(fault));
  }

  /** Faults that never fired. */
  missing(): readonly Fault[] {
    return FAULTS.filter((fault) => this.of(fault) === 0);
  }
}
