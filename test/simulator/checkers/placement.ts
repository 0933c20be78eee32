import { type MakeChecker, Violation } from '../checker.ts';
import type { JobFate } from '../clients.ts';
import { HEAL_MS } from './holders.ts';

/** Jobs asked for within this time at one entry are one burst. */
export const BURST_MS = 200;
/** Smallest burst that says something. */
const BURST_LEAST = 8;
/** How much more than its share one instance may get: a job that lands beside its place costs little. */
const BEYOND_SHARE = 2;

/**
 * A burst of equal jobs is spread over the pool: with nothing lost and nobody coming or going, no instance gets more than its share and two. Samples are up to a
 * second old then, so that a choice by samples alone would send the whole burst to one.
 */
export const placementChecker: MakeChecker = (world) => {
  let changedAtMs = 0;
  const changed = (): void => {
    changedAtMs = world.now();
  };
  const calm =
    world.plan.conditions.lossPerMille === 0 &&
    world.plan.conditions.slowPerMille === 0 &&
    world.plan.conditions.duplicatePerMille === 0;
  return {
    started: changed,
    ended: changed,
    seen(process, before) {
      if (process.sight.state !== before.state) changed();
    },
    burst(fates, { count, spacingMs, durationMs, twist }) {
      const isBurst =
        count >= BURST_LEAST && count * spacingMs <= BURST_MS && durationMs > 2 * BURST_MS && twist === 'none';
      if (!calm || !isBurst || world.hostile.size > 0 || world.whole() < HEAL_MS) return;
      if (world.now() - changedAtMs < HEAL_MS || world.clients.running() > 0) return;
      const instances = world.live().filter(({ sight }) => sight.state === 'admitted').length;
      const askedAtMs = world.now();
      world.after(BURST_MS + 1500, () => {
        if (changedAtMs > askedAtMs) return;
        const counts = countsOf(fates);
        const most = Math.max(0, ...counts.values());
        const share = Math.ceil(fates.length / Math.max(1, instances));
        if (most > share + BEYOND_SHARE) {
          throw new Violation(
            'placement',
            `${most} of ${fates.length} jobs on one of ${instances} instances: ${[...counts].map(([name, count]) => `${name} ${count}`).join(', ')}`,
          );
        }
      });
    },
  };
};

function countsOf(fates: readonly JobFate[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { runs } of fates) {
    for (const { process } of runs) counts.set(process.name, (counts.get(process.name) ?? 0) + 1);
  }
  return counts;
}
