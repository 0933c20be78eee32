import { type MakeChecker, Violation } from '../checker.ts';
import { holdsSeat } from '../sight.ts';
import type { SimProcess } from '../sim-process.ts';
import { describe, HEAL_MS, hasTwins, holders, inOrder } from './holders.ts';

/** Whoever has been in the queue for this long is known to everybody: no joiner settles for longer. */
const QUEUED_KNOWN_MS = 5000;

/** A free seat goes to whoever is first among those who wait (DESIGN §5.2): nobody takes one whose place in the queue is at or beyond the seats that are free. */
export const queueChecker: MakeChecker = (world) => {
  const queuedAtMs = new Map<SimProcess, number>();
  return {
    seen(process, before) {
      const { state, seat, joinedAt } = process.sight;
      const moved = joinedAt.unixMs !== before.joinedAt.unixMs || joinedAt.counter !== before.joinedAt.counter;
      if (state !== 'standby') queuedAtMs.delete(process);
      else if (moved || !queuedAtMs.has(process)) queuedAtMs.set(process, world.now());
      if (seat === null || before.seat !== null || !holdsSeat(process.sight) || seat.handedOverBy !== null) return;
      if (world.whole() < HEAL_MS || world.hostile.size > 0 || hasTwins(world, HEAL_MS)) return;
      const waiting = [...queuedAtMs]
        .filter(([other, sinceMs]) => other.running && world.now() - sinceMs >= QUEUED_KNOWN_MS)
        .map(([other]) => other);
      const place = inOrder([...waiting, process]).indexOf(process);
      const free = Math.max(seat.maxInstances, process.sight.limit.maxInstances) - (holders(world).length - 1);
      if (place === 0 || place < free) return;
      throw new Violation(
        'queue',
        `${process.name} takes a seat at place ${place} of the queue, ${free} are free:\n  ${[process, ...waiting].map(describe).join('\n  ')}`,
      );
    },
  };
};
