import { type MakeChecker, Violation } from '../checker.ts';
import { holdsSeat } from '../sight.ts';
import type { SimProcess } from '../sim-process.ts';
import { allowedFor, DEATH_KNOWN_MS, describe, HEAL_MS, hasTwins, inOrder } from './holders.ts';

/**
 * Nobody gives up a seat without need: only who was told to go, who hands its seat over, and, after a split, who is at or beyond both the limit its
 * seat was granted under and the one it knows. Without a split nobody ever does, whatever the clocks say and whoever joins.
 */
export const evictionChecker: MakeChecker = (world) => {
  const lastHeldMs = new Map<SimProcess, number>();
  const recentHolders = (): readonly SimProcess[] => {
    const since = world.now() - DEATH_KNOWN_MS - HEAL_MS;
    return inOrder([...lastHeldMs].filter(([, heldMs]) => heldMs >= since).map(([process]) => process));
  };
  return {
    seen(process, before) {
      for (const other of world.processes)
        if (other.running && holdsSeat(other.sight)) lastHeldMs.set(other, world.now());
      if (!holdsSeat(before) || holdsSeat(process.sight) || world.hostile.has(process)) return;
      if (process.dismissed || process.sight.successor !== null) return;
      if (hasTwins(world, HEAL_MS, [process.id])) return;
      // A hostile member that had its seat may call itself the oldest.
      if (world.faults.of('hostile-early-stamp') > 0) return;
      const holders = recentHolders();
      const rank = holders.indexOf(process);
      const allowed = allowedFor(world, { ...before, limit: process.sight.limit }).least;
      // Of a copied data directory others see now the one, now the other process: seats may be granted in between.
      const split = world.whole() !== Number.POSITIVE_INFINITY || hasTwins(world, HEAL_MS);
      const excused = split && rank >= allowed;
      if (excused) return;
      throw new Violation(
        'eviction',
        `${describe(process)} gave its seat up at rank ${rank} of ${holders.length}, ${allowed} are allowed`,
      );
    },
  };
};
